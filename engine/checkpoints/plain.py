"""Tensors of a file that is no network of ours, by their keys: read like all others, without running anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.checkpoints import allowed, archive, legacy, native
from engine.checkpoints.fit import Entry
from engine.checkpoints.limits import Watch, refusal
from engine.checkpoints.opening import naming, reading
from engine.checkpoints.recognise import PEEK, instead
from engine.checkpoints.source import Source
from engine.checkpoints.tensors import TensorRef

KINDS = "a state dict (.pth, .pt or .safetensors)"


def read_tensors(path: Path, wanted: Mapping[str, tuple[int | None, ...]], advice: str) -> dict[str, Tensor]:
    """The `wanted` tensors, by key and shape (None for a size that may be any), of the state dict at `path`.

    Raises CheckpointError, which ends in `advice`, where the file is something else or lacks one.
    """
    with naming(path), reading(path, Watch()) as source:
        entries = _entries(source, path, advice)
        for key, shape in wanted.items():
            if key not in entries:
                raise refusal(f"the tensor {key}", f"{len(entries)} others and not this", advice)
            found = entries[key].shape
            if len(found) != len(shape) or any(size not in (None, got) for size, got in zip(shape, found)):
                raise refusal(f"{key} of shape {list(shape)}", f"{list(found)}", advice)
        return {key: entries[key].read().float() for key in wanted}


def _entries(source: Source, path: Path, advice: str) -> dict[str, Entry]:
    head = source.head(PEEK)
    if head.startswith(b"PK\x03\x04"):
        members = archive.Archive(source)
        if any(name.endswith("/constants.pkl") for name in members.names()):
            raise refusal(KINDS, "a TorchScript program, which would have to be run", advice)
        prefix = archive.torch_prefix(members)
        if prefix is None:
            raise refusal(KINDS, "an archive without one", advice)
        return _named(archive.read_torch(members, prefix, allowed.find), advice)
    if native.recognise(source):
        return native.read_header(source, path)[0]
    if head.startswith(legacy.SIGNATURE):
        return _named(legacy.read(source, allowed.find), advice)
    raise refusal(KINDS, instead(head)[0], advice)


def _named(top: Any, advice: str) -> dict[str, Entry]:
    if not isinstance(top, dict):
        raise refusal(KINDS, "another object", advice)
    return {key: Entry.of(value) for key, value in top.items() if isinstance(value, TensorRef) and type(key) is str}
