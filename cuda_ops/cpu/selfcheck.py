"""A short proof, at every start, that the compiled kernels compute on this processor what they should."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import compiled
from cuda_ops.cpu.layer import Convolution, Epilogue

TOLERANCE = 1e-4  # of the largest value; a wrong instruction is off by far more


def complaint() -> str | None:
    """What is wrong with the kernels, or None. Runs in float64 beside them, some milliseconds."""
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode(False), torch.no_grad():
        return _convolution(generator)


def _convolution(generator: torch.Generator) -> str | None:
    x, weight, s = _random(generator, 1, 9, 21, 70), _random(generator, 11, 9, 3, 3), _random(generator, 1, 9)
    b, noise = _random(generator, 11), _random(generator, 1, 1, 21, 70)
    conv = Convolution(1, 1, None, False, False, False, None)
    got = compiled.layer(x, weight, s, s.new_ones(1, 11), conv, Epilogue(noise, b, "lrelu", 1.0, 20.0))
    want = (
        F.conv2d(x.double() * s.double()[:, :, None, None], weight.double(), padding=1)
        + noise
        + b[:, None, None]
    )
    return _compared("convolution", got, F.leaky_relu(want, 0.2).clamp(-20, 20))


def _compared(name: str, got: Tensor | None, want: Tensor) -> str | None:
    if got is None:
        return f"{name} found numbers that are not finite"
    error = float((got - want).abs().max() / want.abs().max())
    return None if error <= TOLERANCE else f"{name} differs by {error:.1e} of the largest value"


def _random(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)
