"""A picture's bytes from the device that made them to memory that the program reads."""

import numpy as np
import torch
from torch import Tensor


def to_numpy(rgba: Tensor) -> np.ndarray:
    """[H, W, 4] uint8 in host memory. From a GPU it goes through pinned memory: the one wait in a frame."""
    if not rgba.is_cuda:
        return rgba.cpu().numpy()
    pinned = torch.empty(rgba.shape, dtype=rgba.dtype, pin_memory=True)  # from torch's pool, and back with the frame
    pinned.copy_(rgba, non_blocking=True)
    torch.cuda.current_stream(rgba.device).synchronize()
    return pinned.numpy()
