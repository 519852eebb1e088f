"""Colours by hue, random numbers by name, and rotations: what the two samplers share."""

import math

import numpy as np


class Dice:
    """Random numbers of one picture, from its seed."""

    def __init__(self, seed: int, stream: int):
        self.rng = np.random.default_rng([seed, stream])

    def normal(self, deviation: float) -> float:
        """N(0, deviation)."""
        return float(self.rng.normal()) * deviation

    def uniform(self, low: float, high: float) -> float:
        """U(low, high)."""
        return float(self.rng.uniform(low, high))

    def chance(self, p: float) -> bool:
        """True with probability `p`."""
        return bool(self.rng.random() < p)

    def pick(self, weights: list[float]) -> int:
        """An index, with the given probabilities."""
        return int(self.rng.choice(len(weights), p=weights))

    def clipped(self, low: float, high: float) -> float:
        """U(low, high), cut to 0..1: how much of something that many do not have."""
        return min(max(self.uniform(low, high), 0.0), 1.0)


def hsv(h: float, s: float, v: float) -> np.ndarray:
    """rgb [3] in 0..1 of hue (turns), saturation and value."""
    h = (h % 1.0) * 6
    i, f = int(h), h - int(h)
    p, q, t = v * (1 - s), v * (1 - s * f), v * (1 - s * (1 - f))
    return np.array([(v, t, p), (q, v, p), (p, v, t), (p, q, v), (t, p, v), (v, p, q)][i % 6])


def yaw_rotation(angle: float) -> np.ndarray:
    """Rotation [3, 3] about the vertical axis, radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def pitch_rotation(angle: float) -> np.ndarray:
    """Rotation [3, 3] about the horizontal axis, radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def roll_rotation(angle: float) -> np.ndarray:
    """Rotation [3, 3] in the picture's plane, radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
