"""Blurring with up to four separable taps for training: channels last, compiled; its gradient is such a blur again."""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from numba import njit
from torch import Tensor

from cuda_ops.cpu import gradients, pool
from cuda_ops.cpu.gradients import OPTIONS, array, nhwc
from cuda_ops.cpu.prepared import prepared

TAPS = 4  # shorter filters end in zeros
Taps = tuple[float, float, float, float]
Padding = tuple[int, int, int, int]  # x before, x after, y before, y after; negative crops


def separated(f: Tensor, flip: bool) -> tuple[Taps, Taps] | None:
    """Taps along y and along x for correlation with `f` [T] or [T, T]; None where it is longer or not separable."""
    return prepared(f, ("taps", flip), partial(_separated, flip=flip))


def _separated(f: Tensor, flip: bool) -> tuple[Taps, Taps] | None:
    if f.shape[-1] > TAPS:
        return None
    whole = (f if f.ndim == 2 else torch.outer(f, f)).detach().double().cpu()
    whole = whole if flip else whole.flip([0, 1])
    i, j = divmod(int(whole.abs().argmax()), whole.shape[1])
    y, x = whole[:, j], whole[i] / whole[i, j]
    if not torch.allclose(torch.outer(y, x), whole, rtol=1e-6, atol=0):
        return None
    return _padded(y), _padded(x)


def _padded(taps: Tensor) -> Taps:
    a, b, c, d = [*taps.tolist(), *[0.0] * (TAPS - len(taps))]
    return a, b, c, d


def blur(x: Tensor, ys: Taps, xs: Taps, T: int, padding: Padding, gain: float) -> Tensor:
    """Correlate `x` [N, C, H, W] with the outer product of `ys` and `xs`, of which the first `T` taps count.

    The result is [N, C, H + padding - T + 1, ...]; differentiable to any order.
    """
    x0, x1, y0, y1 = padding
    spare = TAPS - T  # the zeros at the end of the taps need something to stand on
    ys = tuple(y * gain for y in ys)  # type: ignore[assignment]
    return Blur.apply(x, ys, xs, (x0, x1 + spare, y0, y1 + spare))  # type: ignore[return-value]


class Blur(torch.autograd.Function):
    """`x` [N, C, H, W], padded and correlated with four by four taps."""

    @staticmethod
    def forward(ctx, x: Tensor, ys: Taps, xs: Taps, padding: Padding) -> Tensor:  # type: ignore[override]
        ctx.rest = ys, xs, padding
        x = nhwc(x)
        N, H, W, C = x.shape
        x0, x1, y0, y1 = padding
        y = torch.empty(N, H + y0 + y1 - TAPS + 1, W + x0 + x1 - TAPS + 1, C)
        source, target = array(x).reshape(N, H, W * C), array(y).reshape(N, y.shape[1], -1)
        fy, fx = np.asarray(ys, np.float32), np.asarray(xs, np.float32)

        def work(first: int, last: int, scratch: int) -> None:
            correlate(source, target, first, last, C, x0, y0, fy, fx)

        pool.run(work, N, 0)
        return y.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        ys, xs, padding = ctx.rest
        x0, x1, y0, y1 = (TAPS - 1 - p for p in padding)
        run = _plain if gradients.batched(grad) else Blur.apply
        return run(grad, ys[::-1], xs[::-1], (x0, x1, y0, y1)), None, None, None  # type: ignore[return-value]


def _plain(x: Tensor, ys: Taps, xs: Taps, padding: Padding) -> Tensor:
    """The same in torch's operations, for many gradients at once."""
    f = torch.outer(torch.tensor(ys), torch.tensor(xs)).expand(x.shape[1], 1, TAPS, TAPS)
    return F.conv2d(F.pad(x, padding), f, groups=x.shape[1])


@njit(**OPTIONS)
def correlate(x, y, first, last, C, x0, y0, fy, fx):
    """Samples first .. last-1 of y [N, h, w C] from x [N, H, W C]; x0, y0 columns and rows of zeros come before."""
    H, L = x.shape[1:]
    width = y.shape[2]
    row = np.zeros(width + 3 * C, np.float32)  # a row of x after the taps along y, between zeros
    left, start = max(-x0, 0) * C, max(x0, 0) * C
    n = min(L - left, len(row) - start)
    inner = row[start : start + n]
    a, b, c, d = row[:width], row[C : C + width], row[2 * C : 2 * C + width], row[3 * C :]
    for s in range(first, last):
        for i in range(y.shape[1]):
            r = i - y0
            combine(
                _line(x[s], r, left, n), _line(x[s], r + 1, left, n), _line(x[s], r + 2, left, n),
                _line(x[s], r + 3, left, n), _tap(fy, 0, r, H), _tap(fy, 1, r, H), _tap(fy, 2, r, H),
                _tap(fy, 3, r, H), inner,
            )  # fmt: skip
            combine(a, b, c, d, fx[0], fx[1], fx[2], fx[3], y[s, i])


@njit(**OPTIONS)
def combine(a, b, c, d, fa, fb, fc, fd, out):
    """out = fa a + fb b + fc c + fd d"""
    for j in range(len(out)):
        out[j] = fa * a[j] + fb * b[j] + fc * c[j] + fd * d[j]


@njit(**OPTIONS)
def _line(x, r, left, n):
    """Row r of x, or the nearest that there is."""
    return x[min(max(r, 0), len(x) - 1)][left : left + n]


@njit(**OPTIONS)
def _tap(taps, k, r, H):
    """Tap k, or zero where it falls outside the rows."""
    return taps[k] if 0 <= r + k < H else np.float32(0)
