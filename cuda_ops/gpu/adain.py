"""The AdaIN kernel: statistics of every map, then its new style; small maps take one launch, large ones two."""

import ctypes

import torch
from torch import Tensor

from cuda_ops.gpu import device, program
from cuda_ops.gpu.fir import channels_last, pointer

THREADS, LANES = 256, 32  # of a block; channels side by side where they are neighbours in memory
PIXELS = 16  # for a thread, before a map is split into parts
MOST_PARTS = 64
STATISTICS, STYLE, BOTH = 0, 1, 2  # what a launch does


class Params(ctypes.Structure):
    """The struct of adain.cu."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("x", "y", "scale", "shift", "parts")),
        ("xs", ctypes.c_longlong * 3), ("ys", ctypes.c_longlong * 3),
        *((name, ctypes.c_int) for name in ("N", "C", "pixels", "span", "count")), ("eps", ctypes.c_float),
    )  # fmt: skip


def adain(x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
    """(1 + scale) (x - mean) / sqrt(var + eps) + shift of `x` [N, C, H, W]; `scale` and `shift` are [N, C]."""
    x = x if x.shape[2] == 1 or x.stride(2) == x.shape[3] * x.stride(3) else x.contiguous()
    y = torch.empty_like(x)
    N, C, H, W = x.shape
    p, keep = Params(N=N, C=C, pixels=H * W, eps=eps), []
    p.span, p.count = split(x)
    p.x, p.y, p.xs, p.ys = x.data_ptr(), y.data_ptr(), _strides(x), _strides(y)
    p.scale, p.shift = pointer(scale, keep), pointer(shift, keep)
    passes = (BOTH,)
    if p.count > 1:
        passes = (STATISTICS, STYLE)
        keep.append(torch.empty(2, p.count, N * C, device=x.device))
        p.parts = keep[-1].data_ptr()
    index, lanes = device.index_of(x), _lanes(x)
    for number in passes:
        kernel = program.kernel("adain", constants(x.dtype, lanes, number), index)
        kernel.launch((N * -(-C // lanes), p.count, 1), p, device.here.stream(index))
    del keep  # queued: memory freed from here on is reused only after it, on this very stream
    return y


def constants(dtype: torch.dtype, lanes: int, number: int) -> program.Defines:
    name = "half_t" if dtype == torch.float16 else "float"
    return program.defines(T=name, PASS=number, LANES=lanes, NT=THREADS)


def split(x: Tensor) -> tuple[int, int]:
    """Pixels of a part, and how many parts a map has."""
    pixels = x.shape[2] * x.shape[3]
    span = max(PIXELS * THREADS // _lanes(x), -(-pixels // MOST_PARTS))
    return span, -(-pixels // span)


def _lanes(x: Tensor) -> int:
    return LANES if channels_last(x) else 1


def _strides(t: Tensor) -> tuple[int, int, int]:
    """Strides of sample, channel and pixel."""
    return t.stride(0), t.stride(1), t.stride(3)
