"""The past of many numbers: every statistic of every step, every numeric parameter, for plots over time."""

import threading

import numpy as np

DEPTH = 6000  # samples kept: ten minutes at ten a second
GAP = 0.5  # seconds without news after which a value counts as held, not as a ramp to the next one
STATISTICS = ("mean", "std", "low", "high", "peak", "clipped", "nan", "inf", "ms")


class Record:
    """Samples of named numbers over time, the newest DEPTH of them. One thread adds, another one reads."""

    def __init__(self, depth: int = DEPTH):
        self.depth = depth
        self._times = np.zeros(depth)
        self._rows: dict[str, int] = {}
        self._values = np.full((64, depth), np.nan)  # [rows, samples], used as a ring
        self._count = 0
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that was ever sampled."""
        return tuple(self._rows)

    def add(self, seconds: float, values: dict[str, float]) -> None:
        """One sample; what `values` leaves out keeps its value."""
        with self._lock:
            if self._count and seconds - self._times[(self._count - 1) % self.depth] > GAP:
                self._put(seconds - 1e-3)
            self._last.update(values)
            self._put(seconds)

    def series(self, name: str, now: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Times and values [n] of a name, oldest first; up to `now` where it is given. Missing samples are left out."""
        with self._lock:
            row = self._rows.get(name)
            if row is None or not self._count:
                return np.zeros(0), np.zeros(0)
            kept = min(self._count, self.depth)
            order = np.arange(self._count - kept, self._count) % self.depth
            times, values = self._times[order], self._values[row, order]
        if now is not None and now > times[-1]:
            times, values = np.append(times, now), np.append(values, values[-1])
        known = np.isfinite(values)
        return times[known], values[known]

    def _put(self, seconds: float) -> None:
        at = self._count % self.depth
        self._times[at] = seconds
        self._values[:, at] = np.nan
        for name, value in self._last.items():
            row = self._row(name)  # which may make room
            self._values[row, at] = value
        self._count += 1

    def _row(self, name: str) -> int:
        if name not in self._rows:
            self._rows[name] = len(self._rows)
            if len(self._rows) > len(self._values):
                self._values = np.concatenate([self._values, np.full_like(self._values, np.nan)])
        return self._rows[name]


def thinned(times: np.ndarray, values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """At most about `most` points with the same outline: the least and the largest value of each stretch."""
    size = -(-2 * len(times) // most)
    if size <= 2:
        return times, values
    count = len(times) // size
    cut = values[: count * size].reshape(count, size)
    starts = np.arange(count) * size
    ends = np.sort(np.stack([starts + cut.argmin(axis=1), starts + cut.argmax(axis=1)], axis=1), axis=1).ravel()
    kept = np.unique(np.concatenate([[0], ends, np.arange(count * size, len(times)), [len(times) - 1]]))
    return times[kept], values[kept]
