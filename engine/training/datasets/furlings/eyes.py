"""The eyes of a furling: iris with fibres, pupil, lid, highlights, dark rim."""

import math

from numba import njit

from engine.training.datasets.furlings.creature import BASE, IRIS, IRIS_RIM, SCLERA
from engine.training.datasets.noise import dot, smoothstep, turned, unit, value_noise


@njit(cache=True, fastmath=True)
def draw_eyes(furling, img, depth, seed):
    """Paint both eyes where nothing is in front of them."""
    view = furling.screen
    size = depth.shape[0]
    for e in range(2):
        eye = furling.eyes[e]
        cx, cy, cz = turned(furling.head, eye[0], eye[1], eye[2])
        r = eye[3]
        up, right = frame(furling.head, eye)
        x0, x1 = int((cx - r) * view.scale + view.left), int((cx + r) * view.scale + view.left) + 2
        y0, y1 = int(-(cy + r) * view.scale + view.top), int(-(cy - r) * view.scale + view.top) + 2
        for j in range(max(0, y0), min(size, y1)):
            for i in range(max(0, x0), min(size, x1)):
                dx = ((i - view.left) / view.scale - cx) / r
                dy = (-(j - view.top) / view.scale - cy) / r
                q = 1 - dx * dx - dy * dy
                if q <= 0:
                    continue
                n = (dx, dy, math.sqrt(q))
                if cz + r * n[2] <= depth[j, i]:
                    continue
                depth[j, i] = cz + r * n[2]
                gaze = (eye[4], eye[5], eye[6])
                colour = eye_colour(dot(n, right), dot(n, up), dot(n, gaze), n, furling, seed)
                rim = 1 - 0.8 * smoothstep(0.84, 0.97, math.sqrt(dx * dx + dy * dy))
                for k in range(3):
                    img[j, i, k] = colour[k] * rim


@njit(cache=True, inline="always", fastmath=True)
def frame(head, eye):
    """Up and right of an eye, at right angles to its gaze and as the head is held."""
    g0, g1, g2 = eye[4], eye[5], eye[6]
    d = head[0, 1] * g0 + head[1, 1] * g1 + head[2, 1] * g2
    up = unit(head[0, 1] - d * g0, head[1, 1] - d * g1, head[2, 1] - d * g2)
    return up, (up[1] * g2 - up[2] * g1, up[2] * g0 - up[0] * g2, up[0] * g1 - up[1] * g0)


@njit(cache=True, fastmath=True)
def eye_colour(a, b, forward, n, furling, seed):
    """rgb at (a, b) from the middle of an eye, to the right and up; `n` is the ball's normal."""
    face, lamp = furling.face, furling.lamp
    facing = max(0.0, dot(n, lamp.direction))
    far = 2.0 if forward < 0 else math.sqrt(a * a + b * b)
    fibre = value_noise(math.atan2(b, a) * 5.0 + 20, far * 4.0, 0.0, seed + 5)
    white = smoothstep(face.iris - 0.05, face.iris + 0.03, far)
    light = (0.62 + 0.55 * smoothstep(0.35, -0.65, b)) * (
        1 - 0.55 * smoothstep(face.iris * 0.62, face.iris, far)
    )
    light *= 0.8 + 0.4 * fibre
    ring = smoothstep(0.15, 0.75, far / face.iris + 0.25 * (fibre - 0.5))
    pupil = 1 - smoothstep(0.85, 1.12, math.sqrt((a / face.pupil_width) ** 2 + (b / face.pupil_height) ** 2))
    edge = b + 0.18 * a * a  # of the lid, which is curved
    shadow = (1 - pupil * 0.97) * (0.45 + 0.55 * smoothstep(face.lid + 0.02, face.lid - 0.42, edge))
    shine = smoothstep(0.955, 0.985, max(0.0, dot(n, lamp.half))) * 0.95
    low = -n[0] * lamp.half[0] * 0.9 - n[1] * lamp.half[1] * 0.9 + n[2] * 0.80
    second = smoothstep(0.93, 0.97, low) * 0.25
    lid = smoothstep(face.lid - 0.02, face.lid + 0.06, edge)
    line = smoothstep(face.lid + 0.16, face.lid + 0.06, edge)
    tones = furling.face_colours
    r = iris_channel(0, tones, ring, light, white, facing)
    g = iris_channel(1, tones, ring, light, white, facing)
    v = iris_channel(2, tones, ring, light, white, facing)
    skin = furling.colours[BASE]
    return (
        lidded(r * shadow, shine, second, lid, line, skin[0], facing),
        lidded(g * shadow, shine, second, lid, line, skin[1], facing),
        lidded(v * shadow, shine, second, lid, line, skin[2], facing),
    )


@njit(cache=True, inline="always", fastmath=True)
def iris_channel(k, tones, ring, light, white, facing):
    """One channel of iris and sclera."""
    iris = (tones[IRIS, k] * (1 - ring) + tones[IRIS_RIM, k] * ring) * light
    return tones[SCLERA, k] * (0.35 + 0.75 * facing) * white + iris * (1 - white)


@njit(cache=True, inline="always", fastmath=True)
def lidded(v, shine, second, lid, line, skin, facing):
    """One channel after the two highlights, under the lid with its dark line."""
    v = v + (1.0 - v) * shine
    v = v + (0.9 - v) * second
    cover = (skin * 0.55 * (1 - line) + 0.03 * line) * (0.5 + 0.6 * facing)
    return v * (1 - lid) + cover * lid
