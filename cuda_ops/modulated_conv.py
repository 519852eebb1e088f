"""Convolution whose weights a style modulates and, optionally, demodulates (Karras et al. 2020, section 2.2)."""

import math

import torch
from torch import Tensor

from cuda_ops.bias_act import bias_act
from cuda_ops.conv_resample import conv2d_resample
from cuda_ops.cpu import gradients
from cuda_ops.cpu.choice import route
from cuda_ops.cpu.layer import Convolution, Epilogue, fast_layer

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
    normalise: bool = False,
    input_gain: Tensor | None = None,
    flip: bool = False,
) -> Tensor:
    """Convolve `x` [N, I, H, W] with `weight` [O, I, k, k] modulated by `styles` [N, I].

    With W_oi = V_oi s_i and d_o = (sum W_o^2 + 1e-8)^(-1/2) this is conv(x, W d) for each sample. It is computed as
    d * conv(x s, V): the style scales the activations, so that one set of weights serves the whole batch.
    `normalise` first brings V to unit rms for each output map; `input_gain` (scalar) multiplies the result after
    demodulation.
    """
    conv = Convolution(up, padding, resample_filter, flip, demodulate, normalise, input_gain)
    return _run(x, weight, styles, conv, Epilogue())


def modulated_layer(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    b: Tensor,
    *,
    noise: Tensor | None = None,
    act: str = "lrelu",
    gain: float | None = None,
    clamp: float | None = None,
    up: int = 1,
    padding: int = 0,
    resample_filter: Tensor | None = None,
    demodulate: bool = True,
    flip: bool = False,
) -> Tensor:
    """A whole layer of StyleGAN2: modulated convolution, then `noise` [N or 1, 1, H, W] or [H, W], then bias and
    activation as in `bias_act`."""
    conv = Convolution(up, padding, resample_filter, flip, demodulate, False, None)
    return _run(x, weight, styles, conv, Epilogue(noise, b, act, gain, clamp))


def modulated_layer_reference(
    x: Tensor, weight: Tensor, styles: Tensor, b: Tensor, *, noise: Tensor | None = None, act: str = "lrelu",
    gain: float | None = None, clamp: float | None = None, **conv: object,
) -> Tensor:  # fmt: skip
    """The same as its three parts in a row: this is the specification."""
    x = modulated_conv2d_reference(x, weight, styles, **conv)  # type: ignore[arg-type]
    if noise is not None:
        x = x + noise.to(x.dtype)
    return bias_act(x, b, act, gain=gain, clamp=clamp)


def modulated_conv2d_reference(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    up: int = 1,
    padding: int = 0,
    resample_filter: Tensor | None = None,
    demodulate: bool = True,
    normalise: bool = False,
    input_gain: Tensor | None = None,
    flip: bool = False,
) -> Tensor:
    """The same, as the paper writes it: one modulated set of weights for each sample."""
    weight = normalised_weight(weight) if normalise else weight
    W = weight[None] * styles[:, None, :, None, None]  # [N, O, I, k, k]
    if demodulate:
        W = W * (W.square().sum(dim=[2, 3, 4], keepdim=True) + EPS).rsqrt()
    if input_gain is not None:
        W = W * input_gain
    rows = [
        conv2d_resample(x[n : n + 1], W[n], resample_filter, up=up, padding=padding, flip=flip)
        for n in range(len(x))
    ]
    return torch.cat(rows)


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """Factors d [N, O] that bring every output map back to unit variance: equation 3 of the paper."""
    energy = weight.square().sum(dim=[2, 3])  # [O, I]
    return (styles.square() @ energy.t() + EPS).rsqrt()


def normalised_weight(weight: Tensor) -> Tensor:
    """Weights scaled to unit rms for each output map, as StyleGAN3 does before demodulation."""
    return weight * weight.square().mean(dim=[1, 2, 3], keepdim=True).rsqrt()


def _run(x: Tensor, weight: Tensor, styles: Tensor, conv: Convolution, epilogue: Epilogue) -> Tensor:
    path = route(x, weight, styles, conv.filter, epilogue.noise, epilogue.bias)
    if path == "gpu" and epilogue.fused:
        from cuda_ops.gpu import layer

        return layer.modulated(x, weight, styles, conv, epilogue, EPS)
    if path in ("torch", "numba"):
        return fast_layer(path, x, weight, styles, conv, epilogue, EPS)
    if path == "reference":
        x = modulated_conv2d_reference(
            x, weight, styles, up=conv.up, padding=conv.padding, resample_filter=conv.filter,
            demodulate=conv.demodulate, normalise=conv.normalise, input_gain=conv.input_gain, flip=conv.flip,
        )  # fmt: skip
    else:
        x, d = _plain(x, weight, styles, conv)
        if epilogue.learned and gradients.serve(x, d, epilogue.noise, epilogue.bias):
            from cuda_ops.cpu.tail_gradient import tail

            return tail(x, d, epilogue.noise, epilogue.bias, epilogue.total_gain, epilogue.slope)
        x = x if d is None else x * d[:, :, None, None]
    if epilogue.noise is not None:
        x = x + epilogue.noise.to(x.dtype)
    if epilogue.bias is None:
        return x
    return bias_act(x, epilogue.bias, epilogue.act, gain=epilogue.gain, clamp=epilogue.clamp)


def _plain(x: Tensor, weight: Tensor, styles: Tensor, conv: Convolution) -> tuple[Tensor, Tensor | None]:
    """conv(x s, V) and the factors d [N, O] that it still needs; on any device, differentiable to any order."""
    weight = normalised_weight(weight) if conv.normalise else weight
    scale = None
    if conv.demodulate:
        if x.dtype == torch.float16:  # keep the products in range; demodulation cancels both factors
            weight = weight / (math.sqrt(weight[0].numel()) * weight.abs().amax(dim=[1, 2, 3], keepdim=True))
            styles = styles / styles.abs().amax(dim=1, keepdim=True)
        scale = demodulation(weight, styles)  # [N, O]
    if conv.input_gain is not None:
        styles = styles * conv.input_gain
    x = x * styles.to(x.dtype)[:, :, None, None]
    x = conv2d_resample(x, weight.to(x.dtype), conv.filter, up=conv.up, padding=conv.padding, flip=conv.flip)
    return x, None if scale is None else scale.to(x.dtype)
