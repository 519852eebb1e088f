"""Colour augmentation: brightness, contrast, luma flip, hue and saturation as one affine map of rgb a picture."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from engine.training.augment import Dice


def random_colour(dice: "Dice", p: float, channels: int) -> tuple[Tensor, Tensor]:
    """A [N, 3, 3] and b [N, 3] of rgb -> A rgb + b; each operation acts with probability `p`."""
    unit = torch.eye(3, device=dice.uniform().device)
    luma = torch.full([3, 3], 1 / 3, device=unit.device)  # projection on grey

    def value(x: Tensor) -> Tensor:
        return (x * dice.gate(p))[:, None, None]

    b = value(0.2 * dice.normal())[:, :, 0].repeat(1, 3)  # brightness
    contrast = torch.exp2(value(0.5 * dice.normal()))
    A, b = unit * contrast, b * contrast[:, :, 0]
    A, b = _then(unit - 2 * luma * value((dice.uniform() * 2).floor()), A, b)  # luma flip
    if channels == 3:
        A, b = _then(hue_rotation(value((dice.uniform() * 2 - 1) * math.pi)[:, 0, 0]), A, b)
        A, b = _then(luma + (unit - luma) * torch.exp2(value(dice.normal())), A, b)  # saturation
    return A, b


def _then(M: Tensor, A: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return M @ A, (M @ b[:, :, None]).squeeze(2)


def hue_rotation(angle: Tensor) -> Tensor:
    """Rotations [N, 3, 3] about grey by `angle` [N] radians: Rodrigues' formula."""
    k = 1 / math.sqrt(3)
    cross = angle.new_tensor([[0, -k, k], [k, 0, -k], [-k, k, 0]])
    angle = angle[:, None, None]
    return torch.eye(3, device=angle.device) + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)


def apply(img: Tensor, A: Tensor, b: Tensor) -> Tensor:
    """A rgb + b of pictures [N, C, H, W]; for one channel A and b are averaged to a gain and an offset."""
    N, C, H, W = img.shape
    if C == 1:
        return img * A.mean(dim=1).sum(dim=1)[:, None, None, None] + b.mean(dim=1)[:, None, None, None]
    return (A @ img.reshape(N, C, H * W) + b[:, :, None]).reshape(N, C, H, W)
