"""Power spectra: of an activation about its mean, radially averaged, and along 0 and 45 degrees.

Scaled as in the StyleGAN3 paper's appendix A: each 1-D window has unit energy, so that white noise of variance v has
power v at every frequency, whatever the size.
"""

import math

import numpy as np
import torch
from torch import Tensor

FLOOR_DB = -200.0
AT_ONCE = 1 << 16  # samples


def window(size: int, beta: float) -> Tensor:
    """Symmetric Kaiser window [size], scaled to unit energy."""
    w = torch.from_numpy(np.kaiser(size, beta))
    return w / w.square().sum().sqrt()


def power(x: Tensor, beta: float = 8.0, pad: int = 1, centred: bool = True) -> Tensor:
    """Power [C, pad H, pad W] float32 of [C, H, W] with zero frequency in the middle.

    `beta` shapes the Kaiser window, `pad` multiplies the size with zeros, `centred` takes each channel's mean away.
    Values that are not finite count as the mean.
    """
    _, H, W = x.shape
    x = torch.nan_to_num(x.float(), 0.0, 0.0, 0.0)
    if centred:
        x = x - x.mean(dim=(1, 2), keepdim=True)
    w = torch.outer(window(H, beta), window(W, beta)).to(x)
    spectrum = torch.fft.fft2(x * w, s=(pad * H, pad * W))
    return torch.fft.fftshift(spectrum.abs().square(), dim=(1, 2))  # [C, pad H, pad W]


def mean_power(x: Tensor, beta: float = 8.0) -> Tensor:
    """`power` of [C, H, W] averaged over the channels: [H, W]. Half the spectrum is computed, a few channels at a time,
    which is how a processor's cache likes it."""
    C, H, W = x.shape
    w = torch.outer(window(H, beta), window(W, beta)).to(x.device, torch.float32)
    total = x.new_zeros(H, W // 2 + 1, dtype=torch.float32)
    for planes in x.split(max(1, AT_ONCE // (H * W))):
        planes = torch.nan_to_num(planes.float(), 0.0, 0.0, 0.0)
        half = torch.fft.rfft2((planes - planes.mean(dim=(1, 2), keepdim=True)) * w)  # [c, H, W / 2 + 1]
        total += (half.real.square() + half.imag.square()).sum(dim=0)
    return _whole(total / C, W)


def _whole(half: Tensor, width: int) -> Tensor:
    """All of a real signal's power spectrum [H, W] with zero frequency in the middle, from its half [H, W / 2 + 1]."""
    mirrored = half[:, 1 : width - width // 2].flip(1)
    mirrored = torch.cat([mirrored[:1], mirrored[1:].flip(0)])  # -fy beside -fx
    return torch.fft.fftshift(torch.cat([half, mirrored], dim=1), dim=(0, 1))


def decibels(power: Tensor) -> Tensor:
    """10 log10, with a floor where there is nothing."""
    return 10 * torch.log10(power.clamp(min=10 ** (FLOOR_DB / 10)))


def frequencies(size: int, rate: float, pad: int = 1) -> np.ndarray:
    """Cycles per picture width of each bin along one axis of a spectrum; `rate` is samples per picture width."""
    return np.fft.fftshift(np.fft.fftfreq(pad * size, 1 / rate))


def along(power: np.ndarray, degrees: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and power of a square spectrum [S, S] from its middle outward, along 0 or 45 degrees.

    The diagonal's frequencies are sqrt(2) times those of its bins.
    """
    size = len(power)
    bins = np.arange(size - size // 2)
    line = power[size // 2, size // 2 :] if degrees == 0 else power[size // 2 + bins, size // 2 + bins]
    return bins * (rate / size) * (1.0 if degrees == 0 else math.sqrt(2)), line


def radial(power: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, and power of a spectrum [H, W] averaged over rings one bin wide, up to half the sampling rate."""
    H, W = power.shape
    fy, fx = (np.fft.fftshift(np.fft.fftfreq(n)) for n in (H, W))
    bins = max(1, max(H, W) // 2)
    ring = np.rint(np.hypot(fy[:, None], fx[None]) * max(H, W)).astype(int).ravel()
    inside = ring <= bins
    counts = np.bincount(ring[inside], minlength=bins + 1)
    sums = np.bincount(ring[inside], power.ravel()[inside], minlength=bins + 1)
    return np.arange(bins + 1) * (rate / max(H, W)), sums / np.maximum(counts, 1)
