"""Low-pass filters of StyleGAN3: Kaiser-windowed sinc, or jinc where rotation must not show (appendix C)."""

import math

import numpy as np
import torch
from torch import Tensor


def lowpass(taps: int, cutoff: float, width: float, rate: float, *, radial: bool = False) -> Tensor | None:
    """Filter with `taps` samples at `rate`: [T] separable, [T, T] if radial, None for a single tap.

    `cutoff` and the transition band's `width` are in the unit of `rate`. Designed in float64, stored in float32.
    """
    if taps == 1:
        return None
    f = _radial(taps, cutoff, width, rate) if radial else _separable(taps, cutoff, width, rate)
    return torch.as_tensor(f / f.sum(), dtype=torch.float32)


def kaiser(taps: int, width: float, rate: float) -> np.ndarray:
    """Kaiser window [T] for a transition band of `width`; shape parameter after Kaiser's attenuation formula."""
    attenuation = 2.285 * (taps - 1) * math.pi * (width / (rate / 2)) + 7.95
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation > 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    else:
        beta = 0.0
    return np.kaiser(taps, beta)


def _separable(taps: int, cutoff: float, width: float, rate: float) -> np.ndarray:
    c = cutoff / (rate / 2)
    j = np.arange(taps) - (taps - 1) / 2
    return c * np.sinc(c * j) * kaiser(taps, width, rate)


def _radial(taps: int, cutoff: float, width: float, rate: float) -> np.ndarray:
    t = (np.arange(taps) - (taps - 1) / 2) / rate
    r = np.hypot(*np.meshgrid(t, t))
    r = np.maximum(r, 1e-12)  # an odd number of taps has a sample at the origin, where the limit is finite
    window = kaiser(taps, width, rate)
    return _bessel_j1(2 * math.pi * cutoff * r) / (math.pi * r) * np.outer(window, window)


def _bessel_j1(x: np.ndarray) -> np.ndarray:
    return torch.special.bessel_j1(torch.as_tensor(x, dtype=torch.float64, device="cpu")).numpy()
