"""What follows a convolution, for training: scale, noise, bias and leaky ReLU in one pass, gradients in another."""

import numpy as np
import torch
from numba import njit
from torch import Tensor

from cuda_ops.cpu import gradients, pool
from cuda_ops.cpu.gradients import OPTIONS, array, nhwc


def tail(
    x: Tensor, scale: Tensor | None, noise: Tensor | None, b: Tensor | None, gain: float, slope: float
) -> Tensor:
    """gain lrelu(scale x + noise + b) of `x` [N, C, H, W]; `scale` [N, C], `noise` that broadcasts to [N, 1, H, W],
    `b` [C]; `gain` and `slope` are positive. Differentiable to any order."""
    if noise is not None:
        noise = noise.expand(len(x), 1, *x.shape[2:])
    return Tail.apply(x, scale, noise, b, gain, slope)  # type: ignore[return-value]


class Tail(torch.autograd.Function):
    """The operation of `tail` with noise [N, 1, H, W]."""

    @staticmethod
    def forward(ctx, x, scale, noise, b, gain, slope):  # type: ignore[override]
        N, C, H, W = x.shape
        y = torch.empty(N, H, W, C)
        source, target = _maps(x), _maps(y.permute(0, 3, 1, 2))
        scales, noises, biases = _factors(x, scale, noise, b)

        high, low = np.float32(gain), np.float32(gain * slope)

        def work(first: int, last: int, scratch: int) -> None:
            forward_maps(source, target, scales, noises, biases, first, last, high, low)

        pool.run(work, N, 0)
        y = y.permute(0, 3, 1, 2)
        ctx.rest = gain, slope
        ctx.save_for_backward(x if scale is not None else None, scale, y)
        return y

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        x, scale, y = ctx.saved_tensors
        gain, slope = ctx.rest
        if torch.is_grad_enabled() or gradients.batched(grad):
            return *_differentiable(grad, x, scale, y.detach(), gain, slope, ctx.needs_input_grad), None, None
        return *_gradients(grad, x, scale, y, gain, slope, ctx.needs_input_grad), None, None


def _differentiable(grad, x, scale, y, gain, slope, needed) -> tuple[Tensor | None, ...]:
    """The four gradients in operations that can be differentiated again."""
    t = grad * torch.where(y > 0, gain, gain * slope)
    dx = t if scale is None else t * scale[:, :, None, None]
    dscale = (t * x).sum(dim=[2, 3]) if needed[1] else None
    return (
        dx if needed[0] else None,
        dscale,
        t.sum(dim=1, keepdim=True) if needed[2] else None,
        t.sum(dim=[0, 2, 3]) if needed[3] else None,
    )


def _gradients(grad, x, scale, y, gain, slope, needed) -> tuple[Tensor | None, ...]:
    """The four gradients, in one pass over the maps."""
    N, C, H, W = y.shape
    dx, sums = torch.empty(N, H, W, C), torch.empty(2, N, C)
    dnoise = torch.empty(N, H * W)
    factors = torch.ones(N, C) if scale is None else scale
    arrays = (
        _maps(grad), _maps(y), _maps(y if scale is None else x), array(factors.detach().contiguous()),
        _maps(dx.permute(0, 3, 1, 2)), array(sums[0]), array(sums[1]), array(dnoise),
    )  # fmt: skip

    def work(first: int, last: int, scratch: int) -> None:
        backward_maps(*arrays, first, last, np.float32(gain), np.float32(gain * slope))

    pool.run(work, N, 0)
    return (
        dx.permute(0, 3, 1, 2) if needed[0] else None,
        sums[0] if needed[1] else None,
        dnoise.reshape(N, 1, H, W) if needed[2] else None,
        sums[1].sum(dim=0) if needed[3] else None,
    )


def _maps(x: Tensor) -> np.ndarray:
    """[N, C, H, W] -> [N, H W, C]"""
    x = nhwc(x)
    return array(x).reshape(len(x), -1, x.shape[3])


def _factors(x: Tensor, scale: Tensor | None, noise: Tensor | None, b: Tensor | None) -> tuple[np.ndarray, ...]:
    N, C, H, W = x.shape
    scale = torch.ones(N, C) if scale is None else scale
    noise = torch.zeros(N, H * W) if noise is None else noise.reshape(N, H * W)
    b = torch.zeros(C) if b is None else b
    return tuple(array(t.detach().contiguous()) for t in (scale, noise, b))


@njit(**OPTIONS)
def forward_maps(x, y, scale, noise, b, first, last, high, low):
    """Samples first .. last-1; `high` and `low` are the gains of what is positive and of what is not."""
    for n in range(first, last):
        s = scale[n]
        for p in range(x.shape[1]):
            z, source, target = noise[n, p], x[n, p], y[n, p]
            for c in range(x.shape[2]):
                v = source[c] * s[c] + (z + b[c])
                target[c] = v * (high if v > 0 else low)


@njit(**OPTIONS)
def backward_maps(grad, y, x, scale, dx, dscale, db, dnoise, first, last, high, low):
    """Gradients of samples first .. last-1; those of `b` are summed over a sample."""
    for n in range(first, last):
        s, ds, dn = scale[n], dscale[n], db[n]
        ds[:] = 0
        dn[:] = 0
        for p in range(x.shape[1]):
            g, result, source, target = grad[n, p], y[n, p], x[n, p], dx[n, p]
            total = np.float32(0)
            for c in range(x.shape[2]):
                t = g[c] * (high if result[c] > 0 else low)
                target[c] = t * s[c]
                ds[c] += t * source[c]
                dn[c] += t
                total += t
            dnoise[n, p] = total
