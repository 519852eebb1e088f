"""Memory of results, used again for the next frame: fresh pages cost more than many a layer that fills them."""

import threading
import weakref
from collections import deque
from math import prod

import numpy as np
import torch
from torch import Tensor

SMALL = 1 << 16  # floats; below this the allocator does as well
WASTE = 8  # times the size asked for that a block may have
IDLE_BYTES = 384 << 20  # memory kept for later; the oldest is given back first

_lock = threading.Lock()
_returned: deque[np.ndarray] = deque()  # blocks whose tensors died, in any thread and at any time
_idle: list[np.ndarray] = []


def empty(*shape: int) -> Tensor:
    """Like torch.empty of float32. When the last tensor on this memory is gone, a later call that fits takes it."""
    size = prod(shape)
    if size < SMALL:
        return torch.empty(shape)
    block = _take(size)
    if block is None:
        block = np.empty(size, np.float32)
    lent = block[:size]  # a second array object, which dies together with the tensor's storage
    loan = _Loan(lent, _give_back)
    loan.block = block
    _loans[id(loan)] = loan
    return torch.from_numpy(lent).view(shape)


class _Loan(weakref.ref):
    """Knows when an array dies, and on which block it lay: `weakref.finalize` at a fraction of its cost."""

    __slots__ = ("block",)
    block: np.ndarray


_loans: dict[int, _Loan] = {}  # a reference that is gone itself calls nobody


def _give_back(loan: _Loan) -> None:
    _returned.append(loan.block)
    del _loans[id(loan)]


def _take(size: int) -> np.ndarray | None:
    """The smallest idle block that serves; where none does, all that are smaller go: the new one will serve for them.

    So a network's layers come to share a few blocks as large as its largest results.
    """
    with _lock:
        while _returned:
            _idle.append(_returned.popleft())
        fitting = [i for i, block in enumerate(_idle) if size <= block.size <= WASTE * size]
        block = _idle.pop(min(fitting, key=lambda i: _idle[i].size)) if fitting else None
        if block is None:
            _idle[:] = [b for b in _idle if b.size > size]
        while sum(b.nbytes for b in _idle) > IDLE_BYTES:
            _idle.pop(0)
        return block
