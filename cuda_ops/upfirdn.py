"""Pad, upsample with zeros, filter, decimate: the resampling that every generation of the family is built on."""

import functools
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import gradients
from cuda_ops.cpu.choice import route
from cuda_ops.cpu.prepared import prepared

Padding = tuple[int, int, int, int]  # x before, x after, y before, y after; negative crops


def setup_filter(taps: Sequence[float] | np.ndarray | Tensor | None) -> Tensor:
    """Filter as checkpoints store it: of sum 1; 1-D with fewer than 8 taps becomes 2-D, longer stays separable."""
    f = np.asarray([1.0] if taps is None else taps, dtype=np.float32).squeeze()
    f = f.reshape(-1) if f.ndim == 0 else f
    if f.ndim == 1 and f.size < 8:
        f = np.outer(f, f)  # [T, T]
    return torch.from_numpy(f / f.sum())


@functools.lru_cache(maxsize=64)
def filter_on(taps: tuple[float, ...], device: torch.device) -> Tensor:
    """The same on a device, made once, so that what is prepared from it is prepared once."""
    with torch.inference_mode(False):
        return setup_filter(taps).to(device)


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
    path = route(x, f)
    if path == "gpu" and f is not None:
        from cuda_ops.gpu import ops

        return ops.upfirdn2d(x, f, up, down, padding, gain, flip)
    fast = path in ("torch", "numba") and f is not None and up > 1 and down == 1
    if fast and x.sum().isfinite():  # the phases' kernels have zeros, which would spread a NaN
        assert f is not None
        return _polyphase(x, f, up, padding, gain, flip)
    if path == "plain" and up == down == 1 and f is not None and gradients.serve(x, f):
        from cuda_ops.cpu import fir_gradient

        taps = fir_gradient.separated(f, flip)
        if taps is not None:
            return fir_gradient.blur(x, *taps, taps_of(f), padding, gain)
    if path == "reference":
        return upfirdn2d_reference(x, f, up=up, down=down, padding=padding, gain=gain, flip=flip)
    return upfirdn2d_plain(x, f, up, down, padding, gain, flip)


def upfirdn2d_reference(
    x: Tensor,
    f: Tensor | None,
    *,
    up: int = 1,
    down: int = 1,
    padding: Padding = (0, 0, 0, 0),
    gain: float = 1.0,
    flip: bool = False,
) -> Tensor:
    """The same, one plain operation for each word of the definition: this is the specification."""
    x = _pad(_zero_stuff(x, up), padding)
    return _filter(x, f, gain, flip)[:, :, ::down, ::down]


def upfirdn2d_plain(
    x: Tensor, f: Tensor | None, up: int, down: int, padding: Padding, gain: float = 1.0, flip: bool = False
) -> Tensor:
    """The same for gradients and other devices: what decimation would drop is not computed, and nothing is copied to
    put the same border on all sides."""
    border = padding[0] if f is not None and min(padding) == max(padding) >= 0 else 0
    x = _zero_stuff(x, up)
    x = x if border else _pad(x, padding)
    return _filter(x, f, gain, flip, every=down, border=border)


def filter2d(x: Tensor, f: Tensor, *, gain: float = 1.0, flip: bool = False) -> Tensor:
    """Filter without changing the size."""
    T = taps_of(f)
    before, after = T // 2, (T - 1) // 2
    return upfirdn2d(x, f, padding=(before, after, before, after), gain=gain, flip=flip)


def upsample2d(x: Tensor, f: Tensor | None, *, up: int = 2, add: Tensor | None = None) -> Tensor:
    """Upsample [N, C, H, W] to [N, C, H*up, W*up], keeping the amplitude; then add `add`, of the result's shape."""
    T = taps_of(f)
    if f is not None and T == 4 and up == 2 and route(x, f, add) == "numba":
        from cuda_ops.cpu import compiled

        y = compiled.upsample(x, f, add)
        if y is not None:
            return y
    before, after = (T + up - 1) // 2, (T - up) // 2
    y = upfirdn2d(x, f, up=up, padding=(before, after, before, after), gain=up**2)
    return y if add is None else y + add


def downsample2d(x: Tensor, f: Tensor | None, *, down: int = 2) -> Tensor:
    """Downsample [N, C, H, W] to [N, C, H//down, W//down]."""
    T = taps_of(f)
    before, after = (T - down + 1) // 2, (T - down) // 2
    return upfirdn2d(x, f, down=down, padding=(before, after, before, after))


def _filter(x: Tensor, f: Tensor | None, gain: float, flip: bool, every: int = 1, border: int = 0) -> Tensor:
    """The valid part of `x` [N, C, H, W], within zeros `border` wide, through `f`, at each `every`-th place."""
    C = x.shape[1]
    if f is None:
        return x[:, :, ::every, ::every] * gain
    f = _oriented(f, x, gain, flip)
    if f.ndim == 2:
        return F.conv2d(x, f.expand(C, 1, *f.shape), stride=every, padding=border, groups=C)
    x = F.conv2d(x, f.expand(C, 1, 1, -1), stride=(1, every), padding=(0, border), groups=C)
    return F.conv2d(x, f.reshape(-1, 1).expand(C, 1, -1, 1), stride=(every, 1), padding=(border, 0), groups=C)


def _oriented(f: Tensor, x: Tensor, gain: float, flip: bool) -> Tensor:
    f = (f * gain ** (f.ndim / 2)).to(x.dtype)
    return f if flip else f.flip(list(range(f.ndim)))


def _zero_stuff(x: Tensor, up: int) -> Tensor:
    if up == 1:
        return x
    N, C, H, W = x.shape
    x = F.pad(x.reshape(N, C, H, 1, W, 1), (0, up - 1, 0, 0, 0, up - 1))  # [N, C, H, up, W, up]
    return x.reshape(N, C, H * up, W * up)


def _pad(x: Tensor, padding: Padding) -> Tensor:
    return x if padding == (0, 0, 0, 0) else F.pad(x, padding)


# --- without the zeros ----------------------------------------------------------------------------------------------


def _polyphase(x: Tensor, f: Tensor, up: int, padding: Padding, gain: float, flip: bool) -> Tensor:
    """Upsampling as one small convolution for each of the up*up output phases, which are then interleaved."""
    C, H, W = x.shape[1:]
    T = f.shape[-1]
    key = ("phases", up, padding, gain, flip)
    kernels, y0, x0 = prepared(f, key, partial(_phase_kernels, up=up, padding=padding, gain=gain, flip=flip))
    out_h, out_w = H * up + padding[2] + padding[3] - T + 1, W * up + padding[0] + padding[1] - T + 1
    rows, columns = -(-out_h // up), -(-out_w // up)
    Ly, Lx = kernels.shape[-2:]
    x = F.pad(x, (-x0, columns + Lx - 1 - W + x0, -y0, rows + Ly - 1 - H + y0))
    x = F.conv2d(x, kernels.repeat(C, 1, 1, 1), groups=C)  # [N, C * up * up, rows, columns]
    return F.pixel_shuffle(x, up)[:, :, :out_h, :out_w]


def _phase_kernels(f: Tensor, up: int, padding: Padding, gain: float, flip: bool) -> tuple[Tensor, int, int]:
    """Kernels [up * up, 1, Ly, Lx] and the input row and column where the first of them begins."""
    f = _oriented(f, f, gain, flip)
    f = f if f.ndim == 2 else torch.outer(f, f)
    pad_x, _, pad_y, _ = padding
    rows, y0 = _phases(f.shape[0], up, pad_y)
    columns, x0 = _phases(f.shape[1], up, pad_x)
    padded = F.pad(f, (0, 1, 0, 1))  # index -1: no tap here
    picked = padded[rows[:, None, :, None], columns[None, :, None, :]]  # [up, up, Ly, Lx]
    return picked.reshape(up * up, 1, rows.shape[1], columns.shape[1]), y0, x0


def _phases(T: int, up: int, pad: int) -> tuple[Tensor, int]:
    """Tap numbers [up, L] that output phase r applies to inputs first, first + 1, ...; -1 where none falls.

    Output up q + r sums f[k] z[up q + r + k - pad] over the zero-stuffed z, which is x[i] at i up and else nothing.
    """
    taps = [(r, k, (r + k - pad) // up) for r in range(up) for k in range(T) if (r + k - pad) % up == 0]
    first = min(i for _, _, i in taps)
    index = torch.full((up, max(i for _, _, i in taps) - first + 1), -1)
    for r, k, i in taps:
        index[r, i - first] = k
    return index, first
