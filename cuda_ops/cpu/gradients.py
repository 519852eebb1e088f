"""Whether kernels with gradients of their own may serve a call, and pictures as arrays for them."""

import importlib.util
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cuda_ops.cpu import choice

OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract"}}  # of numba


def serve(x: Tensor, *others: Tensor | None) -> bool:
    """Whether `x` [N, C, H, W] and the others are float32 on the CPU, followed by nothing but autograd."""
    if choice.transformed() or not _compiler():
        return False
    tensors = (x, *(t for t in others if t is not None))
    return x.ndim == 4 and x.numel() > 0 and all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors)


def batched(grad: Tensor) -> bool:
    """Whether `grad` stands for many gradients at once, as function transforms and whole Jacobians use them."""
    return choice.transformed() or torch._C._functorch.is_legacy_batchedtensor(grad)  # type: ignore[attr-defined]


def nhwc(x: Tensor) -> Tensor:
    """`x` [N, C, H, W] as it lies in memory with channels last, copied if it does not: [N, H, W, C]."""
    return x.detach().permute(0, 2, 3, 1).contiguous()


def array(x: Tensor) -> np.ndarray:
    """The same memory for a kernel."""
    return x.detach().numpy()


@cache
def _compiler() -> bool:
    return importlib.util.find_spec("numba") is not None
