"""The rougher augmentations: gains of frequency bands, noise, and a grey rectangle."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from engine.training.augment import Dice

SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)
POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)  # expected power of a natural picture in the bands


@cache
def filter_bank() -> Tensor:
    """Four band-pass filters [4, 43], lowest band first, that add up to a unit impulse: appendix B, figure 18."""
    h = np.asarray(SYM2)
    low = np.convolve(h, h[::-1]) / 2
    g = h * (-1.0) ** np.arange(4)
    high = np.convolve(g, g[::-1]) / 2
    bank = np.eye(4, 1)
    for i in range(1, 4):
        stuffed = np.zeros((4, bank.shape[1] * 2 - 1))
        stuffed[:, ::2] = bank
        bank = np.stack([np.convolve(row, low) for row in stuffed])
        start = (bank.shape[1] - len(high)) // 2
        bank[i, start : start + len(high)] += high
    return torch.as_tensor(bank, dtype=torch.float32)


def random_gains(dice: "Dice", p: float) -> Tensor:
    """Gains [N, 4] of the bands; each acts with probability `p`, and the expected power stays the same."""
    gains = 1.0
    power = torch.as_tensor(POWER, device=dice.uniform().device)
    for band in range(4):
        g = torch.exp2(dice.normal() * dice.gate(p))  # [N]
        t = torch.ones(len(g), 4, device=g.device)
        t[:, band] = g
        gains = gains * t / (power * t.square()).sum(dim=1, keepdim=True).sqrt()
    return torch.as_tensor(gains)


def filter_bands(img: Tensor, gains: Tensor) -> Tensor:
    """Amplify the frequency bands of pictures [N, C, H, W] by `gains` [N, 4], along x and y."""
    N, C, H, W = img.shape
    taps = gains @ filter_bank().to(img.device)  # [N, T]
    taps = taps.repeat_interleave(C, dim=0)  # [N C, T]
    half = taps.shape[1] // 2
    img = reflect(img, half).reshape(1, N * C, H + 2 * half, W + 2 * half)
    img = F.conv2d(img, taps[:, None, None, :], groups=N * C)
    return F.conv2d(img, taps[:, None, :, None], groups=N * C).reshape(N, C, H, W)


def reflect(img: Tensor, pad: int) -> Tensor:
    """Reflect [N, C, H, W] at all edges, as often as it takes to gain `pad` pixels on each side."""
    while pad > 0:
        step = min(pad, img.shape[2] - 1, img.shape[3] - 1)
        img, pad = F.pad(img, (step, step, step, step), mode="reflect"), pad - step
    return img


def add_noise(img: Tensor, dice: "Dice", p: float) -> Tensor:
    """Add noise to each pixel and channel, with probability `p` and a strength of |N(0, 0.1)|."""
    sigma = dice.normal().abs() * 0.1 * dice.gate(p)
    return img + dice.normal(*img.shape[1:]) * sigma[:, None, None, None]


def cut_out(img: Tensor, dice: "Dice", p: float) -> Tensor:
    """With probability `p` set a rectangle of half the width and height to zero."""
    H, W = img.shape[2:]
    active, centre = dice.gate(p), dice.uniform(2)
    x = ((torch.arange(W, device=img.device) + 0.5) / W - centre[:, :1]).abs() >= 0.25  # [N, W]
    y = ((torch.arange(H, device=img.device) + 0.5) / H - centre[:, 1:]).abs() >= 0.25  # [N, H]
    kept = x[:, None, :] | y[:, :, None] | ~active[:, None, None]
    return img * kept[:, None]
