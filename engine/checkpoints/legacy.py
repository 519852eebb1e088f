"""Reads what `torch.save` wrote before it wrote zip archives: five pickles in a row, then the values."""

from typing import Any

from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.machine import Machine, Persistent, Rules
from engine.checkpoints.records import Stub
from engine.checkpoints.source import Source
from engine.checkpoints.tensors import STORAGE_TYPES, Storage

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
SIGNATURE = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."
STORAGE_COST = 2048  # bytes charged for a storage, which takes five small pickles to describe


class StorageType(Stub):
    """Stands for `torch.FloatStorage` and its like."""

    __slots__ = ("dtype",)

    def __init__(self, name: str):
        super().__init__(name, _not_called)
        self.dtype = STORAGE_TYPES[name]


def find_storage_type(module: str, name: str) -> StorageType | None:
    """The type that `module.name` names, if it is one of PyTorch's storage types."""
    return StorageType(name) if module in ("torch", "torch.storage") and name in STORAGE_TYPES else None


def read_storage(source: Source) -> Storage:
    """The one storage of a nested file; its values stay in the file."""
    source.budget.take(STORAGE_COST)
    storage = read(source, _storage_types_only)
    if not isinstance(storage, Storage):
        raise damaged("something else than a storage in a storage's place")
    return storage


def read(source: Source, rules: Rules) -> Any:
    """The object of a whole legacy file; its tensors' values stay in the file."""
    if source.head(len(SIGNATURE)) != SIGNATURE:
        raise damaged("a storage that does not begin like one")
    position = len(SIGNATURE)
    for expected in (PROTOCOL, None):
        header = Machine(source, _nothing, position=position)
        value = header.load()
        position = header.position
        if expected is not None and value != expected:
            raise damaged("an unknown version of torch.save")
    if not isinstance(value, dict) or value.get("little_endian") is not True:
        raise refusal(
            "numbers in little endian order", "another order", "save the file again on an ordinary computer"
        )
    storages: dict[str, Storage] = {}
    body = Machine(source, rules, stored(storages), position)
    result = body.load()
    _locate(source, storages, body.position)
    return result


def stored(storages: dict[str, Storage], locate: Any = None) -> Persistent:
    """How a torch file refers to values: ("storage", type, key, device, count[, view])."""

    def persistent(reference: Any) -> Storage:
        if type(reference) is not tuple or len(reference) not in (5, 6) or reference[0] != "storage":
            raise damaged("a reference to something else than a storage")
        _, kind, key, _, count = reference[:5]
        if not isinstance(kind, StorageType) or type(key) is not str or type(count) is not int or count < 0:
            raise damaged("a storage without type and size")
        if len(reference) == 6 and reference[5] is not None:
            raise refusal(
                "storages of their own", "views of storages", "save the file again with a newer PyTorch"
            )
        if key not in storages:
            storages[key] = Storage(kind.dtype, count, None if locate is None else locate(key))
        return storages[key]

    return persistent


def _locate(source: Source, storages: dict[str, Storage], position: int) -> None:
    """Behind the object: a list of keys, then for each its number of values and the values."""
    listing = Machine(source, _nothing, position=position)
    keys = listing.load()
    position = listing.position
    if type(keys) is not list:
        raise damaged("no list of storages")
    for key in keys:
        if type(key) is not str or key not in storages:
            raise damaged("a storage that nothing refers to")
        storage = storages[key]
        if int.from_bytes(source.read(position, 8), "little", signed=True) != storage.count:
            raise damaged("a storage of another size than announced")
        size = storage.count * storage.dtype.itemsize
        storage.locate(source.window(position + 8, size))
        position += 8 + size


def _nothing(module: str, name: str) -> Stub:
    raise damaged(f"the name {name[:40]!r} where a number should be")


def _storage_types_only(module: str, name: str) -> Stub:
    found = find_storage_type(module, name)
    if found is None:
        shown = f"{module}.{name}".encode("ascii", "backslashreplace").decode()[:80]
        raise refusal(
            "a nested storage",
            f"{shown!r}",
            "it could run code, so the file was refused and nothing in it was run",
        )
    return found


def _not_called(source: Source, args: tuple) -> Any:
    raise damaged("a storage type called like a function")
