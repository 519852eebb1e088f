"""A window of a file: bytes are read where they lie, and tensors straight into their own memory."""

import io
from typing import BinaryIO

import torch
from torch import Tensor

from engine.checkpoints.limits import Budget, Watch, damaged

CHUNK = 16 << 20  # bytes between two looks at the cancel button


class Source:
    """`length` bytes of `file` from `start` on; reading outside of them is an error, not a surprise."""

    __slots__ = ("_file", "budget", "length", "start", "watch")

    def __init__(self, file: BinaryIO, start: int, length: int, budget: Budget, watch: Watch):
        self._file = file
        self.start = start
        self.length = length
        self.budget = budget
        self.watch = watch

    def of(self, data: bytes) -> "Source":
        """A source over bytes in memory that shares this one's budget."""
        return Source(io.BytesIO(data), 0, len(data), self.budget, self.watch)

    def window(self, offset: int, count: int) -> "Source":
        """The `count` bytes from `offset` on, as a source of their own."""
        self.require(offset, count)
        return Source(self._file, self.start + offset, count, self.budget, self.watch)

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset` on."""
        self.require(offset, count)
        self._file.seek(self.start + offset)
        data = self._file.read(count)
        if len(data) != count:
            raise damaged(f"{len(data)} bytes where {count} should be")
        return data

    def head(self, count: int) -> bytes:
        """The first `count` bytes, or as many as there are."""
        return self.read(0, min(count, self.length))

    def tensor(self, offset: int, count: int, dtype: torch.dtype) -> Tensor:
        """`count` values of `dtype` (little endian) from `offset` on, in memory of their own: [count]."""
        size = count * dtype.itemsize
        self.require(offset, size)
        self.budget.take(size)
        values = torch.empty(size, dtype=torch.uint8)
        self._fill(memoryview(values.numpy()), offset)  # type: ignore[arg-type]
        return values != 0 if dtype == torch.bool else values.view(dtype)

    def _fill(self, target: memoryview, offset: int) -> None:
        self._file.seek(self.start + offset)
        for begin in range(0, len(target), CHUNK):
            part = target[begin : begin + CHUNK]
            if self._file.readinto(part) != len(part):  # type: ignore[attr-defined]
                raise damaged("fewer bytes than its tensors need")
            self.watch.advance(len(part), "reading the weights")

    def require(self, offset: int, count: int) -> None:
        """Raise CheckpointError unless `count` bytes lie at `offset`."""
        if offset < 0 or count < 0 or offset + count > self.length:
            raise damaged(f"{max(self.length - offset, 0)} bytes where {count} should be")
