"""A short proof, at every start, that the compiled kernels compute on this processor what they should."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import compiled
from cuda_ops.cpu.layer import Convolution, Epilogue
from cuda_ops.upfirdn import setup_filter, upfirdn2d_reference

TOLERANCE = 1e-4  # of the largest value; a wrong instruction is off by far more


def complaint(before_each: Callable[[], None] = lambda: None) -> str | None:
    """What is wrong with the kernels, or None. Each is compared with plain operations in float64; some milliseconds."""
    with torch.inference_mode(False), torch.no_grad():
        for name, check in CHECKS.items():
            before_each()
            generator = torch.Generator().manual_seed(1)
            got, want = check(lambda *shape, g=generator: torch.randn(shape, generator=g))
            wrong = _compared(name, got, want)
            if wrong:
                return wrong
    return None


Random = Callable[..., Tensor]


def _layer(
    random: Random, k: int, H: int, W: int, up: int, I: int = 9, O: int = 11
) -> tuple[Tensor | None, Tensor]:
    x, weight, s, b = random(1, I, H, W), random(O, I, k, k), random(1, I), random(O)
    noise, f = random(1, 1, H * up, W * up), setup_filter([1, 3, 3, 1])
    conv = Convolution(up, k // 2, f, up > 1, False, False, None)
    got = compiled.layer(x, weight, s, s.new_ones(1, O), conv, Epilogue(noise, b, "lrelu", 1.0, 20.0))
    y = x.double() * s.double()[:, :, None, None]
    if up == 1:
        y = F.conv2d(y, weight.double(), padding=k // 2)
    else:
        y = F.conv_transpose2d(y, weight.double().transpose(0, 1), stride=2)
        y = upfirdn2d_reference(y, f.double(), padding=(1, 1, 1, 1), gain=4)
    return got, F.leaky_relu(y + noise + b[:, None, None], 0.2).clamp(-20, 20)


def _nonlinearity(random: Random, up: int, radial: bool) -> tuple[Tensor | None, Tensor]:
    x, b, fu, half = random(1, 3, 20, 37), random(3), random(6 * up), random(6).abs()
    fd = torch.cat([half, half.flip(0)]) / (2 * half.sum())
    if radial:
        t = torch.arange(12) - 5.5
        fd = torch.outer(fd, fd) * torch.exp(-0.01 * torch.outer(t, t).square())  # no longer separable
    pad = (7 * up, 5 * up, 6 * up, 4 * up)
    got = compiled.filtered_lrelu(x, fu, fd, b, up, 2, pad, 1.5, 0.2, 30.0)
    y = upfirdn2d_reference((x + b[:, None, None]).double(), fu.double(), up=up, padding=pad, gain=up**2)
    y = (F.leaky_relu(y, 0.2) * 1.5).clamp(-30, 30)
    return got, upfirdn2d_reference(y, fd.double(), down=2)


def _dense(random: Random) -> tuple[Tensor | None, Tensor]:
    x, weight, b = random(1, 83), random(37, 83), random(37)
    want = F.leaky_relu((x.double() @ weight.double().t()) * 0.5 + b * 3.0, 0.2) * 1.5
    return compiled.dense(x, weight, b, 0.5, 3.0, 0.2, 1.5), want


def _picture(random: Random) -> tuple[Tensor | None, Tensor]:
    x, add, f = random(1, 3, 19, 37), random(1, 3, 38, 74), setup_filter([1, 3, 3, 1])
    want = upfirdn2d_reference(x.double(), f.double(), up=2, padding=(2, 1, 2, 1), gain=4) + add
    return compiled.upsample(x, f, add), want


def _bytes(random: Random) -> tuple[Tensor | None, Tensor]:
    img = random(3, 19, 37)
    want = img.mul(127.5).add(128).clamp(0, 255).floor().permute(1, 2, 0)
    return compiled.to_rgba8(img)[..., :3].double(), want.double()


CHECKS: dict[str, Callable[[Random], tuple[Tensor | None, Tensor]]] = {
    "convolution": lambda r: _layer(r, 3, 21, 70, 1),
    "large convolution": lambda r: _layer(r, 3, 73, 75, 1),
    "very large convolution": lambda r: _layer(r, 3, 98, 187, 1),
    "small convolution": lambda r: _layer(r, 3, 5, 6, 1),
    "1x1 convolution": lambda r: _layer(r, 1, 9, 21, 1),
    "1x1 convolution of many channels": lambda r: _layer(r, 1, 31, 34, 1, 257, 261),
    "upsampling convolution": lambda r: _layer(r, 3, 5, 70, 2),
    "large upsampling convolution": lambda r: _layer(r, 3, 17, 70, 2),
    "small upsampling convolution": lambda r: _layer(r, 3, 4, 4, 2),
    "filtered leaky ReLU": lambda r: _nonlinearity(r, 2, False),
    "radial filtered leaky ReLU": lambda r: _nonlinearity(r, 4, True),
    "dense layer": _dense,
    "upsampling": _picture,
    "packing of pixels": _bytes,
}


def _compared(name: str, got: Tensor | None, want: Tensor) -> str | None:
    if got is None:
        return f"{name} found numbers that are not finite"
    error = float((got - want).abs().max() / want.abs().max())
    wrong = not error <= TOLERANCE or math.isnan(error)
    return f"{name} differs by {error:.1e} of the largest value" if wrong else None
