"""Filtered leaky ReLU as products with banded matrices: the fast path where nothing is compiled."""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu.prepared import prepared

TILE = 1 << 21  # floats of upsampled data worked on at a time, so that they stay in the cache
RANK_TOLERANCE = 5e-7  # of the largest singular value; what is left out of a 2-D filter


@dataclass(frozen=True, eq=False)
class Bands:
    """Matrices that filter along one axis and then along the other, summed over the parts of the filter."""

    columns: Tensor  # [out_h * rank, in_h]
    rows: Tensor  # [rank * in_w, out_w]


def fast_filtered_lrelu(
    path: str, x: Tensor, fu: Tensor, fd: Tensor, b: Tensor | None, up: int, down: int,
    padding: tuple[int, int, int, int], gain: float, slope: float, clamp: float | None,
) -> Tensor | None:  # fmt: skip
    """filtered_lrelu by the compiled kernel or by bands; None where a number is not finite, which bands would smear."""
    if path == "numba":
        from cuda_ops.cpu import compiled

        y = compiled.filtered_lrelu(x, fu, fd, b, up, down, padding, gain, slope, clamp)
        if y is not None:
            return y
    if not x.sum().isfinite():
        return None
    return banded_filtered_lrelu(x, fu, fd, b, up, down, padding, gain, slope, clamp)


def banded_filtered_lrelu(
    x: Tensor, fu: Tensor, fd: Tensor, b: Tensor | None, up: int, down: int, padding: tuple[int, int, int, int],
    gain: float, slope: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """filtered_lrelu of `x` [N, C, H, W] with both filters present, in float32 and without gradients."""
    N, C, H, W = x.shape
    U = _bands(fu, H, W, up, 1, padding, up**2 * gain)
    mid_h, mid_w = U.columns.shape[0], U.rows.shape[1]
    D = _bands(fd, mid_h, mid_w, 1, down, (0, 0, 0, 0), 1.0)
    x = x.reshape(N * C, H, W)
    shift = None if b is None else b.repeat(N)[:, None, None]  # [N C, 1, 1]
    out_h, out_w = D.columns.shape[0] * mid_w // D.rows.shape[0], D.rows.shape[1]
    y = x.new_empty(N * C, out_h, out_w)
    step = max(TILE // (mid_h * mid_w), 1)
    for i in range(0, N * C, step):
        part = x[i : i + step] if shift is None else x[i : i + step] + shift[i : i + step]
        part = F.leaky_relu_(_filtered(part, U), slope)
        part = part if clamp is None else part.clamp_(-clamp, clamp)
        y[i : i + step] = _filtered(part, D)
    return y.reshape(N, C, out_h, out_w)


def factors(f: Tensor) -> tuple[Tensor, Tensor]:
    """Columns and rows [rank, T] whose outer products add up to the filter: one pair where it is separable."""
    if f.ndim == 1:
        return f[None], f[None]
    U, S, V = torch.linalg.svd(f.double())
    rank = max(int((S / S[0] > RANK_TOLERANCE).sum()), 1)
    root = S[:rank].sqrt()[:, None]
    return (U[:, :rank].t() * root).float(), (V[:rank] * root).float()


def _filtered(x: Tensor, bands: Bands) -> Tensor:
    """[M, in_h, in_w] -> [M, out_h, out_w]"""
    x = bands.columns @ x  # [M, out_h * rank, in_w]
    return x.reshape(len(x), -1, bands.rows.shape[0]) @ bands.rows


def _bands(
    f: Tensor, H: int, W: int, up: int, down: int, padding: tuple[int, int, int, int], gain: float
) -> Bands:
    key = ("bands", H, W, up, down, padding, gain)
    return prepared(f, key, partial(_make_bands, H=H, W=W, up=up, down=down, padding=padding, gain=gain))


def _make_bands(
    f: Tensor, H: int, W: int, up: int, down: int, padding: tuple[int, int, int, int], gain: float
) -> Bands:
    columns, rows = factors(f)
    vertical = [band(t, H, up, down, padding[2], padding[3]) * gain for t in columns]
    horizontal = [band(t, W, up, down, padding[0], padding[1]).t() for t in rows]
    return Bands(torch.stack(vertical, dim=1).flatten(0, 1), torch.cat(horizontal))


def band(taps: Tensor, size: int, up: int, down: int, before: int, after: int) -> Tensor:
    """Matrix [out, size] that upsamples with zeros, pads, convolves with `taps` [T] and decimates."""
    T = len(taps)
    out = (size * up + before + after - T) // down + 1
    o, i = torch.arange(out)[:, None], torch.arange(size)[None]
    k = (
        i * up + before - o * down
    )  # tap that falls on input i: of the filter turned round, as convolution asks
    inside = (k >= 0) & (k < T)
    return torch.where(inside, taps.flip(0)[k.clamp(0, T - 1)], torch.zeros(()))
