"""Tensors and arrays of a checkpoint: described and checked first, read from the file when they are wanted."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.checkpoints.limits import Budget, damaged, refusal
from engine.checkpoints.records import Buildable
from engine.checkpoints.source import Source

MAX_DIMS = 8
LARGEST = 1 << 47  # elements: above this a product of sizes is nonsense
STORAGE_TYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
NUMBER_KINDS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}


class Storage:
    """`count` values of `dtype`, somewhere in the file; read once, however many tensors share them."""

    __slots__ = ("_values", "count", "dtype", "source")

    def __init__(self, dtype: torch.dtype, count: int, source: Source | None = None):
        self.dtype = dtype
        self.count = count
        self.source = source
        self._values: Tensor | None = None
        if source is not None:
            self.locate(source)

    def locate(self, source: Source) -> None:
        """Say where the values lie; raises CheckpointError if there are too few."""
        source.require(0, self.count * self.dtype.itemsize)
        self.source = source

    def read(self) -> Tensor:
        """The values: [count]."""
        if self.source is None:
            raise damaged("a tensor whose values are missing")
        if self._values is None:
            self._values = self.source.tensor(0, self.count, self.dtype)
        return self._values


class TensorRef:
    """A tensor not read yet: its shape, and where in which storage its elements lie."""

    __slots__ = ("offset", "shape", "storage", "stride")

    def __init__(self, budget: Budget, storage: Any, offset: Any, shape: Any, stride: Any):
        if not isinstance(storage, Storage) or not _is_index(offset):
            raise damaged("a tensor without values")
        self.storage = storage
        self.offset: int = offset
        self.shape = checked_shape(shape)
        self.stride = stride
        self._check_reach(budget)

    def _check_reach(self, budget: Budget) -> None:
        """Every element must lie inside of the storage, and a broadcast tensor must be small enough to fill in."""
        stride = self.stride
        if (
            type(stride) is not tuple
            or len(stride) != len(self.shape)
            or not all(_is_index(s) for s in stride)
        ):
            raise refusal(
                "a tensor with a stride of zero or more for each axis",
                "something else",
                "the file is damaged or made to harm, so do not use it",
            )
        count = math.prod(self.shape)
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, stride, strict=True))
        if count and last >= self.storage.count:
            raise refusal(
                f"a tensor inside of its {self.storage.count} stored values",
                f"one that needs {min(last + 1, LARGEST)}",
                "the file is damaged or made to harm, so do not use it",
            )
        if count > self.storage.count:
            budget.take(count * self.storage.dtype.itemsize)

    def read(self) -> Tensor:
        """The tensor itself, contiguous."""
        values = self.storage.read()
        return torch.as_strided(
            values, self.shape, self.stride, self.offset if values.numel() else 0
        ).contiguous()


class DType(Buildable):
    """A numpy dtype of plain numbers or text."""

    __slots__ = ("code", "order")

    def __init__(self, code: str):
        self.order = "<"
        self.code = code
        if code[:1] in "<>|=" and code:
            self.order, self.code = code[0], code[1:]
        text = self.code[:1] in ("S", "U", "a") and self.code[1:].isdecimal() and len(self.code) < 8
        if not (text or self.code in NUMBER_KINDS):
            raise refusal(
                "arrays of plain numbers or text",
                f"the array type {self.code[:20]!r}",
                "such arrays can hide code, so the file was refused and nothing in it was run",
            )

    def build(self, state: Any) -> None:
        """The state is (version, byte order, subarray, names, fields, itemsize, alignment, flags)."""
        if type(state) is not tuple or len(state) < 5 or state[1] not in ("<", ">", "|", "="):
            raise damaged("a strange array type")
        if any(part is not None for part in state[2:5]):
            raise refusal(
                "arrays of plain numbers or text", "an array of records", "no network file needs one"
            )
        self.order = state[1]

    def numpy(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class ArrayRef(Buildable):
    """A numpy array not read yet."""

    __slots__ = ("data", "dtype", "fortran", "shape")

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = (0,)
        self.dtype = DType("f4")
        self.fortran = False
        self.data: bytes | Source = b""

    def build(self, state: Any) -> None:
        """The state is (version, shape, dtype, fortran order, bytes); the oldest have no version."""
        if type(state) is not tuple or len(state) not in (4, 5):
            raise damaged("an array without shape and values")
        self.set(*state[-4:])

    def set(self, shape: Any, dtype: Any, fortran: Any, data: Any) -> None:
        """Fill in the array after checking that shape, type and bytes agree."""
        if type(data) is str:  # Python 2 wrote bytes as text
            data = latin1(data)
        if not isinstance(dtype, DType) or type(fortran) is not bool or not isinstance(data, bytes | Source):
            raise damaged("an array without type and values")
        self.shape, self.dtype, self.fortran, self.data = checked_shape(shape), dtype, fortran, data
        have = data.length if isinstance(data, Source) else len(data)
        if have != math.prod(self.shape) * dtype.numpy().itemsize:
            raise damaged(f"an array of {have} bytes whose shape needs another number")

    def values(self, source: Source) -> np.ndarray:
        """The array: numbers only. `source` lends its budget."""
        if self.dtype.code not in NUMBER_KINDS:
            raise damaged("text where numbers should be")
        window = self.data if isinstance(self.data, Source) else source.of(self.data)
        raw = window.tensor(0, window.length, torch.uint8).numpy()
        kind = self.dtype.numpy()
        values = raw != 0 if kind.kind == "b" else raw.view(kind).astype(kind.newbyteorder("="), copy=False)
        return values.reshape(self.shape, order="F" if self.fortran else "C")


def scalar(source: Source, dtype: Any, data: Any) -> Any:
    """The Python value of a numpy scalar."""
    array = ArrayRef()
    array.set((), dtype, False, data)
    if array.dtype.code in NUMBER_KINDS:
        return array.values(source).item()
    return np.frombuffer(array.data, array.dtype.numpy())[0].item() if isinstance(array.data, bytes) else ""


def latin1(text: str) -> bytes:
    try:
        return text.encode("latin1")
    except UnicodeEncodeError:
        raise damaged("text where bytes should be") from None


def checked_shape(shape: Any) -> tuple[int, ...]:
    """`shape` if it is a tuple of a few sizes whose product is a number one can count to."""
    if type(shape) is not tuple or len(shape) > MAX_DIMS or not all(_is_index(size) for size in shape):
        raise damaged("a tensor with a strange shape")
    if math.prod(max(size, 1) for size in shape) > LARGEST:
        raise refusal(
            "tensors that fit into the file",
            "one of more than 10^14 elements",
            "the file is damaged or made to exhaust memory, so do not use it",
        )
    return shape


def _is_index(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62
