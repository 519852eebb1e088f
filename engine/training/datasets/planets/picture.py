"""From a seed to the picture of a planet: far half of the ring, globe and air, near half."""

import math

import numpy as np
from numba import njit

from engine.training.datasets.colour import Dice
from engine.training.datasets.noise import dot, smoothstep, turned, unit
from engine.training.datasets.planets.ground import cover, glow, height, ring_bands
from engine.training.datasets.planets.sample import KINDS, sample
from engine.training.datasets.planets.world import SIZE

LABELS = tuple(KINDS)
STREAM = 777
UNKNOWN = 9e9  # height beyond the globe


def render(seed: int, pose: float = 1.0) -> tuple[np.ndarray, dict, int]:
    """Picture [256, 256, 3] in 0..1, its attributes, and its label, the number of its kind."""
    dice = Dice(seed, STREAM)
    planet, attributes = sample(dice, pose)
    strokes = int(dice.rng.integers(1 << 24))
    img = planet.sky.copy()
    draw_ring(planet, img, strokes, False)
    draw_globe(planet, img, heights(planet, strokes), strokes)
    draw_ring(planet, img, strokes, True)
    return tone(img), attributes, LABELS.index(attributes["kind"])


@njit(cache=True, fastmath=True)
def heights(planet, seed):
    """Height [SIZE, SIZE] of every point that can be seen, UNKNOWN elsewhere."""
    globe = planet.globe
    found = np.full((SIZE, SIZE), UNKNOWN)
    r = globe.radius
    for j in range(max(0, int(globe.y - r) - 2), min(SIZE, int(globe.y + r) + 3)):
        for i in range(max(0, int(globe.x - r) - 2), min(SIZE, int(globe.x + r) + 3)):
            x, y = (i - globe.x) / r, -(j - globe.y) / r
            q = 1 - x * x - y * y
            if q >= -5.0 / r:
                a, b, c = turned(globe.turn, x, y, math.sqrt(max(0.0, q)))
                found[j, i] = height(a, b, c, planet.ground, seed)
    return found


@njit(cache=True, fastmath=True)
def draw_ring(planet, img, seed, near):
    """Paint the half of the ring behind or in front of the globe, with the globe's shadow on it."""
    ring, globe, n = planet.ring, planet.globe, planet.ring.normal
    if ring.density <= 0:
        return
    for j in range(SIZE):
        for i in range(SIZE):
            x, y = (i - globe.x) / globe.radius, -(j - globe.y) / globe.radius
            z = -(n[0] * x + n[1] * y) / n[2]
            r = math.sqrt(x * x + y * y + z * z)
            if r < ring.inner or r > ring.outer or (z < 0) == near:
                continue
            t = (r - ring.inner) / (ring.outer - ring.inner)
            a = ring_bands(t, ring, seed)
            d = dot((x, y, z), planet.light)
            from_axis = math.sqrt(max(0.0, r * r - d * d))
            shadow = 1.0 if d > 0 else 0.12 + 0.88 * smoothstep(0.96, 1.04, from_axis)
            for k in range(3):
                img[j, i, k] = img[j, i, k] * (1 - a) + planet.dust[k] * shadow * (0.7 + 0.5 * t) * a


@njit(cache=True, fastmath=True)
def draw_globe(planet, img, found, seed):
    """Paint the globe and the glow of its air around it."""
    globe, light = planet.globe, planet.light
    colour = np.zeros(3)
    for j in range(SIZE):
        for i in range(SIZE):
            x, y = (i - globe.x) / globe.radius, -(j - globe.y) / globe.radius
            r = math.sqrt(x * x + y * y)
            if r * r > 2.2:
                continue
            if r > 1:
                lit = (
                    0.5
                    + 0.5 * (x * light[0] + y * light[1]) / r * math.sqrt(1 - light[2] ** 2)
                    + 0.3 * light[2]
                )
                g = (
                    math.exp(-(r - 1) / (0.035 + 0.06 * planet.ground.air))
                    * planet.ground.air
                    * max(0.0, lit)
                    * 0.9
                )
                for k in range(3):
                    img[j, i, k] += planet.air_colour[k] * g
                if r > 1 + 1.5 / globe.radius:
                    continue
            share = min(1.0, max(0.0, (1 - r) * globe.radius + 0.5))  # of the pixel
            shade(x, y, math.sqrt(max(0.0, 1 - r * r)), i, j, planet, found, seed, colour)
            for k in range(3):
                img[j, i, k] = img[j, i, k] * (1 - share) + colour[k] * share


@njit(cache=True, fastmath=True)
def shade(x, y, z, i, j, planet, found, seed, colour):
    """Write the colour of the globe at (x, y, z), pixel (i, j), in sun and shadow."""
    ground, light, h = planet.ground, planet.light, found[j, i]
    n = slope(x, y, z, i, j, planet, found)
    a, b, c = turned(planet.globe.turn, x, y, z)
    wet, cloudy, grain = cover(a, b, c, h, planet, seed, colour)
    half = unit(light[0], light[1], light[2] + 1)
    shine = wet * max(0.0, dot((x, y, z), half)) ** 40 * 0.5 * (1 - cloudy)
    n = (n[0] + (x - n[0]) * cloudy, n[1] + (y - n[1]) * cloudy, n[2] + (z - n[2]) * cloudy)
    height_of_sun = dot((x, y, z), light)
    day = max(0.0, dot(n, light)) * smoothstep(-0.12, 0.16, height_of_sun) * ring_shadow(x, y, z, planet)
    fire = glow(h, grain, ground)
    haze = (1 - z) ** 2.2 * ground.air * smoothstep(-0.25, 0.5, height_of_sun)
    for k in range(3):
        v = colour[k] * (0.022 + 1.15 * day * planet.light_colour[k]) + shine * planet.light_colour[k]
        v += fire * (1.1 if k == 0 else (0.42 if k == 1 else 0.08))
        colour[k] = v * (1 - 0.55 * haze) + planet.air_colour[k] * haze * 0.95


@njit(cache=True, fastmath=True)
def slope(x, y, z, i, j, planet, found):
    """Normal of the ground: the sphere's, tilted by differences of height between neighbouring pixels."""
    ground = planet.ground
    if ground.bump <= 0.01 or ground.banded or (ground.sea > 0 and found[j, i] < ground.sea):
        return x, y, z
    left, right = found[j, max(0, i - 1)], found[j, min(SIZE - 1, i + 1)]
    below, above = found[min(SIZE - 1, j + 1), i], found[max(0, j - 1), i]
    gx = 0.0 if left > 1e9 or right > 1e9 else (right - left) * planet.globe.radius * 0.5
    gy = 0.0 if below > 1e9 or above > 1e9 else (above - below) * planet.globe.radius * 0.5
    wz = -(x * gx + y * gy) * z  # the gradient on the screen, laid on the sphere
    wx, wy = gx + wz * x / max(z, 0.15), gy + wz * y / max(z, 0.15)
    return unit(x - ground.bump * wx, y - ground.bump * wy, z - ground.bump * wz)


@njit(cache=True, fastmath=True)
def ring_shadow(x, y, z, planet):
    """Share of sunlight that the ring lets through to the globe."""
    ring, light = planet.ring, planet.light
    if ring.density <= 0:
        return 1.0
    t = -dot(ring.normal, (x, y, z)) / (dot(ring.normal, light) + 1e-6)
    if t <= 0:
        return 1.0
    qx, qy, qz = x + light[0] * t, y + light[1] * t, z + light[2] * t
    r = math.sqrt(qx * qx + qy * qy + qz * qz)
    return 1 - 0.65 * ring.density if ring.inner < r < ring.outer else 1.0


def tone(img: np.ndarray) -> np.ndarray:
    """Bring light to 0..1 as film does, a little more colourful."""
    img = 1 - np.exp(-1.7 * np.clip(img, 0, None))
    grey = img.mean(-1, keepdims=True)
    return np.clip(grey + (img - grey) * 1.22, 0, 1) ** 0.86
