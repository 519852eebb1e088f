"""The epilogue kernel: demodulation, noise, bias, activation, gain and clamp in one pass."""

import ctypes
import math

import torch
from torch import Tensor

from cuda_ops.gpu import device, program
from cuda_ops.gpu.fir import End, Unserved, channels_last, noise_pointer, pointer

THREADS = 256
MAX_BLOCKS = 1 << 20  # a block takes several turns beyond that
PACK_BYTES = 16  # moved at once where addresses allow it


class Params(ctypes.Structure):
    """The struct of epilogue.cu."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("x", "y", "scale", "bias", "noise")),
        ("xs", ctypes.c_longlong * 3), ("ys", ctypes.c_longlong * 3), ("noise_step", ctypes.c_longlong),
        *((name, ctypes.c_int) for name in ("C", "pixels", "rows", "width")),
        *((name, ctypes.c_float) for name in ("gain", "slope", "clamp")),
    )  # fmt: skip


def finish(x: Tensor, end: End, out: Tensor | None = None) -> Tensor:
    """clamp(gain lrelu(x scale + noise + bias)) of `x` [N, C, H, W] or [N, C], into `out`, which may be `x`.

    Raises Unserved.
    """
    if not _flat(x):
        x = x.contiguous()
    y = torch.empty_like(x) if out is None else out
    if not _flat(y):
        raise Unserved(f"strides {y.stride()} of the result")
    N, C = x.shape[:2]
    pixels = math.prod(x.shape[2:])
    last = x.ndim == 2 or channels_last(x)
    p, keep = Params(), []
    p.x, p.y, p.xs, p.ys = x.data_ptr(), y.data_ptr(), _strides(x), _strides(y)
    p.scale, p.bias = pointer(end.scale, keep), pointer(end.bias, keep)
    p.noise, p.noise_step = noise_pointer(end.noise, y, keep)
    p.C, p.pixels = C, pixels
    p.rows, p.width = (N * pixels, C) if last else (N * C, pixels)
    p.gain, p.slope, p.clamp = end.gain, end.slope, math.inf if end.clamp is None else end.clamp
    vec = pack(x, y, last)
    kernel = program.kernel("epilogue", constants(x.dtype, last, vec), device.index_of(x))
    blocks = min(-(-x.numel() // (THREADS * vec)), MAX_BLOCKS)
    kernel.launch((blocks, 1, 1), p, device.here.stream(device.index_of(x)))
    del keep  # queued: memory freed from here on is reused only after it, on this very stream
    return y


def constants(dtype: torch.dtype, last: bool, vec: int) -> program.Defines:
    name = "half_t" if dtype == torch.float16 else "float"
    return program.defines(T=name, CHANNELS_LAST=int(last), VEC=vec, NT=THREADS)


def pack(x: Tensor, y: Tensor, last: bool) -> int:
    """Elements that a thread may move at once: as many as 16 bytes hold, or 1."""
    vec = PACK_BYTES // x.element_size()
    width = x.shape[1] if last else math.prod(x.shape[2:])
    for t in (x, y):
        across, *others = (_strides(t)[i] for i in ((1, 0, 2) if last else (2, 0, 1)))
        if across != 1 or any(s % vec for s in others) or t.data_ptr() % PACK_BYTES:
            return 1
    return vec if width % vec == 0 else 1


def _flat(t: Tensor) -> bool:
    """Whether one stride leads from pixel to pixel."""
    return t.ndim == 2 or t.shape[2] == 1 or t.stride(2) == t.shape[3] * t.stride(3)


def _strides(t: Tensor) -> tuple[int, int, int]:
    """Strides of sample, channel and pixel."""
    return (t.stride(0), t.stride(1), t.stride(3) if t.ndim == 4 else 0)
