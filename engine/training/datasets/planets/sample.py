"""A random planet: kind, colours, pose, light, ring and sky from one seed."""

import math

import numpy as np

from engine.training.datasets.colour import Dice, hsv, pitch_rotation, roll_rotation, yaw_rotation
from engine.training.datasets.planets.sky import sample_sky
from engine.training.datasets.planets.world import SIZE, Globe, Ground, Planet, Ring

KINDS = {"terra": 0.27, "gas": 0.25, "desert": 0.17, "moon": 0.13, "lava": 0.08, "ice": 0.10}


def sample(dice: Dice, pose: float = 1.0) -> tuple[Planet, dict]:
    """A planet and its attributes; `pose` 0..1 narrows how far it strays from the middle and from the mean size."""
    U = dice.uniform
    kind = list(KINDS)[dice.pick(list(KINDS.values()))]
    ground: dict[str, float] = {"phase": U(0, 6.28), "warp": U(0.3, 1.2), "gain": U(0.48, 0.60)}
    ground |= {"frequency": U(1.3, 2.4), "bump": U(0.02, 0.07)}
    ground |= dict.fromkeys(("craters", "sea", "cap", "clouds", "lava"), 0.0)
    hue, air_colour = U(0, 1), hsv(U(0.50, 0.64), U(0.4, 0.8), 1.0)
    ground["air"] = U(0.4, 1)
    ramp, water, own_air = SURFACES[kind](dice, ground, hue)
    air_colour = air_colour if own_air is None else own_air
    cloud = hsv(U(0.05, 0.12) if dice.chance(0.5) else U(0.55, 0.62), U(0, 0.12), U(0.92, 1))
    turn = yaw_rotation(U(0, 6.28)) @ pitch_rotation(U(-0.45, 0.45)) @ roll_rotation(dice.normal(0.35))
    radius = _radius(dice, 0.46, 0.74, pose)
    x, y = (SIZE / 2 + pose * float(np.clip(dice.normal(18), -42, 42)) for _ in range(2))
    across, above, warm = U(-1.35, 1.35), dice.normal(0.35), U(-0.06, 0.10)
    light = (math.sin(across) * math.cos(above), math.sin(above), math.cos(across) * math.cos(above))
    ring, dust = Ring(0.0, 0.0, 0.0, (0.0, 1.0, 1.0), 0.0), np.ones(3)
    if dice.chance(0.38 if kind == "gas" else 0.06):
        radius = _radius(dice, 0.38, 0.52, pose)
        ring, dust = _ring(dice, hue)
    planet = Planet(
        Ground(banded=kind == "gas", **{name: float(v) for name, v in ground.items()}), Globe(x, y, radius, turn),
        ring, light, np.array([1 + warm, 1, 1 - warm]), ramp, water, cloud, dust, air_colour, sample_sky(dice),
    )  # fmt: skip
    attributes = {
        "kind": kind, "ring": ring.density > 0, "radius": radius / SIZE, "x": x / SIZE, "y": y / SIZE,
        "light_deg": math.degrees(across), "sea": float(ground["sea"]), "clouds": float(ground["clouds"]),
    }  # fmt: skip
    return planet, attributes


def _radius(dice: Dice, least: float, most: float, pose: float) -> float:
    mean = (least + most) / 2
    return SIZE * 0.5 * (mean + pose * (dice.uniform(least, most) - mean))


def _ring(dice: Dice, hue: float) -> tuple[Ring, np.ndarray]:
    U = dice.uniform
    normal = np.array([dice.normal(0.28), U(0.75, 1) * (1 if dice.chance(0.5) else -1), U(0.14, 0.5)])
    normal /= np.linalg.norm(normal)
    density, inner, outer = U(0.5, 1), U(1.22, 1.45), U(1.75, 2.25)
    ring = Ring(density, inner, outer, (float(normal[0]), float(normal[1]), float(normal[2])), U(5, 14))
    return ring, hsv(U(0.03, 0.14) if dice.chance(0.7) else hue, U(0.1, 0.5), U(0.6, 0.95))


# --- kinds: each sets the ground and gives ramp [5, 3], water [3], and colour of its air or None --------------------

Surface = tuple[np.ndarray, np.ndarray, np.ndarray | None]


def _terra(dice: Dice, ground: dict[str, float], hue: float) -> Surface:
    U = dice.uniform
    g = U(0.16, 0.42) if dice.chance(0.75) else hue
    plain, wood = hsv(g, U(0.4, 0.75), U(0.28, 0.5)), hsv(g - 0.03, U(0.35, 0.65), U(0.3, 0.5))
    ramp = np.array([hsv(0.12, 0.35, 0.75), plain, wood, hsv(0.08, 0.35, 0.40), hsv(0.1, 0.04, 0.9)])
    water = hsv(U(0.52, 0.66) if dice.chance(0.8) else U(0, 1), U(0.6, 0.92), U(0.28, 0.6))
    ground |= {"sea": U(0.36, 0.58), "cap": U(0, 0.22), "clouds": max(0, U(-0.2, 0.75))}
    return ramp, water, None


def _gas(dice: Dice, ground: dict[str, float], hue: float) -> Surface:
    U = dice.uniform
    ground |= {"frequency": U(5, 13), "warp": U(0.2, 1.3), "bump": 0.0}
    one, two = hue, hue + U(-0.12, 0.12)
    if dice.chance(0.5):
        one = U(0.04, 0.12)
        two = one + dice.normal(0.02)
    spans = ((one, 0.3, 0.8, 0.3, 0.6), (two, 0.2, 0.6, 0.55, 0.9), (one, 0.1, 0.35, 0.8, 1),
             (two, 0.3, 0.7, 0.5, 0.85), (one, 0.05, 0.2, 0.85, 1))  # fmt: skip
    ramp = np.array([hsv(h, U(a, b), U(c, d)) for h, a, b, c, d in spans])
    ground["air"] = U(0.2, 0.8)
    return ramp, np.ones(3), hsv(one, 0.4, 1.0)


def _desert(dice: Dice, ground: dict[str, float], hue: float) -> Surface:
    U = dice.uniform
    h = U(0.0, 0.12) if dice.chance(0.7) else hue
    spans = (
        (0, 0.5, 0.8, 0.2, 0.4),
        (0.01, 0.5, 0.8, 0.4, 0.6),
        (0.02, 0.4, 0.7, 0.55, 0.8),
        (0.03, 0.3, 0.6, 0.7, 0.9),
    )
    ramp = np.array([*(hsv(h + s, U(a, b), U(c, d)) for s, a, b, c, d in spans), hsv(h + 0.04, 0.25, 0.95)])
    ground |= {
        "air": U(0.2, 0.8),
        "cap": U(-0.15, 0.2),
        "craters": max(0, U(-0.4, 0.5)),
        "clouds": max(0, U(-0.8, 0.5)),
    }
    return ramp, np.ones(3), hsv(h + 0.03, 0.45, 1.0)


def _moon(dice: Dice, ground: dict[str, float], hue: float) -> Surface:
    U = dice.uniform
    h, s = U(0.05, 0.15) if dice.chance(0.6) else U(0.5, 0.7), U(0, 0.25)
    dark, plain = hsv(h, s, U(0.15, 0.3)), hsv(h, s, U(0.3, 0.45))
    ramp = np.array([dark, plain, hsv(h, s, 0.5), hsv(h, s * 0.8, 0.65), hsv(h, s * 0.5, 0.85)])
    ground |= {"craters": U(0.5, 1.1), "air": U(0, 0.12), "bump": U(0.04, 0.09)}
    return ramp, np.ones(3), None


def _lava(dice: Dice, ground: dict[str, float], hue: float) -> Surface:
    U = dice.uniform
    rock = ((0.03, 0.6, 0.08), (0.04, 0.4, 0.15), (0.05, 0.3, 0.22), (0.05, 0.2, 0.3), (0.05, 0.2, 0.42))
    ground |= {"lava": U(0.5, 1.1), "air": U(0.3, 0.9), "bump": U(0.04, 0.08)}
    return np.array([hsv(*colour) for colour in rock]), np.ones(3), hsv(0.04, 0.75, 1.0)


def _ice(dice: Dice, ground: dict[str, float], hue: float) -> Surface:
    U = dice.uniform
    h = U(0.48, 0.62)
    deep = hsv(h, U(0.5, 0.8), U(0.35, 0.6))
    ramp = np.array([deep, hsv(h, 0.45, 0.7), hsv(h, 0.25, 0.85), hsv(h, 0.1, 0.95), hsv(h, 0.03, 1.0)])
    ground |= {
        "cap": U(0.05, 0.35),
        "clouds": U(0, 0.5),
        "bump": U(0.03, 0.08),
        "craters": max(0, U(-0.5, 0.5)),
    }
    return ramp, np.ones(3), None


SURFACES = {"terra": _terra, "gas": _gas, "desert": _desert, "moon": _moon, "lava": _lava, "ice": _ice}
