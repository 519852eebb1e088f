"""A random furling: species and in-betweens, pose, coat, eyes, light and background from one seed."""

import math

import numpy as np

from engine.training.datasets.colour import Dice, hsv, pitch_rotation, roll_rotation, yaw_rotation
from engine.training.datasets.furlings import creature as c
from engine.training.datasets.furlings.body import Measures, ellipsoid, ellipsoids

# probability; ear length, width, taper, splay (degrees), droop; muzzle, head width, eye size, cheeks, fur length
SPECIES = {
    "cat": (0.26, 0.44, 0.29, 0.85, 26, 0.05, 0.05, 1.04, 0.170, 0.9, 0.13),
    "fox": (0.18, 0.54, 0.29, 0.95, 22, 0.00, 0.26, 0.98, 0.135, 1.1, 0.16),
    "bear": (0.16, 0.30, 0.29, 0.10, 44, 0.00, 0.15, 1.05, 0.122, 0.9, 0.14),
    "rabbit": (0.14, 0.76, 0.18, 0.45, 13, 0.08, 0.07, 0.92, 0.155, 0.8, 0.13),
    "hound": (0.14, 0.60, 0.27, 0.35, 50, 0.95, 0.24, 0.95, 0.130, 0.8, 0.12),
    "lynx": (0.12, 0.48, 0.25, 0.98, 30, 0.00, 0.10, 1.04, 0.145, 1.3, 0.21),
}
MARKINGS = ("tabby", "spots", "patches")
SLIT_EYED = ("cat", "fox", "lynx")


def sample(dice: Dice, pose: float = 1.0) -> tuple[c.Creature, dict]:
    """A creature and its attributes; `pose` 0..1 narrows how far it turns, moves and scales."""
    species, m = measures(dice)
    angles = [
        math.radians(float(np.clip(dice.normal(d), -most, most))) * pose
        for d, most in ((17, 38), (8, 18), (7, 18))
    ]
    yaw, pitch, roll = angles
    head = roll_rotation(roll) @ yaw_rotation(yaw) @ pitch_rotation(-pitch + 0.05)
    body = roll_rotation(roll * 0.25) @ yaw_rotation(yaw * 0.35)
    shapes, muzzle_y, muzzle_width = ellipsoids(dice, m, species == "lynx")
    eyes, eye_x, eye_y, lid = place_eyes(dice, m, head)
    wide = math.exp(dice.normal(0.12)) * (1.0 + 0.5 * max(0, m.muzzle - 0.05))
    nose = ellipsoid((0, muzzle_y + 0.075, 0.60 + m.muzzle), (0.088 * wide, 0.062 * wide, 0.055), c.NOSE)
    fantasy, colours = coat_colours(dice)
    coat = sample_coat(dice, eye_x, eye_y, muzzle_y)
    iris, face_colours = eye_colours(dice)
    face, hair = sample_face(dice, species, m, muzzle_width, lid)
    lamp, background, angle, behind = surroundings(dice)
    scale = 1.17 * math.exp(dice.normal(0.055) * pose)
    x, y = pose * np.clip(dice.normal(10), -24, 24), -6 + pose * np.clip(dice.normal(7), -16, 16)
    y -= (
        34 * max(0.0, m.ear_length * math.cos(math.radians(m.splay)) * (1 - m.droop) - 0.35) / 0.4
    )  # room for ears
    fur = sample_fur(dice, hair)
    view = c.Screen(scale * c.UNIT, c.SIZE / 2 + x, c.SIZE / 2 - y)
    furling = c.Creature(
        shapes, nose, eyes, head, body, coat, colours, face, face_colours, fur, lamp, view, background
    )
    attributes = {
        "species": species, "yaw": math.degrees(yaw), "pitch": math.degrees(pitch), "roll": math.degrees(roll),
        "ear_length": m.ear_length, "fur": m.fur, "marking": MARKINGS[coat.kind], "marking_strength": coat.strength,
        "fantasy": fantasy, "fur_rgb": _bytes(colours[c.BASE] ** 0.8), "eye_rgb": _bytes(iris),
        "light_deg": math.degrees(angle), "background_rgb": _bytes(behind),
    }  # fmt: skip
    return furling, attributes


def _bytes(rgb: np.ndarray) -> list[int]:
    return [int(255 * v) for v in rgb]


def measures(dice: Dice) -> tuple[str, Measures]:
    """A species and one individual of it; every fourth is drawn towards another species."""
    names = list(SPECIES)
    weights = np.array([SPECIES[name][0] for name in names])
    species = names[dice.rng.choice(len(names), p=weights / weights.sum())]
    m = np.array(SPECIES[species][1:])
    if dice.chance(0.25):
        other = np.array(SPECIES[names[dice.rng.integers(len(names))]][1:])
        m = m + (other - m) * dice.uniform(0, 0.6)
    ear_length, ear_width, taper, splay, droop, muzzle, width, eye, cheeks, fur = m
    return species, Measures(
        ear_length=float(ear_length * math.exp(dice.normal(0.12))),
        ear_width=ear_width * math.exp(dice.normal(0.10)),
        taper=min(1, max(0, taper + dice.normal(0.1))),
        splay=splay + dice.normal(5),
        droop=min(1, max(0, droop + dice.normal(0.06))),
        muzzle=max(0.02, muzzle + dice.normal(0.03)),
        width=width * math.exp(dice.normal(0.035)),
        height=math.exp(dice.normal(0.035)),
        eye=min(0.20, max(0.085, eye * math.exp(dice.normal(0.10)))),
        cheeks=cheeks,
        fur=float(max(0.07, fur * math.exp(dice.normal(0.2)))),
    )


def place_eyes(dice: Dice, m: Measures, head: np.ndarray) -> tuple[np.ndarray, float, float, float]:
    """Eyes [2, 7] on the head, their x and y, and how far the lids are open."""
    rx, ry, rz = m.head
    x, y = (0.235 + 0.35 * (m.eye - 0.14)) * m.width + dice.normal(0.012), 0.075 + dice.normal(0.025)
    look = np.array([0, 0, 1.0]) * 0.55 + head[:, 2] * 0.45
    look[0] += dice.normal(0.08)
    look[1] += dice.normal(0.05)
    lid = float(np.clip(0.62 + dice.normal(0.17), 0.12, 0.95))
    eyes = np.zeros((2, 7))
    for e, side in enumerate((-1, 1)):
        z = rz * math.sqrt(1 - (x / rx) ** 2 - (y / ry) ** 2)
        normal = np.array([side * x / rx**2, y / ry**2, z / rz**2])
        normal /= np.linalg.norm(normal)
        gaze = look + 0.35 * (head @ normal)
        centre = np.array([side * x, y, z]) - normal * m.eye * 0.38
        eyes[e] = [*centre, m.eye, *(gaze / np.linalg.norm(gaze))]
    return eyes, x, y, lid


def coat_colours(dice: Dice) -> tuple[bool, np.ndarray]:
    """Whether the colours are of fantasy, and base, light, dark and skin [4, 3]."""
    U = dice.uniform
    fantasy = dice.chance(0.28)
    if fantasy:
        h = U(0, 1)
        base = hsv(h, U(0.25, 0.65), U(0.35, 0.95))
        light = hsv(h + dice.normal(0.06), U(0.03, 0.25), U(0.85, 1))
        dark = hsv(h + U(-0.2, 0.2), U(0.4, 0.8), U(0.08, 0.35))
    else:
        base = _natural_base(dice)
        light = hsv(0.10, U(0.02, 0.18), U(0.85, 1.0))
        dark = base * U(0.15, 0.5)
    skin = hsv(U(0.97, 1.05), U(0.18, 0.42), U(0.75, 1.0)) * 0.68 + base * 0.32
    return fantasy, np.array([base, light, dark, skin]) ** 1.25


def _natural_base(dice: Dice) -> np.ndarray:
    U, k = dice.uniform, dice.rng.random()
    if k < 0.40:
        return hsv(U(0.045, 0.10), U(0.45, 0.85), U(0.40, 0.95))  # ginger to brown
    if k < 0.60:
        return hsv(U(0.05, 0.12), U(0.15, 0.45), U(0.30, 0.90))  # tan, taupe
    if k < 0.80:
        return hsv(U(0.55, 0.68), U(0.0, 0.22), U(0.12, 0.70))  # grey, blue-grey, black
    return hsv(U(0.08, 0.13), U(0.02, 0.20), U(0.82, 1.0))  # white, cream


def sample_coat(dice: Dice, eye_x: float, eye_y: float, muzzle_y: float) -> c.Coat:
    """Markings and patches."""
    strength = dice.clipped(-0.5, 1)
    kind = dice.pick([0.55, 0.2, 0.25])
    frequency = dice.uniform(7, 13) if kind == c.TABBY else dice.uniform(3.5, 6.5)
    spans = ((-0.25, 1.2), (-1, 1), (-1.6, 1), (-2.2, 1), (-0.8, 1))
    light, blaze, eye_patch, cap, ear_tip = (dice.clipped(*span) for span in spans)
    mottling, wobble = dice.uniform(0.1, 0.6), dice.uniform(0.1, 0.8)
    return c.Coat(
        strength,
        kind,
        frequency,
        light,
        blaze,
        eye_patch,
        cap,
        ear_tip,
        mottling,
        eye_x,
        eye_y,
        muzzle_y,
        wobble,
    )


def eye_colours(dice: Dice) -> tuple[np.ndarray, np.ndarray]:
    """Colour of the iris, and rows rim, iris, sclera, nose [4, 3]."""
    U = dice.uniform
    hues = [U(0.07, 0.16), U(0.22, 0.40), U(0.50, 0.62), U(0, 1)]
    iris = hsv(hues[dice.pick([0.45, 0.25, 0.2, 0.1])], U(0.55, 0.95), U(0.5, 1.0))
    if dice.chance(0.25):
        iris = hsv(U(0.04, 0.08), U(0.6, 0.9), U(0.18, 0.4))
    inner = np.clip(iris * 1.3 + 0.12, 0, 1)
    sclera = np.array([0.10, 0.08, 0.07] if dice.chance(0.7) else [0.85, 0.83, 0.8])
    pink = hsv(U(0.96, 1.03), U(0.3, 0.55), U(0.65, 0.95))
    noses = [pink, np.array([0.06, 0.05, 0.05]), hsv(0.04, 0.5, U(0.25, 0.4))]
    return iris, np.array([iris, inner, sclera, noses[dice.pick([0.35, 0.45, 0.2])]])


def sample_face(
    dice: Dice, species: str, m: Measures, muzzle_width: float, lid: float
) -> tuple[c.Face, tuple[float, float, float]]:
    """Pupils, mouth and whiskers; and ruff, rim light and gloss of the fur."""
    U = dice.uniform
    wide = U(0.30, 0.62)
    slit = U(0.35, 1) if species in SLIT_EYED else U(0.85, 1)
    iris, rim, ruff = U(0.78, 0.95), U(0.2, 0.9), 0.25 + 0.9 * max(0, m.cheeks - 0.75)
    rings, gloss = U(-0.25, 0.6), U(0.2, 0.9)
    drop, width, curl = U(0.03, 0.06), U(0.10, 0.19) * muzzle_width, U(-0.015, 0.06)
    whiskers = 0 if dice.chance(0.3) else int(dice.rng.integers(2, 5))
    tall = wide * (1.1 if slit < 0.8 else 1)
    face = c.Face(iris, wide * slit, tall, lid, rings, drop, width, curl, whiskers, U(0.75, 0.98))
    return face, (ruff, rim, gloss)


def surroundings(dice: Dice) -> tuple[c.Lamp, np.ndarray, float, np.ndarray]:
    """Light, background [SIZE, SIZE, 3], the light's angle, and the background's first colour."""
    U = dice.uniform
    across, above = U(-1.0, 1.0), U(0.15, 0.9)
    x, y, z = math.sin(across) * math.cos(above), math.sin(above), math.cos(across) * math.cos(above)
    warm = U(-0.10, 0.14)
    colour = np.array([1 + warm, 1.0, 1 - warm]) * U(0.75, 1.05)
    hue, saturation, value = U(0, 1), U(0.10, 0.50), U(0.15, 0.92)
    first = hsv(hue, saturation, value)
    second = hsv(hue + U(-0.12, 0.12), saturation * U(0.5, 1.2), min(1, value * U(0.55, 1.1)))
    ambient = (0.26 + 0.22 * (first + second) / 2) * U(0.8, 1.1)
    half = np.array([x, y, z + 1.0])
    half /= np.linalg.norm(half)
    lamp = c.Lamp((x, y, z), (float(half[0]), float(half[1]), float(half[2])), ambient, colour)
    return lamp, _background(dice, first, second, (hue, saturation, value)), across, first


def _background(
    dice: Dice, first: np.ndarray, second: np.ndarray, shade: tuple[float, float, float]
) -> np.ndarray:
    U, (hue, saturation, value) = dice.uniform, shade
    y, x = np.mgrid[0 : c.SIZE // 2, 0 : c.SIZE // 2] / (c.SIZE / 2.0)  # smooth, so half the size is enough
    t = np.clip(y + U(-0.6, 0.6) * (x - 0.5), 0, 1)[..., None]
    picture = first * (1 - t) + second * t
    for _ in range(dice.rng.integers(0, 6)):  # lights out of focus
        cx, cy, r, soft = U(0, 1), U(0, 1), U(0.06, 0.22), U(0.02, 0.06)
        k = (1 / (1 + np.exp((np.hypot(x - cx, y - cy) - r) / (soft * 0.5))))[..., None] * U(0.08, 0.35)
        glow = hsv(hue + dice.normal(0.08), saturation * 0.7, min(1, value * 1.4 + 0.1))
        picture = picture * (1 - k) + np.clip(glow, 0, 1) * k
    picture = picture * (1 - 0.25 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None]
    return np.ascontiguousarray(picture.repeat(2, 0).repeat(2, 1))


def sample_fur(dice: Dice, hair: tuple[float, float, float]) -> c.Fur:
    """How the strands stand."""
    U, (ruff, rim, gloss) = dice.uniform, hair
    return c.Fur(
        9500, U(1.15, 1.75), U(0.3, 0.9), U(0, 0.45) ** 1.5, U(0.45, 0.75), U(0.3, 1.4), U(0.1, 0.6), U(0.35, 0.75),
        ruff, rim, gloss,
    )  # fmt: skip
