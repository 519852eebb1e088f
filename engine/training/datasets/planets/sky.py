"""The sky behind a planet: a dark gradient, a soft nebula, stars."""

import numpy as np

from engine.training.datasets.colour import Dice, hsv
from engine.training.datasets.planets.world import SIZE

OCTAVES = ((2, 0.46), (4, 0.27), (9, 0.15), (19, 0.08), (40, 0.04))  # cells across, strength


def sample_sky(dice: Dice) -> np.ndarray:
    """Picture [SIZE, SIZE, 3]."""
    U = dice.uniform
    hue = U(0.48, 0.92) if dice.chance(0.85) else U(0, 0.08)
    sky = np.zeros((SIZE, SIZE, 3)) + hsv(hue, 0.6, U(0.004, 0.025))
    cloud = sum(_soft(dice, cells) * strength for cells, strength in OCTAVES)
    k = np.clip((cloud - 0.42) * 2.4, 0, 1)[..., None] ** 1.5
    sky += k * hsv(hue, U(0.6, 0.95), U(0.04, 0.34))
    sky += np.clip(k - 0.3, 0, 1) * hsv(hue + U(-0.15, 0.15), 0.6, U(0.0, 0.45))
    for _ in range(dice.rng.integers(25, 90)):
        _star(dice, sky)
    return sky


def _soft(dice: Dice, cells: int) -> np.ndarray:
    """Smooth noise [SIZE, SIZE] with so many cells across."""
    grid = dice.rng.random((cells + 3, cells + 3))
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE * cells
    i, j = y.astype(int), x.astype(int)
    a, b = y - i, x - j
    a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
    upper = grid[i, j] * (1 - b) + grid[i, j + 1] * b
    lower = grid[i + 1, j] * (1 - b) + grid[i + 1, j + 1] * b
    return upper * (1 - a) + lower * a


def _star(dice: Dice, sky: np.ndarray) -> None:
    U = dice.uniform
    x, y = (int(v) for v in dice.rng.integers(2, SIZE - 2, 2))
    bright, wide = U(0.2, 1) ** 2.2 * 1.6, U(0.6, 1.3)
    colour = hsv(U(0.55, 0.65) if dice.chance(0.6) else 0.09, U(0, 0.35), 1)
    y0, y1, x0, x1 = max(0, y - 3), min(SIZE, y + 4), max(0, x - 3), min(SIZE, x + 4)
    rows, columns = np.arange(y0, y1)[:, None] - y, np.arange(x0, x1)[None] - x
    sky[y0:y1, x0:x1] += np.exp(-(rows**2 + columns**2) / wide**2)[..., None] * colour * bright
