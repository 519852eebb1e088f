"""Texture sticking made visible (Karras et al. 2021, Fig. 1): latents around one, and a line of pixels over time."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from engine.latents import seed_to_z
from engine.scene import Scene, Source


def neighbours(scene: Scene, z_dim: int, count: int, radius: float, draw: int = 0) -> Iterator[Scene]:
    """`count` scenes around the scene's seed: z' = sqrt(1 - radius²) z + radius n, with n of the normal distribution.

    As likely under the prior as z itself. Fine detail that moves with the content is blurred in their average; what
    stays sharp in it sticks to the pixels. `draw` seeds n.
    """
    z = seed_to_z(scene.latent.seed, z_dim).astype(np.float64)
    normal = np.random.default_rng(draw)
    for _ in range(count):
        near = math.sqrt(1 - radius**2) * z + radius * normal.standard_normal(z_dim)
        scene = scene.set("latent.mode", "vector").set("latent.space", "z")
        yield scene.set("latent.vector", tuple(near.tolist()))


def walk(scene: Scene, to: int, count: int) -> Iterator[Scene]:
    """`count` scenes from the scene's seed to the seed `to`, on a straight line in W, both ends included."""
    everything = tuple(range(65))  # the most rows that a source may own; networks ignore those they lack
    for t in np.linspace(0, 1, count).tolist():
        yield scene.set("mixing.sources", (Source(to, t, everything),))


def slide(scene: Scene, distance: float, count: int) -> Iterator[Scene]:
    """`count` scenes whose content moves down by `distance` picture widths, half of it above where it is."""
    for y in np.linspace(-distance / 2, distance / 2, count).tolist():
        yield scene.set("transform.y", scene.transform.y + y)


def time_slice(pictures: Iterable[np.ndarray], column: int) -> np.ndarray:
    """One column of pixels of each picture [H, W, C], side by side: [H, number of pictures, C].

    Texture that sticks to the pixels draws horizontal lines; one that moves with the content follows it.
    """
    return np.stack([picture[:, column] for picture in pictures], axis=1)  # [H, T, C]
