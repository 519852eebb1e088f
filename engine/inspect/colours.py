"""Colour maps made in OKLab (Ottosson 2020), where equal steps look equal: grey, heat, and signed about zero."""

from functools import cache

import numpy as np

NOT_A_NUMBER = (255, 0, 255, 255)  # NaN and infinities: a colour that no map has
SIZE = 511  # odd, so that the signed map has a middle

# lightness, chroma, hue in degrees at equal distances along the map; lightness is linear in between
_HEAT = ((0.12, 0.03, 300), (0.34, 0.13, 320), (0.56, 0.17, 20), (0.78, 0.15, 65), (0.98, 0.06, 105))
_COLD = ((0.88, 0.07, 200), (0.64, 0.10, 215), (0.40, 0.09, 235), (0.16, 0.01, 240))  # to the dark middle
_WARM = ((0.16, 0.01, 60), (0.40, 0.10, 45), (0.64, 0.14, 60), (0.88, 0.10, 80))


@cache
def table(name: str) -> np.ndarray:
    """The map `name` (grey, heat, signed) as bytes [SIZE, 4] RGBA, from its low end to its high end."""
    if name == "signed":
        half = SIZE // 2 + 1
        lab = np.concatenate([_path(_COLD, half), _path(_WARM, half)[1:]])
    elif name == "heat":
        lab = _path(_HEAT, SIZE)
    else:
        lab = _path(((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)), SIZE)
    rgb = np.clip(_srgb(_linear_rgb(lab)), 0, 1)
    rgba = np.full((SIZE, 4), 255, np.uint8)
    rgba[:, :3] = np.rint(rgb * 255)
    rgba.setflags(write=False)
    return rgba


def paint(values: np.ndarray, name: str, low: float, high: float) -> np.ndarray:
    """Bytes [H, W, 4] of values [H, W], `low..high` over the whole map; what is not finite gets a colour of its own."""
    with np.errstate(invalid="ignore", over="ignore"):
        at = (values - low) * ((SIZE - 1) / max(high - low, 1e-30))
        good = np.isfinite(values)
        whole = bool(good.all())
        at = at if whole else np.where(good, at, 0.0)
        at = at.clip(0, SIZE - 1) + 0.5  # rounded by what follows
    packed = table(name).view(np.uint32)[:, 0].take(at.astype(np.uint16), mode="clip")
    rgba = packed.view(np.uint8).reshape(*values.shape, 4)
    if not whole:
        rgba[~good] = NOT_A_NUMBER
    return rgba


def paint_rgb(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Bytes [H, W, 4] of three values [H, W, 3] each, `low..high` from black to full."""
    good = np.isfinite(values).all(axis=2)
    with np.errstate(invalid="ignore", over="ignore"):
        at = (values - low) * (255 / max(high - low, 1e-30))
    rgba = np.full((*values.shape[:2], 4), 255, np.uint8)
    rgba[..., :3] = np.rint(np.nan_to_num(at, nan=0.0, posinf=255.0, neginf=0.0).clip(0, 255))
    rgba[~good] = NOT_A_NUMBER
    return rgba


def _path(points: tuple[tuple[float, float, float], ...], size: int) -> np.ndarray:
    """OKLab [size, 3] along points of lightness, chroma and hue, hues the short way round."""
    L, C, h = np.array(points).T
    at, knots = np.linspace(0, len(points) - 1, size), np.arange(len(points))
    h = np.radians(np.rad2deg(np.unwrap(np.radians(h))))
    L, C, h = np.interp(at, knots, L), np.interp(at, knots, C), np.interp(at, knots, h)
    return np.stack([L, C * np.cos(h), C * np.sin(h)], axis=1)


def _linear_rgb(lab: np.ndarray) -> np.ndarray:
    """OKLab [n, 3] to linear sRGB; the two matrices are those of the definition."""
    to_lms = np.array(
        [
            [1, 0.3963377774, 0.2158037573],
            [1, -0.1055613458, -0.0638541728],
            [1, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    return (lab @ to_lms.T) ** 3 @ to_rgb.T


def _srgb(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, None)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
