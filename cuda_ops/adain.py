"""Adaptive instance normalisation: y = (1 + scale) (x - mean) / std + shift, statistics for each sample and channel."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu.choice import route

EPS = 1e-8


def adain(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Normalise every map of `x` [N, C, H, W], then give it the style `scale` and `shift`, both [N, C].

    Karras et al. 2019, equation 1, with 1 added to the scale as the published networks store it. It is batch
    normalisation over N*C maps, each a channel of its own, whose rounding error is about 1e-7 |mean| / std.
    Differentiable to any order.
    """
    if route(x, scale, shift) == "gpu":
        from cuda_ops.gpu import ops

        return ops.adain(x, scale, shift, EPS)
    N, C, H, W = x.shape
    weight, bias = (scale + 1).reshape(N * C), shift.reshape(N * C)
    y = F.batch_norm(x.reshape(1, N * C, H, W), None, None, weight, bias, training=True, eps=EPS)
    return y.reshape(N, C, H, W)


def adain_reference(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """The same, step by step: this is the specification."""
    return style_mod(instance_norm(x), scale, shift)


def instance_norm(x: Tensor) -> Tensor:
    """Every map of `x` [N, C, H, W] with mean 0 and variance 1."""
    x = x - x.mean(dim=[2, 3], keepdim=True)
    return x * (x.square().mean(dim=[2, 3], keepdim=True) + EPS).rsqrt()


def style_mod(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """x (1 + scale) + shift for `x` [N, C, H, W], `scale` and `shift` [N, C]."""
    return torch.addcmul(shift[:, :, None, None], x, scale[:, :, None, None] + 1)
