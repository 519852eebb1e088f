"""What one activation is like in a few numbers, by whole-tensor reductions that run at memory speed."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BINS = 64
MOST_COUNTED = 1 << 19  # values in a histogram; of a larger activation every n-th


@dataclass(frozen=True)
class Statistics:
    """Of the finite values: mean, standard deviation, smallest, largest. `peak` is the largest magnitude.

    `clipped` is the share of values at or beyond the step's clamp, None where it has none; `nan` and `inf` count
    values that are not finite.
    """

    mean: float
    std: float
    low: float
    high: float
    clipped: float | None = None
    nan: int = 0
    inf: int = 0

    @property
    def peak(self) -> float:
        return max(abs(self.low), abs(self.high))

    @property
    def healthy(self) -> bool:
        return self.nan == self.inf == 0


def measure(x: Tensor, clamp: float | None = None) -> Statistics:
    """Statistics of an activation of any shape. The std is exact to about 1e-6 of the mean's magnitude."""
    x = x.detach().float()
    low, high = (float(v) for v in torch.aminmax(x))  # NaN if there is one anywhere
    nan = inf = 0
    if not (math.isfinite(low) and math.isfinite(high)):
        nan, inf = int(torch.isnan(x).sum()), int(torch.isinf(x).sum())
        x = x[torch.isfinite(x)]
        if x.numel() == 0:
            return Statistics(0.0, 0.0, 0.0, 0.0, None if clamp is None else 0.0, nan, inf)
        low, high = (float(v) for v in torch.aminmax(x))
    mean, std = _moments(x, max(abs(low), abs(high)))
    clipped = None
    if clamp is not None:
        clipped = float((x.abs() >= clamp).sum()) / x.numel() if max(-low, high) >= clamp else 0.0
    return Statistics(mean, std, low, high, clipped, nan, inf)


def _moments(x: Tensor, peak: float) -> tuple[float, float]:
    """Mean and standard deviation; scaled, because squares of very large or small values leave float32."""
    if peak == 0:
        return 0.0, 0.0
    scale = 1.0 if 1e-15 < peak < 1e15 else peak
    x = x if scale == 1.0 else x / scale
    mean = float(x.mean())
    norm = float(torch.linalg.vector_norm(x - mean if abs(mean) * 2 > peak / scale else x))
    square = norm**2 / x.numel() - (0.0 if abs(mean) * 2 > peak / scale else mean**2)
    return mean * scale, math.sqrt(max(0.0, square)) * scale


def energies(x: Tensor) -> Tensor:
    """Mean square [C] of each channel of [C, H, W]; values that are not finite count as nothing."""
    x = x.float()
    norms = torch.linalg.vector_norm(x, dim=(1, 2))  # [C]
    if not bool(torch.isfinite(norms).all()):
        norms = torch.linalg.vector_norm(torch.nan_to_num(x, 0.0, 0.0, 0.0).double(), dim=(1, 2))
    return norms.double().square() / (x.shape[1] * x.shape[2])


def thinned(x: Tensor, most: int) -> Tensor:
    """About `most` samples of [..., P], evenly spaced by an odd number, so that rows do not fall into step with it."""
    return x[..., :: max(1, x.shape[-1] // most) | 1]


def histogram(x: Tensor, statistics: Statistics, bins: int = BINS) -> np.ndarray:
    """Counts [bins] of the finite values between the smallest and the largest, of large activations a sample."""
    x = thinned(x.flatten(), MOST_COUNTED)
    low, high = statistics.low, statistics.high
    if low == high:
        counts = np.zeros(bins, np.int64)
        counts[bins // 2] = int(torch.isfinite(x).sum())
        return counts
    return torch.histc(x.detach().float().cpu(), bins, low, high).numpy().astype(np.int64)
