"""The fur of a furling: strands rooted on the body in its own frame, combed, lit, painted from back to front."""

import math

import numpy as np
from numba import njit

from engine.training.datasets.furlings.coat import coat_colour
from engine.training.datasets.furlings.creature import ALONG, CHEST, DENSITY, EAR, LENGTH, MUZZLE, PART
from engine.training.datasets.furlings.solid import normal
from engine.training.datasets.noise import dot, smoothstep, turned, unit, value_noise

# Columns of a strand: place, normal and combing direction in the world, length, rgb, shade, phase.
PLACE, OUT, COMB, LONG, RGB, SHADE, PHASE, COLUMNS = 0, 3, 6, 9, 10, 13, 14, 15
TRIES = 12  # to find a place on an ellipsoid


@njit(cache=True, fastmath=True)
def draw_fur(furling, img, depth, seed):
    """Grow all strands, then paint them from the farthest to the nearest."""
    strands = grow(furling, seed)
    order = np.argsort(strands[:, 2])
    for o in range(len(order)):
        paint_strand(strands[order[o]], furling, img, depth)


@njit(cache=True, fastmath=True)
def grow(furling, seed):
    """Strands [M, COLUMNS], shared out by the areas of the ellipsoids and their density."""
    rows = furling.ellipsoids
    area = np.zeros(len(rows))
    for p in range(len(rows)):
        a, b, c = rows[p, 3], rows[p, 4], rows[p, 5]
        mean = ((a * b) ** 1.6 + (a * c) ** 1.6 + (b * c) ** 1.6) / 3
        area[p] = 4 * math.pi * mean ** (1 / 1.6) * rows[p, DENSITY]
    strands = np.zeros((furling.fur.count + len(rows), COLUMNS))
    count = 0
    for p in range(len(rows)):
        for _ in range(int(furling.fur.count * area[p] / area.sum())):
            count += grow_one(rows[p], furling, seed, strands[count])
    return strands[:count]


@njit(cache=True, fastmath=True)
def grow_one(row, furling, seed, strand):
    """One strand on an ellipsoid; 0 where it would never be seen or would lie in an eye or on the nose."""
    part = row[PART]
    R = furling.body if part == CHEST else furling.head
    found, at, n, inner = find_root(row, R)
    if not found:
        return 0
    x, y, z = at
    if (part <= MUZZLE) and bald(x, y, z, furling):
        return 0
    comb = combed(row, at, n, furling, seed)
    length = strand_length(row, at, inner, furling)
    colour = coat_colour(x, y, z, int(part), row[ALONG], inner, furling.coat, furling.colours, seed)
    bright = brightness(part, at, furling, seed)
    shade = 1.0
    if part == CHEST:
        shade = 0.45 + 0.55 * smoothstep(-0.60, -1.05, y)
    if part == EAR:
        shade = 1 - 0.12 * inner
    strand[PLACE : PLACE + 3] = turned(R, x, y, z)
    strand[OUT : OUT + 3] = turned(R, n[0], n[1], n[2])
    strand[COMB : COMB + 3] = turned(R, comb[0], comb[1], comb[2])
    strand[LONG] = length
    for k in range(3):
        strand[RGB + k] = colour[k] * bright
    strand[SHADE], strand[PHASE] = shade, np.random.random()
    return 1


@njit(cache=True, fastmath=True)
def find_root(row, R):
    """A place, evenly spread over an ellipsoid, that faces the viewer: found, place, normal, inside an ear."""
    a, b, c = row[3], row[4], row[5]
    most = max(b * c, max(a * c, a * b))
    inner, at, n = 0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    for _ in range(TRIES):
        u2 = 2 * np.random.random() - 1
        turn = 2 * math.pi * np.random.random()
        u0, u1 = math.sqrt(1 - u2 * u2) * math.cos(turn), math.sqrt(1 - u2 * u2) * math.sin(turn)
        weight = math.sqrt((b * c * u0) ** 2 + (a * c * u1) ** 2 + (a * b * u2) ** 2) / most
        if np.random.random() > weight:
            continue
        e0, e1, e2 = a * u0, b * u1, c * u2
        at = (
            row[0] + row[6] * e0 + row[9] * e1 + row[12] * e2,
            row[1] + row[7] * e0 + row[10] * e1 + row[13] * e2,
            row[2] + row[8] * e0 + row[11] * e1 + row[14] * e2,
        )
        n = normal(row, at[0], at[1], at[2])
        if row[PART] == EAR:
            if abs(u1) > 0.62 and (row[ALONG] < 0.9 or u1 < 0):
                continue  # the ends of a link lie inside its neighbours
            tip = smoothstep(0.80, 0.95, row[ALONG])
            d = (n[0] * row[9] + n[1] * row[10] + n[2] * row[11]) * (
                1.0 - 0.6 * smoothstep(0.85, 0.95, row[ALONG])
            )
            n = unit(n[0] - d * row[9], n[1] - d * row[10], n[2] - d * row[11])
            inner = smoothstep(0.05, 0.55, u2) * (1 - smoothstep(0.62, 0.9, abs(u0))) * (1 - tip)
        if R[2, 0] * n[0] + R[2, 1] * n[1] + R[2, 2] * n[2] >= -0.45:
            return True, at, n, inner
    return False, at, n, inner


@njit(cache=True, inline="always", fastmath=True)
def from_eye(e, x, y, z, furling):
    """Distance from the middle of an eye."""
    eye = furling.eyes[e]
    return math.sqrt((x - eye[0]) ** 2 + (y - eye[1]) ** 2 + (z - eye[2]) ** 2)


@njit(cache=True, fastmath=True)
def bald(x, y, z, furling):
    """Whether a place lies in an eye or on the nose."""
    for e in range(2):
        if from_eye(e, x, y, z, furling) < furling.eyes[e, 3] * 1.08:
            return True
    nose = furling.nose
    a, b, c = (x - nose[0]) / nose[3], (y - nose[1]) / nose[4], (z - nose[2]) / (nose[5] + 0.03)
    return math.sqrt(a * a + b * b + c * c) < 1.1


@njit(cache=True, fastmath=True)
def combed(row, at, n, furling, seed):
    """Direction along the skin in which a strand lies: down the chest, up the ears, away from nose and eyes."""
    x, y, z = at
    fur, nose = furling.fur, furling.nose
    if row[PART] == CHEST:
        cx, cy, cz = 0.15 * x, -1.0, 0.1
    elif row[PART] == EAR:
        cx, cy, cz = row[9], row[10], row[11]
    else:
        cx, cy, cz = unit(x - nose[0], y - nose[1], z - nose[2])
        cy -= fur.gravity * (0.2 + 0.8 * smoothstep(0.25, 0.8, abs(x)))
        for e in range(2):
            eye = furling.eyes[e]
            dx, dy = x - eye[0], y - eye[1]
            d = math.sqrt(dx * dx + dy * dy) + 1e-6
            k = 1.5 * (1 - smoothstep(eye[3] * 1.0, eye[3] * 1.9, d))
            cx, cy = cx + dx / d * k, cy + dy / d * k
    q0, q1, q2 = 2 * (3.1 * x + 9), 2 * 3.1 * y, 2 * 3.1 * z
    cx += fur.clumps * (value_noise(q0, q1, q2, seed + 91) - 0.5) + fur.jitter * (np.random.random() - 0.5)
    cy += fur.clumps * (value_noise(q0, q1, q2, seed + 92) - 0.5) + fur.jitter * (np.random.random() - 0.5)
    cz += fur.clumps * (value_noise(q0, q1, q2, seed + 93) - 0.5) + fur.jitter * (np.random.random() - 0.5)
    d = cx * n[0] + cy * n[1] + cz * n[2]
    return unit(cx - d * n[0], cy - d * n[1], cz - d * n[2])


@njit(cache=True, fastmath=True)
def strand_length(row, at, inner, furling):
    """Length of a strand: short on the muzzle and around the eyes, long in the ruff."""
    x, y, z = at
    nose = furling.nose
    length = row[LENGTH] * (0.65 + 0.7 * np.random.random())
    if row[PART] <= MUZZLE:
        d = math.sqrt((x - nose[0]) ** 2 + (y - nose[1]) ** 2 + (z - nose[2]) ** 2)
        length *= 0.30 + 0.70 * smoothstep(0.10, 0.75, d)
        for e in range(2):
            r = furling.eyes[e, 3]
            length *= 0.40 + 0.60 * smoothstep(r, r * 2.1, from_eye(e, x, y, z, furling))
        length *= 1 + furling.fur.ruff * smoothstep(0.3, 0.65, abs(x)) * smoothstep(0.25, -0.3, y)
    return length * (1 - 0.5 * inner) if row[PART] == EAR else length


@njit(cache=True, fastmath=True)
def brightness(part, at, furling, seed):
    """How bright a strand is: by clumps, by chance, and darker around the eyes."""
    x, y, z = at
    v = furling.fur.variation
    clump = value_noise((3.1 * x + 9) * 3.2, 3.1 * y * 3.2, 3.1 * z * 3.2, seed + 95)
    bright = (1 + 0.9 * v * (clump - 0.5)) * (1 + v * (np.random.random() - 0.5))
    if part <= MUZZLE:
        for e in range(2):
            r = furling.eyes[e, 3]
            ring = 1 - smoothstep(r * 1.05, r * 1.45, from_eye(e, x, y, z, furling))
            bright *= 1 - furling.face.eye_rings * ring
    return bright


@njit(cache=True, fastmath=True)
def paint_strand(strand, furling, img, depth):
    """Paint one strand as a row of dots from root to tip, lit as hair is (Kajiya and Kay 1989)."""
    fur, lamp, view = furling.fur, furling.lamp, furling.screen
    n, comb = (strand[3], strand[4], strand[5]), (strand[6], strand[7], strand[8])
    side = (n[1] * comb[2] - n[2] * comb[1], n[2] * comb[0] - n[0] * comb[2], n[0] * comb[1] - n[1] * comb[0])
    facing = 0.5 + 0.5 * dot(n, lamp.direction)
    facing = facing * facing
    across = smoothstep(-0.4, 0.6, n[0] * lamp.direction[0] + n[1] * lamp.direction[1])
    rim = (1 - max(0.0, n[2])) ** 3 * fur.rim * (0.35 + 0.65 * across)
    steps = max(3, int(strand[LONG] * view.scale / 1.4))
    px, py, pz = strand[0], strand[1], strand[2]
    for s in range(steps):
        t = (s + 0.5) / steps
        out, along = (1 - fur.lean) * (1 - t) + 0.08, fur.lean + 0.9 * t
        curl = fur.curl * math.sin(t * 7.0 + strand[PHASE] * 6.28)
        v = unit(
            out * n[0] + along * comb[0] + curl * side[0],
            out * n[1] + along * comb[1] + curl * side[1] - 0.35 * t * fur.gravity,
            out * n[2] + along * comb[2] + curl * side[2],
        )
        step = strand[LONG] / steps
        px, py, pz = px + v[0] * step, py + v[1] * step, pz + v[2] * step
        sine = math.sqrt(max(0.0, 1 - dot(v, lamp.direction) ** 2))
        gloss = math.sqrt(max(0.0, 1 - dot(v, lamp.half) ** 2)) ** 18 * fur.gloss * (0.2 + facing)
        lit, hidden = facing * (0.45 + 0.65 * sine), (0.50 + 0.55 * t) * strand[SHADE]
        extra = gloss * 0.30 + rim * 0.5 * t
        colour = (
            hair_channel(0, strand, lamp, lit, hidden, extra),
            hair_channel(1, strand, lamp, lit, hidden, extra),
            hair_channel(2, strand, lamp, lit, hidden, extra),
        )
        width = fur.width * (1 - 0.8 * t * t)
        dab(
            img,
            depth,
            px * view.scale + view.left,
            -py * view.scale + view.top,
            pz,
            width,
            colour,
            0.85 * (1 - 0.3 * t),
            0.02,
        )


@njit(cache=True, inline="always", fastmath=True)
def hair_channel(k, strand, lamp, lit, hidden, extra):
    """One channel of a hair: its own colour in light and shadow, and the light's colour where it shines."""
    own, light = strand[RGB + k], lamp.colour[k]
    return own * (lamp.ambient[k] + light * lit) * hidden + extra * light * (0.3 + 0.7 * own)


@njit(cache=True, fastmath=True)
def dab(img, depth, x, y, z, width, colour, alpha, bias):
    """Blend a soft dot into the picture, unless something lies more than `bias` in front of it."""
    size = img.shape[0]
    x0, x1 = math.floor(x - width - 0.5), math.ceil(x + width + 0.5)
    y0, y1 = math.floor(y - width - 0.5), math.ceil(y + width + 0.5)
    for j in range(max(0, y0), min(size - 1, y1) + 1):
        for i in range(max(0, x0), min(size - 1, x1) + 1):
            if depth[j, i] > z + bias:
                continue
            d = math.sqrt((i - x) ** 2 + (j - y) ** 2)
            cover = min(1.0, max(0.0, width + 0.5 - d)) * alpha
            if cover > 0:
                for k in range(3):
                    img[j, i, k] += (colour[k] - img[j, i, k]) * cover
