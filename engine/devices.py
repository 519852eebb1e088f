"""Which device runs the networks."""

import torch
from torch import Tensor

from cuda_ops import cpu
from cuda_ops.gpu import choice
from cuda_ops.gpu import device as gpu
from engine.errors import StyleScopeError


def pick(name: str = "auto") -> str:
    """The device for `name` (cpu, cuda, cuda:1, mps); `auto` is CUDA, else Apple's MPS, else the CPU.

    Raises StyleScopeError when this machine lacks it.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(kind for kind, there in present.items() if there)
    kind, _, number = name.partition(":")
    if not present.get(kind, False) or (number and not _numbered(kind, number)):
        found = ", ".join(kind for kind, there in present.items() if there)
        raise StyleScopeError(f"--device: expected one that this machine has ({found}), found {name!r}.")
    return name


def spare_a_core() -> None:
    """Compute with one thread fewer: for where the CPU draws the window as well. Before the first picture."""
    torch.set_num_threads(max(1, torch.get_num_threads() - 1))


def queues(device: torch.device) -> bool:
    """Whether work for this device is queued and done later, so that asking for a number means to wait."""
    return device.type == choice.kind


def send(t: Tensor, device: torch.device) -> Tensor:
    """`t`, which is on the CPU, on the device; nobody waits until it is there."""
    return gpu.here.upload(t, device) if queues(device) else t.to(device)


def settle(name: str, timeout: float | None = None) -> bool:
    """Learn which of an NVIDIA GPU's kernels may serve; whether that is known, which may take longer than `timeout`."""
    device = torch.device(name)
    if not queues(device) or torch.version.hip is not None or choice.mode() == "torch":
        return True
    from cuda_ops.gpu import verdict

    return verdict.wait(device.index or 0, timeout).stage == "done"


def notes(device: torch.device) -> tuple[str, ...]:
    """What of a device's kernels is worth saying: that they are being made or checked, or which are off and why."""
    if device.type == "cpu":
        known = cpu.status()
        return () if known.path == "numba" else (known.why,)
    if device.type != "cuda" or torch.version.hip is not None:
        return ()
    from cuda_ops.gpu import status

    known = status.status(device.index or 0)
    return () if known.path == "kernels" and not known.off else (known.why, *known.off)


def _numbered(kind: str, number: str) -> bool:
    return kind == "cuda" and number.isdigit() and int(number) < torch.cuda.device_count()
