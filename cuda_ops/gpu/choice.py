"""Whether the kernels may serve a call, and switching them off: by a person, or while a reference is computed."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

MODES = ("auto", "torch")
VARIABLE = "STYLESCOPE_GPU"  # environment variable that sets the mode at start

kind = "cuda"  # type of the devices that the kernels run on; the tests' fake driver runs them on "cpu"
_mode = os.environ.get(VARIABLE, "auto")
_here = threading.local()


def mode() -> str:
    """auto (kernels that have proved themselves) or torch (none)."""
    return _mode if _mode in MODES else "auto"


def use(name: str) -> None:
    """Choose for all later calls. Raises ValueError for a name that is not in `MODES`."""
    global _mode
    if name not in MODES:
        raise ValueError(f"{name}: no such GPU path; choose one of {', '.join(MODES)}")
    _mode = name


def serves(tensors: tuple[Tensor, ...]) -> bool:
    """Whether these tensors are such as the kernels take; nothing is loaded or started by asking."""
    x = tensors[0]
    if x.device.type != kind or torch.version.hip is not None or mode() == "torch" or in_reference():
        return False
    return x.numel() > 0 and all(
        t.device == x.device and t.dtype in (torch.float16, torch.float32) for t in tensors
    )


def in_reference() -> bool:
    return getattr(_here, "reference", False)


@contextmanager
def reference() -> Iterator[None]:
    """Within this block, and in this thread, every operation takes the torch path."""
    before, _here.reference = in_reference(), True
    try:
        yield
    finally:
        _here.reference = before
