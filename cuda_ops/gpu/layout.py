"""Order of activations in memory: planes (NCHW) or channels last, whichever was measured to be faster."""

import torch
from torch import Tensor

PLANES, CHANNELS_LAST = torch.contiguous_format, torch.channels_last

_wanted = PLANES


def wanted() -> torch.memory_format:
    return _wanted


def use(order: torch.memory_format) -> None:
    """Arrange the activations of all later layers so."""
    global _wanted
    _wanted = order


def arranged(x: Tensor) -> Tensor:
    """`x` in the order that is wanted; a copy only where it is not in it already."""
    return x.contiguous(memory_format=_wanted)
