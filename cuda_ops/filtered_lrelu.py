"""Bias, upsample, leaky ReLU, clamp, downsample: the alias-free nonlinearity of StyleGAN3 (Karras et al. 2021, section 3.2)."""

import math

from torch import Tensor

from cuda_ops.bias_act import bias_act
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
    return filtered_lrelu_reference(x, fu, fd, b, up=up, down=down, padding=padding, gain=gain, slope=slope, clamp=clamp)


def filtered_lrelu_reference(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    *,
    up: int,
    down: int,
    padding: Padding,
    gain: float,
    slope: float,
    clamp: float | None,
) -> Tensor:
    """The same as a chain of plain operations: this is the specification. Differentiable to any order."""
    x = bias_act(x, b)
    x = upfirdn2d(x, fu, up=up, padding=padding, gain=up**2)
    x = bias_act(x, act="lrelu", alpha=slope, gain=gain, clamp=clamp)
    return upfirdn2d(x, fd, down=down)
