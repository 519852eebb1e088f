"""A probe: what every step has at one place of the picture."""

from dataclasses import dataclass

import torch
from torch import Tensor

STRONGEST = 5


@dataclass(frozen=True)
class Probed:
    """The strongest channels of one step at a place, largest magnitude first; `at` is the sample (row, column)."""

    step: str
    at: tuple[int, int]
    channels: tuple[int, ...]
    values: tuple[float, ...]


def sample(height: int, width: int, x: float, y: float, rate: float | None = None) -> tuple[int, int]:
    """Row and column of the sample nearest to a place, in 0..1 from the picture's upper left corner.

    `rate` is samples per picture width where the activation has a margin around the picture.
    """
    across = rate or width
    down = height if across == width else across
    row = int((y - 0.5) * down + height / 2)
    column = int((x - 0.5) * across + width / 2)
    return min(max(row, 0), height - 1), min(max(column, 0), width - 1)


def probe(activation: Tensor, step: str, x: float, y: float, rate: float | None = None) -> Probed:
    """The strongest channels of [C, H, W] at a place; what is not finite counts as the strongest."""
    row, column = sample(activation.shape[1], activation.shape[2], x, y, rate)
    values = activation[:, row, column].float()
    strength = torch.nan_to_num(values.abs(), torch.inf)
    best = torch.argsort(strength, descending=True, stable=True)[:STRONGEST]
    return Probed(step, (row, column), tuple(best.tolist()), tuple(values[best].tolist()))
