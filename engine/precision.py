"""In which precision a layer runs: half where the checkpoint says so and the device is good at it, else fp32."""

import os

import torch
from torch import Tensor

MODES = ("stored", "fp32")
VARIABLE = "STYLESCOPE_PRECISION"  # environment variable that sets the mode at start
HALF_DEVICES = ("cuda",)  # the CPU is slower in half precision, and MPS has no fp32 accumulation to rely on

_mode = os.environ.get(VARIABLE, "stored")


if _mode == "fp32":
    torch.backends.cudnn.allow_tf32 = False


def mode() -> str:
    """stored (as the checkpoint says) or fp32 (everywhere)."""
    return _mode if _mode in MODES else "stored"


def use(name: str) -> None:
    """Choose for all later runs. Raises ValueError for a name that is not in `MODES`."""
    global _mode
    if name not in MODES:
        raise ValueError(f"{name}: no such precision; choose one of {', '.join(MODES)}")
    _mode = name
    torch.backends.cudnn.allow_tf32 = name == "stored"  # torch's own default: factors of convolutions lose 13 bits


def activation(x: Tensor, use_fp16: bool) -> Tensor:
    """`x` as a layer takes it that is marked fp16 or not."""
    return x.to(torch.float16 if use_fp16 and half_serves(x.device) else torch.float32)


def name_of(device: torch.device) -> str:
    """What a frame says of it."""
    return "as stored" if half_serves(device) else "fp32"


def half_serves(device: torch.device) -> bool:
    """Whether layers that are marked fp16 run so there."""
    return mode() == "stored" and device.type in HALF_DEVICES and torch.version.hip is None
