"""Pad, upsample with zeros, filter, decimate: the resampling that every generation of the family is built on."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Padding = tuple[int, int, int, int]  # x before, x after, y before, y after; negative crops


def setup_filter(taps: Sequence[float] | np.ndarray | Tensor | None) -> Tensor:
    """Filter in the form that checkpoints store: sum 1; 1-D with fewer than 8 taps becomes 2-D, longer stays separable."""
    f = torch.as_tensor([1.0] if taps is None else taps, dtype=torch.float32)
    f = f.reshape(-1) if f.ndim == 0 else f
    if f.ndim == 1 and f.numel() < 8:
        f = torch.outer(f, f)  # [T, T]
    return f / f.sum()


def taps_of(f: Tensor | None) -> int:
    """Number of taps along an axis; no filter counts as a single tap of 1."""
    return 1 if f is None else f.shape[-1]


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: int = 1,
    down: int = 1,
    padding: Padding = (0, 0, 0, 0),
    gain: float = 1.0,
    flip: bool = False,
) -> Tensor:
    """Resample `x` [N, C, H, W] by `up/down` through filter `f` ([T] separable or [T, T]), convolution unless `flip`.

    Every sample is followed by up-1 zeros, the result is padded or cropped, filtered in its valid part, and every
    down-th sample is kept. Differentiable to any order.
    """
    C = x.shape[1]
    x = _pad(_zero_stuff(x, up), padding)
    if f is None:
        return x[:, :, ::down, ::down] * gain
    f = (f * gain ** (f.ndim / 2)).to(x.dtype)
    if not flip:
        f = f.flip(list(range(f.ndim)))
    if f.ndim == 2:
        return F.conv2d(x, f.expand(C, 1, *f.shape), stride=down, groups=C)
    x = F.conv2d(x, f.expand(C, 1, 1, -1), stride=(1, down), groups=C)
    return F.conv2d(x, f.reshape(-1, 1).expand(C, 1, -1, 1), stride=(down, 1), groups=C)


def filter2d(x: Tensor, f: Tensor, *, gain: float = 1.0, flip: bool = False) -> Tensor:
    """Filter without changing the size."""
    T = taps_of(f)
    before, after = T // 2, (T - 1) // 2
    return upfirdn2d(x, f, padding=(before, after, before, after), gain=gain, flip=flip)


def upsample2d(x: Tensor, f: Tensor | None, *, up: int = 2) -> Tensor:
    """Upsample [N, C, H, W] to [N, C, H*up, W*up], keeping the amplitude."""
    T = taps_of(f)
    before, after = (T + up - 1) // 2, (T - up) // 2
    return upfirdn2d(x, f, up=up, padding=(before, after, before, after), gain=up**2)


def downsample2d(x: Tensor, f: Tensor | None, *, down: int = 2) -> Tensor:
    """Downsample [N, C, H, W] to [N, C, H//down, W//down]."""
    T = taps_of(f)
    before, after = (T - down + 1) // 2, (T - down) // 2
    return upfirdn2d(x, f, down=down, padding=(before, after, before, after))


def _zero_stuff(x: Tensor, up: int) -> Tensor:
    if up == 1:
        return x
    N, C, H, W = x.shape
    x = F.pad(x.reshape(N, C, H, 1, W, 1), (0, up - 1, 0, 0, 0, up - 1))  # [N, C, H, up, W, up]
    return x.reshape(N, C, H * up, W * up)


def _pad(x: Tensor, padding: Padding) -> Tensor:
    return x if padding == (0, 0, 0, 0) else F.pad(x, padding)
