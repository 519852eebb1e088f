"""What a view shows of a step, painted so that a screen can show it."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from engine.inspect import sheet
from engine.inspect.colours import paint, paint_rgb
from engine.inspect.parts import Layout
from engine.inspect.sheet import Tiles
from engine.inspect.statistics import Statistics
from engine.inspect.values import Values, order_of, thumbnail_values, values_of
from engine.looking import View

GAP = (15, 16, 18, 255)


@dataclass(frozen=True, eq=False)
class Shown:
    """One step as the viewport shows it.

    `values` are the numbers behind `rgba` [H, W, 4]: [H, W], or [H, W, 3] where three are shown as colours, in `unit`.
    `low..high` is the span of the colours. `tiles` tells where channels are on a contact sheet. `rate` is samples per
    picture width, of a spectrum its bins per cycle and picture width. `layout` tells where the numbers of a weight or
    of styles are, None for what the step makes.
    """

    step: str
    mode: str
    channels: tuple[int, ...]  # those shown; empty means all
    count: int  # channels that the step has
    values: np.ndarray
    rgba: np.ndarray
    low: float
    high: float
    colours: str
    unit: str = ""
    tiles: Tiles | None = None
    rate: float = 1.0
    is_spectrum: bool = False
    layout: Layout | None = None

    @property
    def part(self) -> str:
        """Which part of the step it is: output, weight or styles."""
        return "output" if self.layout is None else self.layout.part


@dataclass(frozen=True, eq=False)
class Looked:
    """All about the step that is shown: its view, a small contact sheet, its statistics and its histogram, whose bins
    divide the span from the smallest to the largest value.

    `radial` is its power spectrum averaged over rings, (cycles per picture width, power), where a network has filters
    to compare it with. `current` is whether all of it is of this very frame, rather than some of a frame just before.
    """

    shown: Shown
    thumbnails: Shown
    statistics: Statistics
    counts: np.ndarray
    radial: tuple[np.ndarray, np.ndarray] | None = None
    current: bool = True


def show(x: Tensor, view: View, step: str, rate: float, layout: Layout | None = None) -> Shown:
    """An activation [C, H, W] as `view` wants it; `rate` is samples per picture width."""
    return painted(values_of(x, view, rate, layout), view, step)


def thumbnails(x: Tensor, view: View, step: str, rate: float, layout: Layout | None = None) -> Shown:
    """A small contact sheet, whatever the size of the activation."""
    return painted(thumbnail_values(x, view, rate, layout, order_of(x, view)), view, step)


def painted(v: Values, view: View, step: str) -> Shown:
    """Numbers in the colours that `view` wants; `view.normalise` scales them by their peak, else by 1."""
    if v.unit == "dB":
        high = v.peak - view.scale_db
        low = high - view.fft_range
    else:
        high = ((v.peak if view.normalise else 1.0) or 1.0) / 10 ** (view.scale_db / 20)
        low = -high if v.signed else 0.0
    colours = view.colours
    if colours == "auto":
        colours = "signed" if low == -high else "heat"
    if v.numbers.ndim == 3:
        rgba, colours = paint_rgb(v.numbers, low, high), "rgb"
    else:
        rgba = paint(v.numbers, colours, low, high)
    if v.tiles is not None:
        rgba[sheet.gaps(v.tiles).numpy()] = GAP
    return Shown(
        step, v.mode, v.channels, v.count, v.numbers, rgba, low, high, colours, v.unit, v.tiles, v.rate,
        v.is_spectrum, v.layout,
    )  # fmt: skip
