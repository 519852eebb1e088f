"""The body under the fur: which ellipsoid is seen at a pixel, its normal, its shade, and the nose."""

import math

import numpy as np
from numba import njit

from engine.training.datasets.furlings.coat import coat_colour
from engine.training.datasets.furlings.creature import (
    ALONG,
    AXES,
    CHEST,
    EAR,
    NOSE_SKIN,
    PART,
    RADII,
    Creature,
)
from engine.training.datasets.noise import dot, smoothstep, turned_back, unit, value_noise

FAR = -1e9  # depth where nothing is


def in_world(rows: np.ndarray, head: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Ellipsoids [P, 19] with centres and axes turned as the head, or for the chest as the body."""
    out = rows.copy()
    for row in out:
        R = body if row[PART] == CHEST else head
        row[:3] = R @ row[:3]
        row[AXES : AXES + 9] = (row[AXES : AXES + 9].reshape(3, 3) @ R.T).ravel()
    return out


def draw(furling: Creature, img: np.ndarray, depth: np.ndarray, seed: int) -> None:
    """Paint body and nose into `img` [S, S, 3] and their nearness into `depth` [S, S]."""
    world = in_world(furling.ellipsoids, furling.head, furling.body)
    owner = np.full(depth.shape, -1, np.int32)
    find(world, furling.screen, depth, owner)
    shade(world, furling, img, depth, owner, seed)


def draw_nose(furling: Creature, img: np.ndarray, depth: np.ndarray, seed: int) -> None:
    """Paint the nose, and bring its depth forward so that hair stays off it."""
    nose = in_world(furling.nose[None], furling.head, furling.body)[0]
    shade_nose(nose, furling, img, depth, seed)


@njit(cache=True, fastmath=True)
def nearest(row, x, y):
    """z of the front of an ellipsoid at (x, y) in its frame, or FAR."""
    a0, a1, a2 = row[6] / row[3], row[7] / row[3], row[8] / row[3]
    b0, b1, b2 = row[9] / row[4], row[10] / row[4], row[11] / row[4]
    c0, c1, c2 = row[12] / row[5], row[13] / row[5], row[14] / row[5]
    dx, dy = x - row[0], y - row[1]
    q0, q1, q2 = a0 * dx + a1 * dy, b0 * dx + b1 * dy, c0 * dx + c1 * dy
    A = a2 * a2 + b2 * b2 + c2 * c2
    B = q0 * a2 + q1 * b2 + q2 * c2
    D = B * B - A * (q0 * q0 + q1 * q1 + q2 * q2 - 1)
    return FAR if D < 0 else (-B + math.sqrt(D)) / A + row[2]


@njit(cache=True, fastmath=True)
def normal(row, x, y, z):
    """Outward normal of an ellipsoid at a place on it."""
    dx, dy, dz = x - row[0], y - row[1], z - row[2]
    u = (row[6] * dx + row[7] * dy + row[8] * dz) / (row[3] * row[3])
    v = (row[9] * dx + row[10] * dy + row[11] * dz) / (row[4] * row[4])
    w = (row[12] * dx + row[13] * dy + row[14] * dz) / (row[5] * row[5])
    return unit(
        row[6] * u + row[9] * v + row[12] * w,
        row[7] * u + row[10] * v + row[13] * w,
        row[8] * u + row[11] * v + row[14] * w,
    )


@njit(cache=True, fastmath=True)
def bounds(row, view, size):
    """Pixels x0, x1, y0, y1 that an ellipsoid may cover, ends excluded."""
    r = max(row[RADII], max(row[RADII + 1], row[RADII + 2]))
    x0, x1 = int((row[0] - r) * view.scale + view.left), int((row[0] + r) * view.scale + view.left) + 2
    y0, y1 = int(-(row[1] + r) * view.scale + view.top), int(-(row[1] - r) * view.scale + view.top) + 2
    return max(0, x0), min(size, x1), max(0, y0), min(size, y1)


@njit(cache=True, fastmath=True)
def find(world, view, depth, owner):
    """Which ellipsoid is nearest at every pixel."""
    for p in range(world.shape[0]):
        x0, x1, y0, y1 = bounds(world[p], view, depth.shape[0])
        for j in range(y0, y1):
            for i in range(x0, x1):
                z = nearest(world[p], (i - view.left) / view.scale, -(j - view.top) / view.scale)
                if z > depth[j, i]:
                    depth[j, i] = z
                    owner[j, i] = p


@njit(cache=True, fastmath=True)
def shade(world, furling, img, depth, owner, seed):
    """Colour of the skin, which the fur will mostly cover: the coat is looked up at every second pixel."""
    view, lamp = furling.screen, furling.lamp
    colour = (0.0, 0.0, 0.0)
    for j in range(depth.shape[0]):
        for i in range(depth.shape[1]):
            p = owner[j, i]
            if p < 0:
                continue
            row = world[p]
            x, y, z = (i - view.left) / view.scale, -(j - view.top) / view.scale, depth[j, i]
            n = normal(row, x, y, z)
            if (i & 1) == 0 or owner[j, i - 1] != p:
                R = furling.body if row[PART] == CHEST else furling.head
                a, b, c = turned_back(R, x, y, z)
                inner = 0.0
                if row[PART] == EAR:
                    front = R[0, 2] * n[0] + R[1, 2] * n[1] + R[2, 2] * n[2]
                    inner = smoothstep(0.45, 0.8, front) * (1 - smoothstep(0.80, 0.95, row[ALONG]))
                colour = coat_colour(
                    a, b, c, int(row[PART]), row[ALONG], inner, furling.coat, furling.colours, seed
                )
            facing = 0.5 + 0.5 * dot(n, lamp.direction)
            facing = facing * facing * 0.62
            for k in range(3):
                img[j, i, k] = colour[k] * (lamp.ambient[k] * 0.6 + lamp.colour[k] * facing) * 0.8


@njit(cache=True, fastmath=True)
def shade_nose(nose, furling, img, depth, seed):
    """A wet nose with two nostrils."""
    view, lamp, flat = furling.screen, furling.lamp, furling.nose
    x0, x1, y0, y1 = bounds(nose, view, depth.shape[0])
    for j in range(y0, y1):
        for i in range(x0, x1):
            x, y = (i - view.left) / view.scale, -(j - view.top) / view.scale
            z = nearest(nose, x, y)
            if z <= depth[j, i]:
                continue
            depth[j, i] = z + 0.10
            n = normal(nose, x, y, z)
            a, b, _ = turned_back(furling.head, x, y, z)
            a, b = a - flat[0], b - flat[1]
            grain = value_noise(a * 60, b * 60, 0.0, seed + 77)
            facing = 0.5 + 0.5 * dot(n, lamp.direction)
            wet = smoothstep(0.86, 0.99, max(0.0, dot(n, lamp.half))) * 0.55
            across, below = (
                (abs(a) - flat[3] * 0.48) / (flat[3] * 0.26),
                (b + flat[4] * 0.22) / (flat[4] * 0.30),
            )
            nostril = (1 - smoothstep(0.7, 1.2, math.sqrt(across**2 + below**2))) * 0.85
            for k in range(3):
                v = (
                    furling.face_colours[NOSE_SKIN, k]
                    * (0.30 + 0.85 * facing)
                    * (0.85 + 0.3 * grain)
                    * (1 - nostril)
                )
                img[j, i, k] = v + (0.95 - v) * wet
