"""What a furling is made of: the plain numbers between the sampler and the renderer."""

from typing import NamedTuple

import numpy as np

SIZE = 256  # pixels of the raster that all sizes are averaged from
UNIT = 100.0  # pixels of one unit of length at scale 1

# Columns of an ellipsoid: centre 3, radii 3, axes as rows 9, then these.
RADII, AXES, PART, ALONG, DENSITY, LENGTH = 3, 6, 15, 16, 17, 18
HEAD, MUZZLE, EAR, CHEST, NOSE = 0, 1, 3, 4, 9  # parts
TABBY, SPOTS, PATCHES = 0, 1, 2  # markings
BASE, LIGHT, DARK, SKIN = 0, 1, 2, 3  # rows of the coat's colours
IRIS_RIM, IRIS, SCLERA, NOSE_SKIN = 0, 1, 2, 3  # rows of the face's colours


class Coat(NamedTuple):
    """Where the coat is light and dark; amounts in 0..1."""

    strength: float
    kind: int
    frequency: float
    light: float
    blaze: float
    eye_patch: float
    cap: float
    ear_tip: float
    mottling: float
    eye_x: float
    eye_y: float
    muzzle_y: float
    wobble: float


class Face(NamedTuple):
    """Eyes, mouth and whiskers, in units of length or of the eye's radius."""

    iris: float
    pupil_width: float
    pupil_height: float
    lid: float
    eye_rings: float
    mouth_drop: float
    mouth_width: float
    mouth_curl: float
    whiskers: int
    whisker_light: float


class Fur(NamedTuple):
    """How strands stand and shine."""

    count: int
    width: float
    jitter: float
    curl: float
    lean: float
    clumps: float
    gravity: float
    variation: float
    ruff: float
    rim: float
    gloss: float


class Lamp(NamedTuple):
    """Direction to the light, colour of the light and of the shadow."""

    direction: tuple[float, float, float]
    half: tuple[float, float, float]  # between the light and the eye
    ambient: np.ndarray
    colour: np.ndarray


class Screen(NamedTuple):
    """From units to pixels: x scale + left, top - y scale."""

    scale: float
    left: float
    top: float


class Creature(NamedTuple):
    """Everything that one picture is rendered from. Ellipsoids are in the frame of the head, the chest in its own."""

    ellipsoids: np.ndarray  # [P, 19]
    nose: np.ndarray  # [19]
    eyes: np.ndarray  # [2, 7]: centre, radius, direction of gaze in the world
    head: np.ndarray  # [3, 3] rotation
    body: np.ndarray  # [3, 3]
    coat: Coat
    colours: np.ndarray  # [4, 3]
    face: Face
    face_colours: np.ndarray  # [4, 3]
    fur: Fur
    lamp: Lamp
    screen: Screen
    background: np.ndarray  # [SIZE, SIZE, 3]
