"""Solid noise in three dimensions, and the curves and vectors that both renderers use. Compiled by numba."""

import math

import numpy as np
from numba import njit

Vector = tuple[float, float, float]


@njit(cache=True, inline="always", fastmath=True)
def lattice(ix, iy, iz, seed):
    """Random number in 0..1 that belongs to a lattice point."""
    h = np.uint32(ix * 374761393 + iy * 668265263 + iz * 2147483647 + seed * 1274126177)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(1274126177)
    h = h ^ (h >> np.uint32(16))
    return (h & np.uint32(0xFFFFFF)) / 16777215.0


@njit(cache=True, inline="always", fastmath=True)
def blend(ix, iy, iz, fx, fy, fz, seed):
    """The eight lattice points around a place, weighted by faded fractions."""
    r = 0.0
    for a in range(2):
        wx = fx if a else 1 - fx
        for b in range(2):
            wy = fy if b else 1 - fy
            for c in range(2):
                wz = fz if c else 1 - fz
                r += wx * wy * wz * lattice(ix + a, iy + b, iz + c, seed)
    return r


@njit(cache=True, fastmath=True)
def value_noise(x, y, z, seed):
    """Noise in 0..1 with cubic fades: one feature per unit of length."""
    ix, iy, iz = math.floor(x), math.floor(y), math.floor(z)
    fx, fy, fz = x - ix, y - iy, z - iz
    return blend(ix, iy, iz, fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz), seed)


@njit(cache=True, inline="always", fastmath=True)
def quintic(f):
    """Fade without a jump in curvature, for surfaces whose slope is lit."""
    return f * f * f * (f * (f * 6 - 15) + 10)


@njit(cache=True, fastmath=True)
def smooth_noise(x, y, z, seed):
    """Noise in 0..1 with quintic fades."""
    ix, iy, iz = math.floor(x), math.floor(y), math.floor(z)
    return blend(ix, iy, iz, quintic(x - ix), quintic(y - iy), quintic(z - iz), seed)


@njit(cache=True, fastmath=True)
def fractal(x, y, z, seed, octaves):
    """Sum of value noise, each octave twice as fine and half as strong, in 0..1."""
    a, r, n = 0.5, 0.0, 0.0
    for k in range(octaves):
        r += a * value_noise(x, y, z, seed + k)
        n += a
        x, y, z = x * 2.03, y * 2.03, z * 2.03
        a *= 0.5
    return r / n


@njit(cache=True, fastmath=True)
def turned_fractal(x, y, z, seed, octaves, gain):
    """Sum of smooth noise, each octave turned against the last and `gain` times as strong, in 0..1."""
    a, r, n = 1.0, 0.0, 0.0
    for k in range(octaves):
        r += a * smooth_noise(x, y, z, seed + k)
        n += a
        x, y, z = 2.03 * (0.8 * x + 0.6 * z) + 3.1, 2.03 * y + 1.7, 2.03 * (0.8 * z - 0.6 * x) + 5.3
        a *= gain
    return r / n


@njit(cache=True, inline="always", fastmath=True)
def smoothstep(a, b, x):
    """0 at a, 1 at b, smooth between; falls where a > b."""
    t = min(1.0, max(0.0, (x - a) / (b - a)))
    return t * t * (3 - 2 * t)


@njit(cache=True, inline="always", fastmath=True)
def dot(a, b):
    """Scalar product of two vectors of three."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(cache=True, inline="always", fastmath=True)
def turned(R, x, y, z):
    """R times (x, y, z)."""
    return (
        R[0, 0] * x + R[0, 1] * y + R[0, 2] * z,
        R[1, 0] * x + R[1, 1] * y + R[1, 2] * z,
        R[2, 0] * x + R[2, 1] * y + R[2, 2] * z,
    )


@njit(cache=True, inline="always", fastmath=True)
def turned_back(R, x, y, z):
    """The inverse of R, a rotation, times (x, y, z)."""
    return (
        R[0, 0] * x + R[1, 0] * y + R[2, 0] * z,
        R[0, 1] * x + R[1, 1] * y + R[2, 1] * z,
        R[0, 2] * x + R[1, 2] * y + R[2, 2] * z,
    )


@njit(cache=True, inline="always", fastmath=True)
def unit(x, y, z):
    """(x, y, z) at length 1."""
    n = math.sqrt(x * x + y * y + z * z) + 1e-12
    return x / n, y / n, z / n
