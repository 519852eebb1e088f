"""The body of a furling as ellipsoids: head, cheeks, muzzle, ears as chains, chest."""

import math
from dataclasses import dataclass

import numpy as np

from engine.training.datasets.colour import Dice
from engine.training.datasets.furlings import creature as c

EAR_LINKS = 6


@dataclass(frozen=True)
class Measures:
    """An individual in units of length; splay in degrees, taper and droop in 0..1."""

    ear_length: float
    ear_width: float
    taper: float
    splay: float
    droop: float
    muzzle: float
    width: float
    height: float
    eye: float
    cheeks: float
    fur: float

    @property
    def head(self) -> tuple[float, float, float]:
        """Radii of the skull."""
        return 0.62 * self.width, 0.57 * self.height, 0.58


def ellipsoid(
    centre: object,
    radii: object,
    part: int,
    axes: np.ndarray | None = None,
    along: float = 0.0,
    density: float = 1.0,
    length: float = 0.15,
) -> np.ndarray:
    """One row [19]: centre, radii, axes, part, place along an ear 0..1, density and length of its fur."""
    axes = np.eye(3) if axes is None else axes
    numbers = (
        np.asarray(centre, float),
        np.asarray(radii, float),
        axes.ravel(),
        [part, along, density, length],
    )
    return np.concatenate(numbers)


def ellipsoids(dice: Dice, m: Measures, tufted: bool) -> tuple[np.ndarray, float, float]:
    """All ellipsoids [P, 19], the height of the muzzle and its relative width."""
    rows = [ellipsoid((0, 0, 0), m.head, c.HEAD, length=m.fur)]
    for side in (-1, 1):
        radii = (0.27 * m.cheeks**0.5, 0.26, 0.30)
        rows.append(ellipsoid((side * 0.32 * m.width, -0.20, 0.16), radii, c.HEAD, length=m.fur * 1.05))
    y, wide = -0.19 + dice.normal(0.02), math.exp(dice.normal(0.1))
    rows += _muzzle(m, y, wide)
    for side in (-1, 1):
        rows += _ear(m, side, side * dice.uniform(0.15, 0.4), tufted)
    chest = (0.78 + dice.normal(0.05), 0.66, 0.52)
    rows.append(ellipsoid((0, -1.22, -0.30), chest, c.CHEST, density=0.62, length=m.fur * 1.25))
    rows.append(ellipsoid((0, -0.98, -0.02), (0.40, 0.42, 0.40), c.CHEST, density=0.8, length=m.fur * 1.3))
    return np.array(rows), y, wide


def _muzzle(m: Measures, y: float, wide: float) -> list[np.ndarray]:
    middle, long = (0, y, 0.42 + m.muzzle * 0.5), (0.25 * wide, 0.19, 0.20 + m.muzzle * 0.55)
    rows = [ellipsoid(middle, long, c.MUZZLE, length=m.fur * 0.75)]
    for side in (-1, 1):
        lip = (side * 0.095 * wide, y - 0.055, 0.53 + m.muzzle)
        rows.append(ellipsoid(lip, (0.125 * wide, 0.105, 0.12), c.MUZZLE, length=m.fur * 0.6))
    chin = (0, y - 0.17, 0.46 + m.muzzle * 0.85)
    return [*rows, ellipsoid(chin, (0.11 * wide, 0.085, 0.12), c.MUZZLE, length=m.fur * 0.6)]


def _ear(m: Measures, side: int, twist: float, tufted: bool) -> list[np.ndarray]:
    """A chain of flat ellipsoids from the skull to the tip, bent down as far as the ear droops."""
    splay, (rx, ry, _) = math.radians(m.splay), m.head
    at = np.array(
        [
            side * rx * math.sin(splay + 0.22) * 0.86,
            ry * math.cos(splay + 0.22) * 0.86,
            -0.06 - 0.05 * m.droop,
        ]
    )
    start = splay * 0.55 + (0.35 if m.droop > 0.5 else 0)
    step, rows = m.ear_length / EAR_LINKS, []
    for k in range(EAR_LINKS):
        t = (k + 0.5) / EAR_LINKS
        round_, pointed = math.sqrt(max(0.05, 1 - (2 * t - 0.8) ** 2 / 1.75)), 1.02 - 0.93 * t
        width = m.ear_width * ((1 - m.taper) * round_ + m.taper * pointed)
        angle = start + m.droop * 2.30 * min(1, t * 3.0) + (1 - m.droop) * 0.12 * t
        along = np.array([side * math.sin(angle), math.cos(angle), -0.10 + 0.25 * m.droop * t])
        along /= np.linalg.norm(along)
        front = np.array([twist * 0.8, 0.0, 1.0])
        front -= along * front.dot(along)
        front /= np.linalg.norm(front)
        radii = (width * 0.78, step * 1.15, 0.070 + 0.03 * (1 - t))
        axes = np.array([np.cross(along, front), along, front])
        length = m.fur * (0.62 + 0.9 * (tufted and t > 0.8))
        rows.append(ellipsoid(at + along * step * 0.5, radii, c.EAR, axes, t, 1.15, length))
        at = at + along * step
    return rows
