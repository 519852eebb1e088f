"""A modulated layer on the GPU: torch's convolution, and one kernel for all that follows it."""

import math

import torch
from torch import Tensor

from cuda_ops.conv_resample import conv2d_resample, square, total_padding, transposed
from cuda_ops.cpu.layer import Convolution, Epilogue
from cuda_ops.cpu.prepared import prepared
from cuda_ops.gpu import layout, ops
from cuda_ops.gpu.fir import End
from cuda_ops.upfirdn import taps_of


def modulated(
    x: Tensor, weight: Tensor, styles: Tensor, conv: Convolution, epilogue: Epilogue, eps: float
) -> Tensor:
    """clamp(gain act(d conv(x s, V) + noise + b)) for an epilogue that is `fused`.

    For one sample of large maps the weights are smaller than the maps: then they take s and d instead.
    """
    x = layout.arranged(x)
    V, s, d = factors(weight, styles, conv, eps, x.dtype)
    if _weight_is_small(x, weight, conv.up):
        factor = s if d is None else s * d.t()  # [1 or O, I]
        V, d = (V * factor[:, :, None, None]).to(x.dtype), None  # [O, I, k, k]
    else:
        x = x * s.to(x.dtype)[:, :, None, None]
        kind = ("as", x.dtype, conv.demodulate, conv.normalise)
        V = V if V.dtype == x.dtype else prepared(weight, kind, lambda _: V.detach().to(x.dtype))
    end = End(epilogue.total_gain, epilogue.slope, epilogue.clamp, d, epilogue.noise, epilogue.bias)
    if conv.up > 1 and weight.shape[-1] > 1:
        before, after = total_padding(conv.padding, taps_of(conv.filter), conv.up, 1)
        y, before, after = transposed(x, V if conv.flip else V.flip([2, 3]), conv.up, before, after)
        return ops.upfirdn2d(y, conv.filter, 1, 1, square(before, after), float(conv.up**2), False, end)
    y = conv2d_resample(x, V, conv.filter, up=conv.up, padding=conv.padding, flip=conv.flip)
    return y if end == End() else ops.finish(y, end, in_place=True)


def factors(
    weight: Tensor, styles: Tensor, conv: Convolution, eps: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Weights V, factors s [N, I] of the inputs and, unless they are all 1, d [N, O] of the outputs.

    In half precision V and s are brought into range first, where demodulation takes out again what that put in.
    """
    if not conv.demodulate:
        V = prepared(weight, "unit", _unit_rms) if conv.normalise else weight
        return V, styles if conv.input_gain is None else styles * conv.input_gain, None
    if dtype == torch.float16:
        V, styles = prepared(weight, "range", _in_range), styles / styles.abs().amax(dim=1, keepdim=True)
    else:
        V = prepared(weight, "unit", _unit_rms) if conv.normalise else weight
    energy = prepared(weight, ("energy of", dtype, conv.normalise), lambda _: V.detach().square().sum(dim=[2, 3]))
    d = (styles.square() @ energy.t() + eps).rsqrt()  # [N, O]
    return V, styles, d if conv.input_gain is None else d * conv.input_gain


def _unit_rms(weight: Tensor) -> Tensor:
    return weight * weight.square().mean(dim=[1, 2, 3], keepdim=True).rsqrt()


def _in_range(weight: Tensor) -> Tensor:
    return weight / (math.sqrt(weight[0].numel()) * weight.abs().amax(dim=[1, 2, 3], keepdim=True))


def _weight_is_small(x: Tensor, weight: Tensor, up: int) -> bool:
    N, I, H, W = x.shape
    return N == 1 and weight.numel() < (I + len(weight) * up**2) * H * W
