"""Filtered leaky ReLU as products with banded matrices: the fast path where nothing is compiled."""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu.prepared import prepared

TILE = 1 << 20  # floats of upsampled data worked on at a time, so that they stay in the cache
OUTPUTS = 32  # of a piece of a banded matrix
RANK_TOLERANCE = 5e-7  # of the largest singular value; what is left out of a 2-D filter


@dataclass(frozen=True, eq=False)
class Piece:
    """What outputs `out` need: inputs `taken`, times a small matrix."""

    out: slice
    taken: slice
    matrix: Tensor


@dataclass(frozen=True, eq=False)
class Bands:
    """Matrices that filter down the columns, then along the rows, summed over the parts of the filter.

    A banded matrix is cut along its diagonal, since most of it is zero: columns are [outputs * rank, inputs], rows
    [rank * inputs, outputs].
    """

    rank: int
    out_h: int
    out_w: int
    columns: tuple[Piece, ...]
    rows: tuple[Piece, ...]


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
    mid_h, mid_w = U.out_h, U.out_w
    D = _bands(fd, mid_h, mid_w, 1, down, (0, 0, 0, 0), 1.0)
    x = x.reshape(N * C, H, W)
    shift = None if b is None else b.repeat(N)[:, None, None]  # [N C, 1, 1]
    out_h, out_w = D.out_h, D.out_w
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
    M, _, W = x.shape
    tall = x.new_empty(M, bands.out_h * bands.rank, W)
    for p in bands.columns:
        tall[:, p.out] = p.matrix @ x[:, p.taken]
    tall = tall.view(M * bands.out_h, bands.rank, W)
    y = x.new_empty(M * bands.out_h, bands.out_w)
    for p in bands.rows:
        y[:, p.out] = tall[:, :, p.taken].flatten(1) @ p.matrix
    return y.view(M, bands.out_h, bands.out_w)


def _bands(
    f: Tensor, H: int, W: int, up: int, down: int, padding: tuple[int, int, int, int], gain: float
) -> Bands:
    key = ("bands", H, W, up, down, padding, gain)
    return prepared(f, key, partial(_make_bands, H=H, W=W, up=up, down=down, padding=padding, gain=gain))


def _make_bands(
    f: Tensor, H: int, W: int, up: int, down: int, padding: tuple[int, int, int, int], gain: float
) -> Bands:
    columns, rows = factors(f)
    rank = len(columns)
    vertical = torch.stack(
        [band(t, H, up, down, padding[2], padding[3]) * gain for t in columns]
    )  # [rank, out, H]
    horizontal = torch.stack([band(t, W, up, down, padding[0], padding[1]) for t in rows])
    out_h, out_w = vertical.shape[1], horizontal.shape[1]
    cut_v = [
        Piece(
            slice(o.start * rank, o.stop * rank),
            i,
            vertical[:, o, i].transpose(0, 1).flatten(0, 1).contiguous(),
        )
        for o, i in _cuts(vertical)
    ]
    cut_h = [
        Piece(o, i, horizontal[:, o, i].transpose(1, 2).flatten(0, 1).contiguous())
        for o, i in _cuts(horizontal)
    ]
    return Bands(rank, out_h, out_w, tuple(cut_v), tuple(cut_h))


def _cuts(matrices: Tensor) -> list[tuple[slice, slice]]:
    """Ranges of outputs, and for each the inputs that they need, of matrices [rank, outputs, inputs]."""
    _, O, I = matrices.shape
    cuts = []
    for start in range(0, O, OUTPUTS):
        out = slice(start, min(start + OUTPUTS, O))
        used = matrices[:, out].abs().sum(dim=(0, 1)).nonzero().flatten()
        first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, min(1, I))
        cuts.append((out, slice(first, last)))
    return cuts


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
