"""What is computed once from a weight or filter and kept for as long as that tensor lives unchanged."""

import weakref
from collections.abc import Callable, Hashable
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
_Stamp = tuple[int, int, tuple[int, ...]]

_store: dict[int, tuple[weakref.ref[Tensor], _Stamp, dict[Hashable, object]]] = {}


def prepared(source: Tensor, key: Hashable, make: Callable[[Tensor], T]) -> T:
    """`make(source)`, remembered under `key` until `source` is written to, moved or freed.

    Writes through `.data` go unseen by torch's version counter: use `copy_` under `no_grad` instead. Tensors made in
    inference mode have no such counter, and are prepared anew each time.
    """
    if source.is_inference():
        return make(source)
    values = _values(source)
    if key not in values:
        with torch.inference_mode(False):  # so that what is made may itself be the source of something prepared
            values[key] = make(source.detach())
    return values[key]  # type: ignore[return-value]


def _values(source: Tensor) -> dict[Hashable, object]:
    stamp = (source._version, source.data_ptr(), tuple(source.shape))
    name = id(source)
    entry = _store.get(name)
    if entry is None or entry[0]() is not source or entry[1] != stamp:
        entry = (weakref.ref(source, lambda dead: _forget(name, dead)), stamp, {})
        _store[name] = entry
    return entry[2]


def _forget(name: int, dead: weakref.ref[Tensor]) -> None:
    entry = _store.get(name)
    if entry is not None and entry[0] is dead:
        del _store[name]
