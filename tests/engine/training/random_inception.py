"""An Inception-v3 of random numbers that are the same everywhere, and pictures for it."""

import numpy as np
import torch
from torch import Tensor

from engine.training.inception import tensors_of_file


def random_state(classes: int = 1008) -> dict[str, Tensor]:
    """A state dict by the published keys; activations keep their size from layer to layer."""
    draw = np.random.RandomState(0)  # its stream is frozen, unlike that of torch
    state = {}
    for key, shape in tensors_of_file().items():
        values = draw.standard_normal(shape).astype(np.float32)
        if key.endswith("conv.weight"):
            values *= (2 / np.prod(shape[1:])) ** 0.5
        elif key.endswith(("bn.weight", "running_var")):
            values = 1 + 0.3 * np.tanh(values)
        else:
            values *= 0.2
        state[key] = torch.from_numpy(values.astype(np.float32))
    return state | {"fc.bias": torch.zeros(classes)}


def random_pictures() -> Tensor:
    """Two pictures [2, 3, 40, 40] in bytes."""
    return torch.from_numpy(np.random.RandomState(1).randint(0, 256, [2, 3, 40, 40]).astype(np.uint8))
