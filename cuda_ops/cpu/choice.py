"""Which path serves a call: reference, plain (gradients, other devices), gpu, or on the CPU torch or numba."""

import os

import torch
from torch import Tensor

from cuda_ops.cpu import compile, order
from cuda_ops.gpu import choice as gpu

MODES = ("auto", "numba", "torch", "reference")
VARIABLE = "STYLESCOPE_CPU"  # environment variable that sets the mode at start

_mode = os.environ.get(VARIABLE, "auto")


def mode() -> str:
    """The mode in force: auto (the fastest path that is ready), numba, torch or reference."""
    return _mode if _mode in MODES else "auto"


def use(name: str) -> None:
    """Choose the path for all later calls. Raises ValueError for a name that is not in `MODES`."""
    global _mode
    if name not in MODES:
        raise ValueError(f"{name}: no such CPU path; choose one of {', '.join(MODES)}")
    _mode = name


def route(x: Tensor, *others: Tensor | None) -> str:
    """Path for a call on these tensors.

    Gradients, training, other devices and other precisions take `plain`, which is differentiable to any order;
    tensors on an NVIDIA GPU take `gpu`.
    """
    if mode() == "reference":
        return "reference"
    tensors = (x, *(t for t in others if t is not None))
    if gpu.serves(tensors):
        return "plain" if _followed(tensors) else "gpu"
    if not all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors) or x.numel() == 0:
        return "plain"
    if order.is_training() or _followed(tensors):
        return "plain"
    return "numba" if mode() != "torch" and (compile.ready() or _forced()) else "torch"


def _forced() -> bool:
    """In mode numba a call waits for the kernels; where they fail, torch serves after all."""
    return mode() == "numba" and compile.wait().stage == "ready"


def _followed(tensors: tuple[Tensor, ...]) -> bool:
    """Whether autograd, forward mode, a function transform or a compiler may follow these tensors."""
    return transformed() or (torch.is_grad_enabled() and any(t.requires_grad for t in tensors))


def transformed() -> bool:
    """Whether forward mode, a function transform or a compiler may follow what is computed now."""
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return True
    functorch = torch._C._functorch  # type: ignore[attr-defined]
    return torch.autograd.forward_ad._current_level >= 0 or functorch.peek_interpreter_stack() is not None
