"""StyleScope's own format: safetensors with the networks' configuration in its metadata, opened by memory map."""

import dataclasses
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from engine import files
from engine.checkpoints import fit
from engine.checkpoints.contents import Contents
from engine.checkpoints.fit import Draft, Entry
from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.shapes import Shapes, Traits
from engine.checkpoints.source import Source
from engine.checkpoints.tensors import checked_shape
from engine.errors import CheckpointError
from engine.networks.common import MappingConfig

VERSION = 1
LONGEST_HEADER = 8 << 20  # bytes; a large network's is 100 KB
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
}

# compared by the shapes they lead to, or None for "the usual"
_SEEN_IN_SHAPES = ("mapping", "channels", "cmap_dim", "embed_features", "layer_features", "w_avg_beta")


def write_native(networks: Mapping[str, Contents], path: str | os.PathLike) -> None:
    """Write networks by name ("G_ema", "G", "D") to `path`: first aside, then renamed, so never half a file."""
    target = Path(path)
    described = {
        name: {
            "family": c.family,
            "kind": c.kind,
            "config": dataclasses.asdict(c.config),
            "trained": c.trained,
            "notes": list(c.notes),
        }
        for name, c in networks.items()
    }
    metadata = {"stylescope": str(VERSION), "networks": json.dumps(described)}
    tensors = {f"{name}/{key}": value for name, c in networks.items() for key, value in c.state.items()}
    try:
        with files.aside(target) as temporary:
            save_file(_separate(tensors), temporary, metadata)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{target.name}: could not be written ({files.why(error)}); "
            "choose another folder or make room on the disk"
        ) from error


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share no memory, which is what the format asks for."""
    seen: set[int] = set()
    separate = {}
    for key, value in tensors.items():
        storage = value.untyped_storage()
        shared = storage.data_ptr() in seen or storage.nbytes() != value.numel() * value.element_size()
        seen.add(storage.data_ptr())
        separate[key] = value.detach().contiguous().clone() if shared else value.detach().contiguous()
    return separate


def recognise(source: Source) -> bool:
    """Whether the bytes are safetensors: the length of a JSON header, then the header."""
    head = source.head(9)
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") <= source.length - 8


def read_header(source: Source, path: Path | None) -> tuple[dict[str, Entry], dict[str, str]]:
    """Key -> tensor, and the metadata. With a `path` the tensors are mapped into memory, without they are read."""
    size = int.from_bytes(source.read(0, 8), "little")
    if size > LONGEST_HEADER:
        raise refusal(
            "a header of a few KB", f"one of {size} bytes", "the file is damaged or made to exhaust memory"
        )
    try:
        header = msgspec.json.decode(source.read(8, size), type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise damaged("a header that cannot be read") from None
    metadata = {
        str(key): value for key, value in header.pop("__metadata__", {}).items() if isinstance(value, str)
    }
    body = source.window(8 + size, source.length - 8 - size)
    mapped: list[Tensor] = []
    return {key: _entry(described, body, path, mapped) for key, described in header.items()}, metadata


def _entry(described: dict[str, Any], body: Source, path: Path | None, mapped: list[Tensor]) -> Entry:
    dtype, shape = _DTYPES.get(str(described.get("dtype"))[:8]), described.get("shape")
    span = described.get("data_offsets")
    if not isinstance(span, list) or len(span) != 2 or not all(type(end) is int for end in span):
        raise damaged("a tensor without a place")
    if dtype is None or not isinstance(shape, list):
        raise damaged("a tensor without type and shape")
    sizes = checked_shape(tuple(shape))
    begin, size = span[0], span[1] - span[0]
    body.require(begin, size)
    count = math.prod(sizes)
    if count * dtype.itemsize != size:
        raise damaged("a tensor whose shape and bytes differ")
    return Entry(sizes, size, lambda: _tensor(body, begin, count, dtype, path, mapped).reshape(sizes))


def _tensor(
    body: Source, begin: int, count: int, dtype: torch.dtype, path: Path | None, mapped: list[Tensor]
) -> Tensor:
    if path is None:
        return body.tensor(begin, count, dtype)
    if not mapped:
        mapped.append(
            torch.from_file(str(path), shared=False, size=body.start + body.length, dtype=torch.uint8)
        )
    start = body.start + begin
    data = mapped[0][start : start + count * dtype.itemsize]
    body.watch.advance(len(data), "reading the weights")
    return (data if start % dtype.itemsize == 0 else data.clone()).view(dtype)


def networks(entries: Mapping[str, Entry], metadata: Mapping[str, str]) -> dict[str, Callable[[], Draft]]:
    """Name -> how to read it, for a file that `write_native` wrote."""
    if metadata.get("stylescope") != str(VERSION):
        raise refusal(f"version {VERSION} of the format", "another", "update StyleScope to open this file")
    try:
        described = msgspec.json.decode(metadata.get("networks", ""), type=dict[str, _Described])
    except (msgspec.DecodeError, RecursionError):
        raise damaged("a configuration that cannot be read") from None
    return {
        name: lambda name=name, says=says: _network(name, says, entries) for name, says in described.items()
    }


class _Described(msgspec.Struct):
    family: str
    kind: str
    config: dict[str, Any]
    trained: bool = True
    notes: tuple[str, ...] = ()


def _network(name: str, says: _Described, entries: Mapping[str, Entry]) -> Draft:
    own = {key[len(name) + 1 :]: entry for key, entry in entries.items() if key.startswith(f"{name}/")}
    if says.family not in fit.PLANS:
        raise refusal(
            f"a network of {', '.join(fit.PLANS)}",
            f"{says.family[:40]!r}",
            "update StyleScope to open this file",
        )
    config = config_from(says.family, says.config, own)
    draft = fit.draft(says.family, config, own, says.notes)
    return dataclasses.replace(draft, trained=says.trained, checked=True)


def config_from(family: str, described: dict[str, Any], entries: Mapping[str, Entry]) -> Any:
    """The configuration a file declares, accepted only if its tensors tell the same."""
    plan = fit.PLANS[family]
    try:
        said = msgspec.convert(described, plan.Config)
    except msgspec.ValidationError as error:
        raise refusal(
            "a complete configuration",
            f"{str(error)[:120]!r}",
            "the file is damaged or from a newer StyleScope",
        ) from None
    seen = plan.config_of(Shapes({key: entry.shape for key, entry in entries.items()}), traits_of(said))
    pairs = [(seen, said), *([(seen.mapping, said.mapping)] if hasattr(seen, "mapping") else [])]
    for ours, theirs in pairs:
        for name in _names(ours):
            if name not in _SEEN_IN_SHAPES and getattr(ours, name) != getattr(theirs, name):
                raise refusal(
                    f"{name} {getattr(ours, name)}, as its tensors have it",
                    "another in its configuration",
                    "the file is damaged",
                )
    return seen


def _names(config: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(config)]


def traits_of(config: Any) -> Traits:
    """What a configuration holds beyond the shapes."""
    fields = {name: getattr(config, name) for name in _names(config)}
    shared = {
        name: fields[name]
        for name in ("architecture", "activation", "conv_clamp", "resample_filter", "lod")
        if name in fields
    }
    mapping = getattr(config, "mapping", None) or MappingConfig()
    return Traits(
        mapping_activation=mapping.activation,
        lr_multiplier=mapping.lr_multiplier,
        w_avg_beta=mapping.w_avg_beta,
        labels=mapping.labels,
        num_fp16_res=fields.get("num_fp16_res", 0),
        more=fields,
        **shared,
    )
