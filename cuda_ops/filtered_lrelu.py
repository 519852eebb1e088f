"""Bias, upsample, leaky ReLU, clamp, downsample: StyleGAN3's alias-free nonlinearity (Karras et al. 2021, 3.2)."""

import math

import torch
from torch import Tensor

from cuda_ops.bias_act import bias_act
from cuda_ops.cpu.banded import fast_filtered_lrelu
from cuda_ops.cpu.choice import route
from cuda_ops.cpu.order import is_first_order
from cuda_ops.upfirdn import Padding, upfirdn2d


def filtered_lrelu(
    x: Tensor,
    fu: Tensor | None = None,
    fd: Tensor | None = None,
    b: Tensor | None = None,
    *,
    up: int = 1,
    down: int = 1,
    padding: Padding = (0, 0, 0, 0),
    gain: float = math.sqrt(2),
    slope: float = 0.2,
    clamp: float | None = None,
) -> Tensor:
    """Apply the nonlinearity to `x` [N, C, H, W] at a sampling rate `up` times higher, then reduce by `down`.

    `fu`, `fd` are [T] separable, [T, T], or None for a single tap of 1. The result is
    [N, C, (H up + p0 + p1 - (Tu - 1) - (Td - 1) + down - 1) // down, ...].
    """
    path = route(x, fu, fd, b)
    if path == "gpu":
        from cuda_ops.gpu import ops

        return ops.filtered_lrelu(x, fu, fd, b, up, down, padding, gain, slope, clamp)
    if path in ("torch", "numba") and fu is not None and fd is not None and x.ndim == 4:
        y = fast_filtered_lrelu(path, x, fu, fd, b, up, down, padding, gain, slope, clamp)
        if y is not None:
            return y
    if path == "plain" and is_first_order() and _is_cpu_float(x) and fd is not None and fu is not None and fu.ndim == 1:
        from cuda_ops.cpu.flrelu_gradient import filtered_lrelu_once

        return filtered_lrelu_once(x, fu, fd, b, up, down, padding, gain, slope, clamp)
    return filtered_lrelu_reference(
        x, fu, fd, b, up=up, down=down, padding=padding, gain=gain, slope=slope, clamp=clamp
    )


def _is_cpu_float(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0


def filtered_lrelu_reference(
    x: Tensor, fu: Tensor | None, fd: Tensor | None, b: Tensor | None, *, up: int, down: int, padding: Padding,
    gain: float, slope: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """The same as a chain of plain operations: this is the specification. Differentiable to any order."""
    x = bias_act(x, b)
    x = upfirdn2d(x, fu, up=up, padding=padding, gain=up**2)
    x = bias_act(x, act="lrelu", alpha=slope, gain=gain, clamp=clamp)
    return upfirdn2d(x, fd, down=down)
