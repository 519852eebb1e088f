"""Curves made ready for a plot: smoothed, cut to what is in view, and thinned to what a screen can show."""

import numpy as np

BUCKETS = 600  # a curve is drawn with at most twice as many points


def smooth(y: np.ndarray, weight: float) -> np.ndarray:
    """Exponential mean of [N] over the values so far, without a bias at the start; NaN stays NaN and counts nothing.

    s_i = sum_k weight^k y_(i-k) / sum_k weight^k, summed by doubling: sums over 1, 2, 4 ... values.
    """
    if weight <= 0 or not len(y):
        return y
    known = np.isfinite(y)
    total, count, reach = np.where(known, y, 0.0), known.astype(float), 1
    while reach < len(y) and weight**reach > 1e-12:
        factor = weight**reach
        total = total + factor * _later(total, reach)
        count = count + factor * _later(count, reach)
        reach *= 2
    return np.where(known, total / np.maximum(count, 1e-300), np.nan)


def in_view(x: np.ndarray, low: float, high: float) -> slice:
    """The part of rising `x` [N] between low and high, and one point more on each side."""
    first, last = np.searchsorted(x, low, "left"), np.searchsorted(x, high, "right")
    return slice(max(0, int(first) - 1), int(last) + 1)


def thin(x: np.ndarray, y: np.ndarray, buckets: int = BUCKETS) -> tuple[np.ndarray, np.ndarray]:
    """At most 2 * buckets of the points of [N], the lowest and the highest of each bucket: no spike is lost.

    A bucket without a finite value leaves a gap.
    """
    N = len(x)
    if 2 * buckets >= N:
        return x, y
    size = -(-N // buckets)
    rows = -(-N // size)
    padded = np.full(rows * size, np.nan)
    padded[:N] = y
    table = padded.reshape(rows, size)  # [buckets, points]
    low = np.where(np.isfinite(table), table, np.inf).argmin(axis=1)
    high = np.where(np.isfinite(table), table, -np.inf).argmax(axis=1)
    chosen = np.sort(np.stack([low, high], axis=1), axis=1) + np.arange(rows)[:, None] * size  # [buckets, 2]
    chosen = np.minimum(chosen.reshape(-1), N - 1)
    return x[chosen], y[chosen]


def _later(values: np.ndarray, by: int) -> np.ndarray:
    moved = np.zeros_like(values)
    moved[by:] = values[:-by]
    return moved
