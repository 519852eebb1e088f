"""What a planet is made of: the plain numbers between the sampler and the renderer."""

from typing import NamedTuple

import numpy as np

SIZE = 256  # pixels of the raster that all sizes are averaged from


class Ground(NamedTuple):
    """Shape and cover of the surface; amounts are 0 where there is none."""

    banded: bool
    frequency: float
    phase: float
    warp: float
    gain: float
    craters: float
    sea: float
    cap: float
    clouds: float
    bump: float
    lava: float
    air: float


class Ring(NamedTuple):
    """A ring: density (0 = none), inner and outer radius in radii of the globe, normal, frequency of its bands."""

    density: float
    inner: float
    outer: float
    normal: tuple[float, float, float]
    frequency: float


class Globe(NamedTuple):
    """Middle and radius in pixels, and the rotation [3, 3] from the screen to the globe's own frame."""

    x: float
    y: float
    radius: float
    turn: np.ndarray


class Planet(NamedTuple):
    """Everything that one picture is rendered from."""

    ground: Ground
    globe: Globe
    ring: Ring
    light: tuple[float, float, float]
    light_colour: np.ndarray  # [3]
    ramp: np.ndarray  # [5, 3] colours from low to high
    water: np.ndarray  # [3], as the next three
    cloud: np.ndarray
    dust: np.ndarray
    air_colour: np.ndarray
    sky: np.ndarray  # [SIZE, SIZE, 3]
