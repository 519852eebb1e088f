"""From a seed to the picture of a furling."""

import numpy as np
from numba import njit

from engine.training.datasets.colour import Dice
from engine.training.datasets.furlings import eyes, fur, lines, solid
from engine.training.datasets.furlings.creature import SIZE, UNIT
from engine.training.datasets.furlings.sample import SPECIES, sample

LABELS = tuple(SPECIES)
STREAM = 20260


def render(seed: int, pose: float = 1.0) -> tuple[np.ndarray, dict, int]:
    """Picture [256, 256, 3] in 0..1, its attributes, and its label, the number of its species."""
    dice = Dice(seed, STREAM)
    furling, attributes = sample(dice, pose)
    strokes = int(dice.rng.integers(1 << 30))
    img, depth = furling.background.copy(), np.full((SIZE, SIZE), solid.FAR)
    solid.draw(furling, img, depth, strokes)
    eyes.draw_eyes(furling, img, depth, strokes)
    solid.draw_nose(furling, img, depth, strokes)
    draw_hair(furling, img, depth, strokes, furling.screen.scale / UNIT)
    return tone(img), attributes, LABELS.index(attributes["species"])


@njit(cache=True)
def draw_hair(furling, img, depth, seed, relative_scale):
    """Fur, mouth and whiskers, whose chances follow from one seed. It is numba's own generator that is seeded."""
    np.random.seed(seed)
    fur.draw_fur(furling, img, depth, seed)
    lines.draw_mouth(furling, img, depth, relative_scale)
    lines.draw_whiskers(furling, img, depth, relative_scale)


def tone(img: np.ndarray) -> np.ndarray:
    """Bring light to 0..1, bright parts compressed."""
    img = np.clip(img, 0, None)
    return np.clip(img * (1 + 0.12 * img) / (1 + 0.42 * img) * 1.28, 0, 1)
