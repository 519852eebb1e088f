"""Convolution whose weights a style modulates and, optionally, demodulates (Karras et al. 2020, section 2.2)."""

import math

import torch
from torch import Tensor

from cuda_ops.conv_resample import conv2d_resample

EPS = 1e-8


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    up: int = 1,
    padding: int = 0,
    resample_filter: Tensor | None = None,
    demodulate: bool = True,
    input_gain: Tensor | None = None,
    flip: bool = False,
) -> Tensor:
    """Convolve `x` [N, I, H, W] with `weight` [O, I, k, k] modulated by `styles` [N, I].

    With W_oi = V_oi s_i and d_o = (sum W_o^2 + 1e-8)^(-1/2) this is conv(x, W d) for each sample. It is computed as
    d * conv(x s, V): the style scales the activations, so that one set of weights serves the whole batch.
    `input_gain` (scalar) multiplies the result after demodulation.
    """
    scale = None
    if demodulate:
        if x.dtype == torch.float16:  # keep the products in range; demodulation cancels both factors
            weight = weight / (math.sqrt(weight[0].numel()) * weight.abs().amax(dim=[1, 2, 3], keepdim=True))
            styles = styles / styles.abs().amax(dim=1, keepdim=True)
        scale = demodulation(weight, styles)  # [N, O]
    if input_gain is not None:
        styles = styles * input_gain
    x = x * styles.to(x.dtype)[:, :, None, None]
    x = conv2d_resample(x, weight.to(x.dtype), resample_filter, up=up, padding=padding, flip=flip)
    return x if scale is None else x * scale.to(x.dtype)[:, :, None, None]


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """Factors d [N, O] that bring every output map back to unit variance: equation 3 of the paper."""
    energy = weight.square().sum(dim=[2, 3])  # [O, I]
    return (styles.square() @ energy.t() + EPS).rsqrt()


def modulated_conv2d_reference(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    up: int = 1,
    padding: int = 0,
    resample_filter: Tensor | None = None,
    demodulate: bool = True,
    input_gain: Tensor | None = None,
    flip: bool = False,
) -> Tensor:
    """The same, as the paper writes it: one modulated set of weights for each sample."""
    W = weight[None] * styles[:, None, :, None, None]  # [N, O, I, k, k]
    if demodulate:
        W = W * (W.square().sum(dim=[2, 3, 4], keepdim=True) + EPS).rsqrt()
    if input_gain is not None:
        W = W * input_gain
    rows = [
        conv2d_resample(x[n : n + 1], W[n], resample_filter, up=up, padding=padding, flip=flip) for n in range(len(x))
    ]
    return torch.cat(rows)


def normalised_weight(weight: Tensor) -> Tensor:
    """Weights scaled to unit rms for each output map, as StyleGAN3 does before demodulation."""
    return weight * weight.square().mean(dim=[1, 2, 3], keepdim=True).rsqrt()
