"""The user's translation, rotation and scale: as a matrix for the Fourier input, and undone on a picture."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.devices import send
from engine.scene import Transform


def forward_matrix(t: Transform, resolution: int) -> np.ndarray:
    """Matrix [3, 3] that moves content: picture widths, y down, positive angles counter-clockwise on screen."""
    x, y = t.x, t.y
    if t.snap:
        x, y = round(x * resolution) / resolution, round(y * resolution) / resolution
    a = math.radians(t.rotate)
    turned = np.array([[math.cos(a), math.sin(a), 0], [-math.sin(a), math.cos(a), 0], [0, 0, 1]])
    moved = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])
    return moved @ turned @ np.diag([t.scale, t.scale, 1])


def input_transform(t: Transform, resolution: int) -> np.ndarray:
    """The inverse, which maps output to input coordinates: what a StyleGAN3 input takes (appendix F)."""
    return np.linalg.inv(forward_matrix(t, resolution))


def untransform(img: Tensor, matrix: np.ndarray) -> Tensor:
    """Undo `matrix` on a picture [N, C, H, W] by bicubic sampling; what lay outside the picture is black."""
    theta = torch.tensor(matrix[:2], dtype=torch.float32)
    theta[:, 2] *= 2  # picture widths to the -1..1 of grid_sample
    theta = send(theta, img.device)
    grid = F.affine_grid(theta.unsqueeze(0).expand(len(img), 2, 3), list(img.shape), align_corners=False)
    return F.grid_sample(img + 1, grid, mode="bicubic", padding_mode="zeros", align_corners=False) - 1
