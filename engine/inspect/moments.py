"""Mean and standard deviation of many pictures, pixel by pixel, one picture after the other."""

import numpy as np


class Moments:
    """Sums over pictures [H, W, C] of bytes: whole numbers, so that nothing is lost however many there are."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: np.ndarray | None = None
        self._squares: np.ndarray | None = None

    def add(self, picture: np.ndarray) -> None:
        """Take in one more picture; all have one size."""
        values = picture.astype(np.int64)
        if self._sum is None or self._squares is None:
            self._sum, self._squares = np.zeros_like(values), np.zeros_like(values)
        self._sum += values
        self._squares += values * values
        self.count += 1

    @property
    def mean(self) -> np.ndarray:
        """[H, W, C], in bytes."""
        assert self._sum is not None, "no picture was added"
        return self._sum / self.count

    @property
    def std(self) -> np.ndarray:
        """[H, W, C], in bytes: of the whole population, not an estimate of a larger one's."""
        assert self._sum is not None and self._squares is not None, "no picture was added"
        return np.sqrt(self.count * self._squares - self._sum * self._sum) / self.count
