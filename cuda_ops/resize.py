"""Pictures of other sizes without a filter: every pixel repeated, or blocks of pixels averaged."""

import torch.nn.functional as F
from torch import Tensor


def repeat2d(x: Tensor, times: int = 2) -> Tensor:
    """[N, C, H, W] -> [N, C, H times, W times]: y[i, j] = x[i // times, j // times]. Differentiable to any order."""
    return F.interpolate(x, scale_factor=times, mode="nearest")


def average2d(x: Tensor, times: int = 2) -> Tensor:
    """[N, C, H, W] -> [N, C, H // times, W // times]: the mean of every block. Differentiable to any order."""
    return F.avg_pool2d(x, times)
