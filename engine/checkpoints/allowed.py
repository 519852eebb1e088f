"""The allow-list: every name a network file may mention, and the inert thing that stands for it.

A name that is not here is refused before anything else of the file is read; the real one is never imported.
"""

import re
from collections.abc import Callable
from typing import Any

from engine.checkpoints import legacy
from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.records import Module, Namespace, Record, Settings, Stub, TFNetwork
from engine.checkpoints.source import Source
from engine.checkpoints.tensors import ArrayRef, DType, TensorRef, latin1, scalar

Call = Callable[[Source, tuple], Any]

_PERSISTENCE = re.compile(r"(?:[\w.]{1,200}\.)?torch_utils\.persistence")
_EASYDICT = re.compile(r"(?:[\w.]{1,200}\.)?dnnlib(?:\.util)?")
_TF_NETWORK = re.compile(r"(?:[\w.]{1,200}\.)?(?:tflib\.network|tfutil|network)")
_TORCH_MODULE = re.compile(r"torch\.nn\.modules\.\w{1,40}")


def find(module: str, name: str) -> Stub:
    """What stands for `module.name`; raises CheckpointError that names it if it is not allowed."""
    stub = _FIXED.get((module, name)) or legacy.find_storage_type(module, name) or _by_pattern(module, name)
    if stub is None:
        shown = f"{module}.{name}".encode("ascii", "backslashreplace").decode()[:80]
        raise refusal(
            "only names that network files need",
            f"{shown!r}",
            "it could run code, so the file was refused and nothing in it was run",
        )
    return stub


def _by_pattern(module: str, name: str) -> Stub | None:
    """Names that forks of the original code keep under packages of their own."""
    if name == "_reconstruct_persistent_obj" and _PERSISTENCE.fullmatch(module):
        return Stub(name, _persistent_object)
    if name == "EasyDict" and _EASYDICT.fullmatch(module):
        return Stub(name, _settings)
    if name == "Network" and _TF_NETWORK.fullmatch(module):
        return Stub(name, lambda source, args: TFNetwork(name))
    if name.isidentifier() and len(name) < 60 and _TORCH_MODULE.fullmatch(module):
        return Stub(name, lambda source, args: Module(name))
    return None


def _persistent_object(source: Source, args: tuple) -> Record:
    """`module_src`, the program text that the original reader runs, is ignored."""
    meta = _only(args, dict)
    class_name, state = meta.get("class_name"), meta.get("state")
    if meta.get("type") != "class" or type(class_name) is not str or not isinstance(state, dict):
        raise damaged("a network layer without class and state")
    return Module(class_name[:100], state)


def _settings(source: Source, args: tuple) -> Settings:
    if not args:
        return Settings()
    settings = Settings()
    pairs = _only(args, list)
    source.budget.take(128 * len(pairs))
    for pair in pairs:
        if type(pair) not in (list, tuple) or len(pair) != 2 or type(pair[0]) is not str:
            raise damaged("a dictionary that does not list names and values")
        settings[pair[0]] = pair[1]
    return settings


def _set(source: Source, args: tuple) -> set:
    if not args:
        return set()
    members = _only(args, list)
    source.budget.take(128 * len(members))
    if not all(type(member) is str for member in members):
        raise damaged("a set of something else than names")
    return set(members)


def _empty_bytes(source: Source, args: tuple) -> bytes:
    if args:
        raise damaged("bytes made in a strange way")
    return b""


def _encoded(source: Source, args: tuple) -> bytes:
    """Protocol 2 has no byte strings: they are written as text and encoded again."""
    if len(args) != 2 or type(args[0]) is not str or args[1] not in ("latin1", "latin-1"):
        raise damaged("bytes encoded in a strange way")
    source.budget.take(len(args[0]) + 64)
    return latin1(args[0])


def _tensor(source: Source, args: tuple) -> TensorRef:
    if not 4 <= len(args) <= 7:
        raise damaged("a tensor without shape")
    source.budget.take(256)
    return TensorRef(source.budget, *args[:4])


def _parameter(source: Source, args: tuple) -> TensorRef:
    if not 2 <= len(args) <= 4 or not isinstance(args[0], TensorRef):
        raise damaged("a parameter without tensor")
    return args[0]


def _stored_bytes(source: Source, args: tuple) -> Any:
    """A storage inside of its own little file, as `torch.save` wrote it before 2019."""
    if len(args) != 1 or not isinstance(args[0], bytes | Source):
        raise damaged("a storage without values")
    inner = args[0] if isinstance(args[0], Source) else source.of(args[0])
    return legacy.read_storage(inner)


def _array(source: Source, args: tuple) -> ArrayRef:
    """The shape given here is a placeholder: shape, type and values arrive later."""
    return ArrayRef()


def _array_from_buffer(source: Source, args: tuple) -> ArrayRef:
    if len(args) != 4 or args[3] not in ("C", "F"):
        raise damaged("an array without shape and values")
    array = ArrayRef()
    array.set(args[2], args[1], args[3] == "F", args[0])
    return array


def _scalar(source: Source, args: tuple) -> Any:
    if len(args) != 2:
        raise damaged("a number without value")
    return scalar(source, *args)


def _dtype(source: Source, args: tuple) -> DType:
    if not args or type(args[0]) is not str:
        raise damaged("an array type without name")
    return DType(args[0])


def _size(source: Source, args: tuple) -> tuple:
    return _only(args, tuple)


def _device(source: Source, args: tuple) -> str:
    return "cpu"  # where the tensors once lived does not matter


def _no_call(source: Source, args: tuple) -> Any:
    raise damaged("a type called like a function")


def _only(args: tuple, kind: type) -> Any:
    if len(args) != 1 or not isinstance(args[0], kind):
        raise damaged(f"something else than a {kind.__name__}")
    return args[0]


def _table() -> dict[tuple[str, str], Stub]:
    calls: dict[str, Call] = {
        "collections.OrderedDict": _settings,
        "builtins.set": _set,
        "__builtin__.set": _set,
        "builtins.bytes": _empty_bytes,
        "__builtin__.bytes": _empty_bytes,
        "_codecs.encode": _encoded,
        "argparse.Namespace": lambda source, args: Namespace("Namespace"),
        "torch._utils._rebuild_tensor": _tensor,
        "torch._utils._rebuild_tensor_v2": _tensor,
        "torch._utils._rebuild_parameter": _parameter,
        "torch._utils._rebuild_parameter_with_state": _parameter,
        "torch.storage._load_from_bytes": _stored_bytes,
        "torch.Size": _size,
        "torch.device": _device,
        "numpy.ndarray": _no_call,
        "numpy.dtype": _dtype,
    }
    for core in ("numpy.core", "numpy._core"):
        calls[f"{core}.multiarray._reconstruct"] = _array
        calls[f"{core}.multiarray.scalar"] = _scalar
        calls[f"{core}.numeric._frombuffer"] = _array_from_buffer
    for dtype in (
        "float32",
        "float64",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
        "bool",
    ):
        calls[f"torch.{dtype}"] = _no_call
    return {tuple(full.rsplit(".", 1)): Stub(full, call) for full, call in calls.items()}  # type: ignore[misc]


_FIXED = _table()
