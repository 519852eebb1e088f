"""The surface of a planet in its own frame: bands, mountains, craters, sea, caps, clouds, lava."""

import math

from numba import njit

from engine.training.datasets.noise import lattice, smooth_noise, smoothstep, turned_fractal


@njit(cache=True, fastmath=True)
def height(x, y, z, ground, seed):
    """Height, about 0..1, at a place on the unit sphere."""
    wx = turned_fractal(x * 1.7 + 5, y * 1.7, z * 1.7, seed + 40, 3, 0.5) - 0.5
    wy = turned_fractal(x * 1.7, y * 1.7 + 9, z * 1.7, seed + 50, 3, 0.5) - 0.5
    if ground.banded:
        return bands(x, y, z, wx, ground, seed)
    f, w = ground.frequency, ground.warp
    h = turned_fractal(x * f + w * wx * 3, y * f + w * wy * 3, z * f, seed, 6, ground.gain)
    h = 0.5 + (h - 0.5) * 1.9
    if ground.craters > 0.02:
        large, small = craters(x, y, z, seed + 80, 2.2), craters(x, y, z, seed + 90, 5.0)
        h += ground.craters * (large * 0.8 + small * 0.30)
    return h


@njit(cache=True, fastmath=True)
def bands(x, y, z, wx, ground, seed):
    """A gas giant's bands of latitude, warped."""
    w, f = ground.warp, ground.frequency
    lat = y + w * 0.35 * wx + 0.06 * w * (turned_fractal(x * 6, y * 9, z * 6, seed + 60, 3, 0.55) - 0.5) * 2
    v = 0.5 + 0.5 * (
        0.6 * math.sin(f * lat + ground.phase) + 0.4 * math.sin(f * 2.3 * lat + 1.3 * ground.phase)
    )
    return v * 0.75 + 0.25 * turned_fractal(x * 4 + 2 * wx, y * 14, z * 4, seed + 70, 4, 0.55)


@njit(cache=True, fastmath=True)
def craters(x, y, z, seed, frequency):
    """Bowls with rims, one in every cell of a lattice."""
    x, y, z = x * frequency, y * frequency, z * frequency
    ix, iy, iz = math.floor(x), math.floor(y), math.floor(z)
    h = 0.0
    for a in range(ix - 1, ix + 2):
        for b in range(iy - 1, iy + 2):
            for c in range(iz - 1, iz + 2):
                dx, dy = x - (a + lattice(a, b, c, seed)), y - (b + lattice(a, b, c, seed + 1))
                dz = z - (c + lattice(a, b, c, seed + 2))
                r = 0.15 + 0.4 * lattice(a, b, c, seed + 3) ** 2
                d = math.sqrt(dx * dx + dy * dy + dz * dz) / r
                if d < 1.6:
                    bowl = -1.0 + d * d if d < 1 else 0.0
                    h += r * bowl + r * 0.5 * math.exp(-(((d - 1.0) / 0.18) ** 2))
    return h


@njit(cache=True, fastmath=True)
def ramp_colour(t, ramp, colour):
    """Write the colour at t in 0..1 of a ramp [K, 3]."""
    t = min(0.9999, max(0.0, t)) * (len(ramp) - 1)
    i = int(t)
    for k in range(3):
        colour[k] = ramp[i, k] * (1 - (t - i)) + ramp[i + 1, k] * (t - i)


@njit(cache=True, fastmath=True)
def cover(x, y, z, h, planet, seed, colour):
    """Write the colour of the ground at height `h`, with water and ice; shares of water and clouds, and the grain."""
    ground = planet.ground
    sea = ground.sea
    ramp_colour(h if sea <= 0 else (h - sea) / (1.05 - sea), planet.ramp, colour)
    wet = 0.0
    if sea > 0:
        wet, deep = smoothstep(sea + 0.012, sea - 0.012, h), smoothstep(sea, sea - 0.28, h)
        for k in range(3):
            colour[k] = colour[k] * (1 - wet) + planet.water[k] * (1.15 - 0.75 * deep) * wet
    grain = turned_fractal(x * 9, y * (22 if ground.banded else 9), z * 9, seed + 120, 3, 0.6)
    for k in range(3):
        colour[k] *= 0.62 + 0.76 * grain
    if ground.cap > 0:
        north = abs(y) + 0.22 * (h - 0.5) + 0.1 * (grain - 0.5)
        ice = smoothstep(1 - ground.cap, 1 - ground.cap + 0.06, north)
        for k in range(3):
            colour[k] = colour[k] * (1 - ice) + 0.93 * ice
    cloudy = clouds(x, y, z, ground, seed)
    for k in range(3):
        colour[k] = colour[k] * (1 - cloudy) + planet.cloud[k] * cloudy
    return wet, cloudy, grain


@njit(cache=True, fastmath=True)
def clouds(x, y, z, ground, seed):
    """Share of the ground that clouds hide."""
    if ground.clouds <= 0:
        return 0.0
    w = turned_fractal(x * 1.6, y * 1.6, z * 1.6, seed + 140, 2, 0.5) - 0.5
    c = turned_fractal(x * 2.6 + 2.4 * w, y * 4.6 + 1.2 * w, z * 2.6 - 2 * w, seed + 150, 5, 0.58)
    return smoothstep(0.70 - 0.30 * ground.clouds, 0.86 - 0.26 * ground.clouds, c) * 0.95


@njit(cache=True, inline="always", fastmath=True)
def glow(h, grain, ground):
    """Light of the lava at a height."""
    if ground.lava <= 0:
        return 0.0
    rivers = smoothstep(0.06, 0.0, abs(h - 0.50)) + smoothstep(0.05, 0.0, abs(h - 0.36)) * 0.8
    return (rivers + smoothstep(0.33, 0.10, h) * 0.6) * ground.lava * (0.5 + grain)


@njit(cache=True, fastmath=True)
def ring_bands(t, ring, seed):
    """Density of a ring at a fraction `t` of the way from its inner to its outer edge."""
    a = (0.25 + 0.9 * smooth_noise(t * ring.frequency, 0.5, 0.5, seed + 7)) * ring.density
    a *= smoothstep(0.0, 0.06, t) * smoothstep(1.0, 0.92, t)
    a *= 0.75 + 0.5 * smooth_noise(t * ring.frequency * 4, 2.5, 0.5, seed + 8)
    return min(1.0, max(0.0, a))
