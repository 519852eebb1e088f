"""The picture kernel: floats of any layout to RGBA bytes, into a tensor or into a buffer of OpenGL."""

import ctypes

import torch
from torch import Tensor

from cuda_ops.gpu import device, program

THREADS = 256


class Params(ctypes.Structure):
    """The struct of rgba.cu."""

    _fields_ = (
        ("x", ctypes.c_void_p), ("out", ctypes.c_void_p),
        *((name, ctypes.c_longlong) for name in ("sc", "sh", "sw")), ("H", ctypes.c_int), ("W", ctypes.c_int),
    )  # fmt: skip


def pack(img: Tensor) -> Tensor:
    """[C, H, W] -> [H, W, 4] uint8; one channel is grey, of many the first three."""
    out = torch.empty(*img.shape[1:], 4, dtype=torch.uint8, device=img.device)
    pack_into(img, out.data_ptr())
    return out


def pack_into(img: Tensor, address: int) -> None:
    """The same into H*W*4 bytes of device memory at `address`, which is a multiple of 4."""
    C, H, W = img.shape
    p = Params(x=img.data_ptr(), out=address, sc=img.stride(0) if C >= 3 else 0, sh=img.stride(1), sw=img.stride(2))
    p.H, p.W = H, W
    kernel = program.kernel("rgba", constants(img.dtype), device.index_of(img))
    kernel.launch((-(-H * W // THREADS), 1, 1), p, device.here.stream(device.index_of(img)))


def constants(dtype: torch.dtype) -> program.Defines:
    return program.defines(T="half_t" if dtype == torch.float16 else "float", NT=THREADS)
