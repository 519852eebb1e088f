"""Places on the picture while a layer is shown: what is read out there, and what the tool Probe does."""

import numpy as np

from app.live.panels import bending
from engine.frame import Frame
from engine.inspect.views import Shown
from engine.scene import Scene


def words_at(frame: Frame, x: int, y: int) -> str:
    """What is at a pixel of the frame's picture: its colour, or the value behind it where a layer is shown."""
    if frame.looked is None:
        assert frame.picture is not None
        r, g, b = (int(v) for v in frame.picture[y, x, :3])
        return f"x {x} y {y} rgb {r} {g} {b}"
    shown = frame.looked.shown
    value = shown.values[y, x]
    if shown.tiles is not None:
        channel = shown.tiles.channel_at(x, y)
        return "" if channel is None else f"channel {channel}  {value:.5g}"
    if shown.is_spectrum:
        height, width = shown.values.shape
        fx, fy = ((i - n // 2) / shown.rate for i, n in ((x, width), (y, height)))
        unit = "cycles/sample" if shown.part == "weight" else "cycles"
        return f"fx {fx:.3g} fy {fy:.3g} {unit}  {value:.2f} dB"
    if shown.layout is not None:
        return place_in(shown, x, y) + "  " + " ".join(f"{v:.5g}" for v in np.atleast_1d(value))
    if shown.values.ndim == 3:
        return f"x {x} y {y}  " + " ".join(f"{v:.4g}" for v in value)
    return f"x {x} y {y}  {value:.5g}"


def place_in(shown: Shown, x: int, y: int) -> str:
    """What a pixel of a weight or of styles is: the input channel and the tap, or the style channel."""
    assert shown.layout is not None
    number, row, column = shown.layout.at(x, y)
    if shown.part == "styles":
        kind = "style" if shown.count == 1 else ("scale", "shift")[min(sum(shown.channels[:1]), 1)]
        return f"{kind} {number}"
    return f"in {number}" + (f" tap {column} {row}" if shown.layout.cell != (1, 1) else "")


def probed_at(scene: Scene, frame: Frame, x: float, y: float, tool: str = "Probe") -> Scene:
    """The scene after the tool Probe or Paint at a place of the picture, in pixels: a channel picked from a contact
    sheet, the probe set down there, or a bend limited to there."""
    shown = frame.looked.shown if frame.looked else None
    if shown is not None and shown.tiles is not None:
        channel = shown.tiles.channel_at(int(x), int(y))
        return scene if channel is None else scene.set("view.channel", channel)
    if not has_places(shown):
        return scene
    across, down = fractions(frame, shown, x, y)
    if tool == "Paint":
        return bending.painted(scene, round(across, 4), round(down, 4))
    scene = scene.set("view.probe", True)
    return scene.set("view.probe_x", round(across, 4)).set("view.probe_y", round(down, 4))


def fractions(frame: Frame, shown: Shown | None, x: float, y: float) -> tuple[float, float]:
    """A place in pixels as shares of the picture's width and height, inside it; a layer's margin lies outside."""
    assert frame.image is not None
    height, width = frame.image.shape[:2]
    across, down = _inner(shown, height, width)
    u, v = (x - width / 2) / across + 0.5, (y - height / 2) / down + 0.5
    return min(max(u, 0.0), 1.0), min(max(v, 0.0), 1.0)


def probe_mark(scene: Scene, frame: Frame) -> tuple[float, float] | None:
    """Where the probe stands, in pixels of the frame's picture; None where it cannot be shown."""
    shown = frame.looked.shown if frame.looked else None
    if not scene.view.probe or frame.image is None:
        return None
    if not has_places(shown):
        return None
    height, width = frame.image.shape[:2]
    across, down = _inner(shown, height, width)
    return width / 2 + (scene.view.probe_x - 0.5) * across, height / 2 + (scene.view.probe_y - 0.5) * down


def has_places(shown: Shown | None) -> bool:
    """Whether the pixels on screen are places of the picture: of it, or of what a step makes."""
    return shown is None or (shown.tiles is None and not shown.is_spectrum and shown.layout is None)


def _inner(shown: Shown | None, height: int, width: int) -> tuple[float, float]:
    """Samples per picture width and height."""
    rate = shown.rate if shown is not None else float(width)
    return rate, float(height) if rate == width else rate
