"""Colour of a furling's coat at a place of its body: stripes, spots, patches, blaze, mask, ear tips."""

import math

from numba import njit

from engine.training.datasets.furlings.creature import (
    BASE,
    CHEST,
    DARK,
    EAR,
    HEAD,
    LIGHT,
    MUZZLE,
    SKIN,
    SPOTS,
    TABBY,
)
from engine.training.datasets.noise import fractal, smoothstep, value_noise


@njit(cache=True, fastmath=True)
def coat_colour(x, y, z, part, along, inner, coat, colours, seed):
    """rgb at a place in the body's own frame; `along` is the way up an ear, `inner` how far inside it."""
    coarse = fractal(x * 2.2 + 7, y * 2.2, z * 2.2, seed, 3)
    fine = fractal(x * 6.0, y * 6.0 + 3, z * 6.0, seed + 11, 2)
    dark = darkness(x, y, z, part, along, coat, coarse, fine, seed)
    light = lightness(x, y, z, part, coat, fine)
    if part != CHEST:
        light = light * (1 - 0.6 * dark)
    mottled = 1.0 + coat.mottling * (coarse - 0.5) * 1.2 + 0.20 * (fine - 0.5)
    return (
        channel(0, dark, light, part, inner, colours) * mottled,
        channel(1, dark, light, part, inner, colours) * mottled,
        channel(2, dark, light, part, inner, colours) * mottled,
    )


@njit(cache=True, inline="always", fastmath=True)
def channel(k, dark, light, part, inner, colours):
    """One colour channel of base, dark and light hair, and of the skin inside an ear."""
    v = colours[BASE, k] * (1 - dark) + colours[DARK, k] * dark
    v = v * (1 - light) + colours[LIGHT, k] * light
    return v * (1 - inner) + colours[SKIN, k] * inner if part == EAR else v


@njit(cache=True, fastmath=True)
def lightness(x, y, z, part, coat, fine):
    """Share of light hair: around the muzzle, up the brow, on the chest."""
    if part == EAR:
        return 0.0
    if part == CHEST:
        return coat.light * (1 - smoothstep(0.25, 0.5, abs(x) + 0.25 * (fine - 0.5)))
    if z <= 0.0:
        return 0.0
    d = math.sqrt((x / 0.42) ** 2 + ((y - coat.muzzle_y + 0.10) / 0.36) ** 2)
    light = (1 - smoothstep(0.65, 1.15, d + 0.5 * (fine - 0.5))) * coat.light
    if part == HEAD and coat.blaze > 0.02:
        width = coat.blaze * (0.16 - 0.10 * smoothstep(0.0, 0.6, y))
        stripe = 1 - smoothstep(0.6, 1.3, abs(x) / (width + 1e-3) + 0.6 * (fine - 0.5))
        light = max(light, stripe * smoothstep(0.0, 0.2, coat.blaze) * coat.light)
    return light


@njit(cache=True, fastmath=True)
def darkness(x, y, z, part, along, coat, coarse, fine, seed):
    """Share of dark hair: the marking, the mask around the eyes, the cap, the tips of the ears."""
    dark = marking(x, y, z, coat, coarse, seed)
    if part <= MUZZLE:
        d = math.sqrt(((abs(x) - coat.eye_x) / 0.20) ** 2 + ((y - coat.eye_y) / 0.17) ** 2)
        dark = max(dark, (1 - smoothstep(0.9, 1.5, d + 0.6 * (fine - 0.5))) * coat.eye_patch)
        dark = max(dark, smoothstep(0.25, 0.5, y + 0.25 * (coarse - 0.5)) * coat.cap)
    if part == EAR:
        tip = coat.ear_tip * smoothstep(0.35, 0.75, along + 0.2 * (fine - 0.5))
        dark = max(dark * 0.6, max(coat.cap * 0.8, tip))
    return dark


@njit(cache=True, fastmath=True)
def marking(x, y, z, coat, coarse, seed):
    """Tabby stripes around the face, spots, or large patches."""
    if coat.kind == TABBY:
        angle, far = math.atan2(abs(x), y + 0.35), math.sqrt(x * x + (y + 0.1) ** 2)
        v = math.sin(
            coat.frequency * (angle * 1.5 + far * 0.35 + 0.5 * z) + coat.wobble * 5.0 * (coarse - 0.5)
        )
        return smoothstep(0.05, 0.6, v) * coat.strength * (0.35 + 0.65 * smoothstep(0.12, 0.32, far))
    f = coat.frequency * 1.5
    if coat.kind == SPOTS:
        return smoothstep(0.60, 0.72, value_noise(x * f, y * f, z * f, seed + 31)) * coat.strength
    return smoothstep(0.50, 0.60, fractal(x * 1.7 + 3, y * 1.7, z * 1.7, seed + 51, 2)) * coat.strength
