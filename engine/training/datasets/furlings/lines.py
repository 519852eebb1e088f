"""Mouth and whiskers of a furling."""

import math

import numpy as np
from numba import njit

from engine.training.datasets.furlings.creature import MUZZLE, PART
from engine.training.datasets.furlings.fur import dab
from engine.training.datasets.furlings.solid import FAR, nearest
from engine.training.datasets.noise import turned

MOUTH_DOTS, WHISKER_DOTS = 60, 70
INK = (0.07, 0.04, 0.04)


@njit(cache=True, fastmath=True)
def front(furling, x, y):
    """z of the face at (x, y) in the head's frame, or FAR."""
    z = FAR
    for p in range(len(furling.ellipsoids)):
        if furling.ellipsoids[p, PART] <= MUZZLE:
            z = max(z, nearest(furling.ellipsoids[p], x, y))
    return z


@njit(cache=True, fastmath=True)
def draw_mouth(furling, img, depth, relative_scale):
    """A line from the nose down and then to both sides."""
    face, nose, view = furling.face, furling.nose, furling.screen
    below = nose[1] - nose[4] * 0.9
    for side in (-1.0, 1.0):
        for s in range(MOUTH_DOTS):
            t = s / (MOUTH_DOTS - 1.0)
            if t < 0.3:
                mx, my = 0.0, below - face.mouth_drop * t / 0.3
            else:
                v = (t - 0.3) / 0.7
                sag = 0.05 * math.sin(v * math.pi) * 1.1
                mx, my = side * face.mouth_width * v, below - face.mouth_drop - sag + face.mouth_curl * v * v
            mz = front(furling, mx, my)
            if mz < -1e8:
                continue
            x, y, z = turned(furling.head, mx, my, mz + 0.05)
            width = 1.7 * relative_scale * (1 - 0.5 * t)
            dab(img, depth, x * view.scale + view.left, -y * view.scale + view.top, z, width, INK, 0.55, 0.05)


@njit(cache=True, fastmath=True)
def draw_whiskers(furling, img, depth, relative_scale):
    """Light hairs that bend down as they leave the muzzle."""
    face, view = furling.face, furling.screen
    light = face.whisker_light
    colour = (light, light, light * 0.97)
    for side in (-1.0, 1.0):
        for k in range(face.whiskers):
            x = side * (0.10 + 0.05 * np.random.random())
            y = furling.nose[1] - 0.10 - 0.05 * k * 0.7
            z = front(furling, x, y) + 0.02
            if z < -1e8:
                continue
            dx = side * (0.9 + 0.2 * np.random.random())
            dy, dz = 0.22 - 0.17 * k + 0.1 * np.random.random(), 0.25
            for s in range(WHISKER_DOTS):
                t, step = s / WHISKER_DOTS, 0.62 / WHISKER_DOTS
                x, y, z = x + dx * step, y + (dy - 0.5 * t * t) * step, z + (dz - 0.9 * t) * step
                a, b, c = turned(furling.head, x, y, z)
                width = 0.65 * relative_scale * (1 - 0.6 * t)
                dab(
                    img,
                    depth,
                    a * view.scale + view.left,
                    -b * view.scale + view.top,
                    c,
                    width,
                    colour,
                    0.5,
                    0.3,
                )
