"""What stats.jsonl tells, read as it grows: columns of numbers over the images seen."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

CHUNK = 1 << 20  # bytes that one `read` takes at most
TAIL = 256  # bytes remembered, to notice that a file was written anew
START = 256  # lines that there is room for at first
FLOAT_MAX = sys.float_info.max


class Curves:
    """Columns by name over `images`, which rises. What `columns` has given never changes afterwards."""

    def __init__(self) -> None:
        self._columns: dict[str, np.ndarray] = {"images": np.empty(START)}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, line: Mapping[str, object]) -> bool:
        """Take up one line; False when it has no count of images. A run that went back replaces what lies after it."""
        images = number(line.get("images"))
        if not np.isfinite(images):
            return False
        self._go_back(images)
        self._make_room()
        for name, value in line.items():
            if name not in self._columns and is_number(value):
                self._columns[name] = np.full(len(self._columns["images"]), np.nan)
        for name, column in self._columns.items():
            column[self._length] = number(line.get(name))
        self._length += 1
        return True

    def columns(self) -> dict[str, np.ndarray]:
        """Name -> [lines] float64; NaN where a line does not have it."""
        return {name: column[: self._length] for name, column in self._columns.items()}

    def _go_back(self, images: float) -> None:
        if not self._length or images > self._columns["images"][self._length - 1]:
            return
        self._length = int(np.searchsorted(self._columns["images"][: self._length], images))
        self._columns = {name: column.copy() for name, column in self._columns.items()}  # others look at the old ones

    def _make_room(self) -> None:
        size = len(self._columns["images"])
        if self._length == size:
            self._columns = {
                name: np.concatenate([column, np.full(size, np.nan)]) for name, column in self._columns.items()
            }


class StatsFile:
    """Follows a stats.jsonl that may not exist yet, may be written anew, and may end in half a line."""

    def __init__(self, path: Path):
        self.path = path
        self.curves = Curves()
        self.skipped = 0  # lines that were no JSON object with a count of images
        self._offset, self._tail = 0, b""

    def read(self) -> bool:
        """Take up at most CHUNK new bytes; True when there may be more. OSError as the file system says."""
        with open(self.path, "rb") as file:
            file.seek(max(0, self._offset - len(self._tail)))
            if file.read(len(self._tail)) != self._tail:
                self._start_again()  # another run, or this one resumed from an earlier checkpoint
            file.seek(self._offset)
            data = file.read(CHUNK)
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and len(data) == CHUNK:
            whole = data  # no line is that long: whatever it is, it is skipped
        for line in whole.splitlines():
            self._take(line)
        self._offset += len(whole)
        self._tail = (self._tail + whole)[-TAIL:]
        return len(data) == CHUNK

    def _start_again(self) -> None:
        self.curves, self.skipped, self._offset, self._tail = Curves(), 0, 0, b""

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict) or not self.curves.append(values):
            self.skipped += 1


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: object) -> float:
    """A JSON number as a float; NaN for everything that is none, or not a finite one."""
    finite = is_number(value) and abs(value) <= FLOAT_MAX  # type: ignore[operator]
    return float(value) if finite else float("nan")  # type: ignore[arg-type]
