"""A modulated layer on the CPU: what is asked, the factors prepared once for each weight, and who computes it."""

import math
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.bias_act import bias_act
from cuda_ops.conv_resample import conv2d_resample, square, total_padding
from cuda_ops.cpu import tiled
from cuda_ops.cpu.prepared import prepared
from cuda_ops.dense import dense
from cuda_ops.upfirdn import taps_of, upfirdn2d

LRELU_SLOPE = 0.2
TILED_PIXELS = 14 * 14  # from this size on, Winograd in torch wins
SCATTERED_PIXELS = 16 * 16  # up to this size, a transposed convolution is faster as one product (measured)
NHWC_PIXELS = 64 * 64  # from this size on, oneDNN is faster with channels last (measured)


@dataclass(frozen=True, eq=False)
class Convolution:
    """What to convolve with, beside weight and styles; the names are those of `modulated_conv2d`."""

    up: int
    padding: int
    filter: Tensor | None
    flip: bool
    demodulate: bool
    normalise: bool
    input_gain: Tensor | None


@dataclass(frozen=True, eq=False)
class Epilogue:
    """What follows a convolution: noise, bias, activation, gain, clamp; all of it absent by default."""

    noise: Tensor | None = None
    bias: Tensor | None = None
    act: str = "linear"
    gain: float | None = None
    clamp: float | None = None

    @property
    def fused(self) -> bool:
        """Whether it is one of the forms that the fast paths know: linear or leaky, with a positive gain."""
        return self.act in ("linear", "lrelu") and self.total_gain > 0

    @property
    def learned(self) -> bool:
        """Whether the kernels with gradients know it: leaky, with a positive gain, without a clamp."""
        return self.act == "lrelu" and self.total_gain > 0 and self.clamp is None

    @property
    def total_gain(self) -> float:
        default = math.sqrt(2) if self.act == "lrelu" else 1.0
        return default if self.gain is None else self.gain

    @property
    def slope(self) -> float:
        return LRELU_SLOPE if self.act == "lrelu" else 1.0


def fast_layer(
    path: str, x: Tensor, weight: Tensor, styles: Tensor, conv: Convolution, epilogue: Epilogue, eps: float
) -> Tensor:
    """y = clamp(gain act(d conv(x s, V) + noise + b)) in float32 without gradients; `path` is torch or numba."""
    s, d = scales(weight, styles, conv, eps)
    run = compiled_layer if path == "numba" else torch_layer
    if epilogue.fused:
        return run(x, weight, s, d, conv, epilogue)
    y = run(x, weight, s, d, conv, Epilogue(epilogue.noise))
    return bias_act(y, epilogue.bias, epilogue.act, gain=epilogue.gain, clamp=epilogue.clamp)


def scales(weight: Tensor, styles: Tensor, conv: Convolution, eps: float) -> tuple[Tensor, Tensor]:
    """Factors s [N, I] of the inputs and d [N, O] of the outputs that together modulate and demodulate."""
    if conv.input_gain is not None and not conv.demodulate:
        styles = styles * conv.input_gain
    rms = prepared(weight, "rms", _inverse_rms) if conv.normalise else None  # [O]
    if not conv.demodulate:
        d = prepared(weight, "ones", _ones) if rms is None else rms
        return styles, d.expand(len(styles), -1)
    energy = prepared(weight, ("energy", conv.normalise), partial(_energy, rms=rms))
    d = dense(styles.square(), energy).add_(eps).rsqrt_()  # [N, O]
    for factor in (rms, conv.input_gain):
        d = d if factor is None else d.mul_(factor)
    return styles, d


def compiled_layer(
    x: Tensor, weight: Tensor, s: Tensor, d: Tensor, conv: Convolution, epilogue: Epilogue
) -> Tensor:
    """The layer by the compiled kernel that suits it; by torch where none does, or where numbers are not finite.

    Winograd's sums spread a NaN over a tile: the plain convolution then shows where it really is.
    """
    from cuda_ops.cpu import compiled

    y = compiled.layer(x, weight, s, d, conv, epilogue)
    return torch_layer(x, weight, s, d, conv, epilogue) if y is None else y


def torch_layer(
    x: Tensor, weight: Tensor, s: Tensor, d: Tensor, conv: Convolution, epilogue: Epilogue
) -> Tensor:
    """The layer in torch's own operations, with as few passes over the activations as they allow."""
    N, I, H, W = x.shape
    O, _, k, _ = weight.shape
    gain = epilogue.total_gain  # positive, so that it may be applied before the activation
    d = d * gain
    if N == 1 and conv.up == 1 and not conv.flip and H * W >= TILED_PIXELS and tiled.suits(weight):
        y = tiled.convolve(x, s, weight, conv.padding)
        if y is not None:
            return finish_(y.mul_(d[:, :, None, None]), epilogue, gain)
    if N == 1 and conv.up == 2 and k == 3 and H * W <= SCATTERED_PIXELS:
        y = _scattered(x * s[:, :, None, None], weight, conv)
        return finish_(y.mul_(d[:, :, None, None]), epilogue, gain)
    copies = 2 if conv.up > 1 else 1  # a transposed convolution puts its inputs before its outputs
    small_weight = N == 1 and copies * k * k * O * I < (I + O * conv.up**2) * H * W
    if small_weight:
        weight = weight * (s[0, None, :] * d[0, :, None])[:, :, None, None]
    else:
        x = x * s[:, :, None, None]
        if conv.up > 1 and conv.flip:
            weight = prepared(weight, "transposed", _transposed)
    if H * W >= NHWC_PIXELS and k > 1:
        x = x.contiguous(memory_format=torch.channels_last)
    y = conv2d_resample(x, weight, conv.filter, up=conv.up, padding=conv.padding, flip=conv.flip)
    if not small_weight:
        y = y.mul_(d[:, :, None, None])
    return finish_(y, epilogue, gain)


def _scattered(x: Tensor, weight: Tensor, conv: Convolution) -> Tensor:
    """conv2d_resample by two of a few pixels [1, I, H, W]: nine products for each, summed where they fall."""
    _, I, H, W = x.shape
    nine = prepared(weight, ("nine", conv.flip), partial(_nine, flip=conv.flip))  # [O * 9, I]
    y = F.fold(torch.mm(nine, x.view(I, H * W))[None], (2 * H + 1, 2 * W + 1), 3, stride=2)
    before, after = total_padding(conv.padding, taps_of(conv.filter), 2, 1)
    return upfirdn2d(y, conv.filter, padding=square(before - 2, after - 1), gain=4)


def _nine(weight: Tensor, flip: bool) -> Tensor:
    """[O, I, 3, 3] -> [O * 9, I]: what every input adds to nine outputs of the transposed convolution."""
    w = weight if flip else weight.flip([2, 3])
    return w.permute(0, 2, 3, 1).reshape(-1, w.shape[1])


def _transposed(weight: Tensor) -> Tensor:
    """The same numbers [O, I, k, k], I before O in memory."""
    return weight.transpose(0, 1).contiguous().transpose(0, 1)


def finish_(y: Tensor, epilogue: Epilogue, gain: float) -> Tensor:
    """Noise, bias, activation and clamp, in place, on a `y` that has been multiplied by `gain` already."""
    if epilogue.noise is not None:
        y = y.add_(epilogue.noise, alpha=gain)
    if epilogue.bias is not None:
        y = y.add_(epilogue.bias[:, None, None], alpha=gain)
    if epilogue.act == "lrelu":
        y = F.leaky_relu_(y, LRELU_SLOPE)
    return y if epilogue.clamp is None else y.clamp_(-epilogue.clamp, epilogue.clamp)


def _ones(weight: Tensor) -> Tensor:
    return weight.new_ones(len(weight))  # [O]


def _energy(weight: Tensor, rms: Tensor | None) -> Tensor:
    """Sums of squares of kernels [O, I], of the normalised ones where `rms` [O] divides them."""
    energy = weight.square().sum(dim=[2, 3])
    return energy if rms is None else energy * rms.square()[:, None]


def _inverse_rms(weight: Tensor) -> Tensor:
    return weight.square().mean(dim=[1, 2, 3]).rsqrt()  # [O]
