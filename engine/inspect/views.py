"""From an activation and what a scene says of its view to something a screen can show."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.inspect import sheet, spectrum
from engine.inspect.colours import paint, paint_rgb
from engine.inspect.pca import components
from engine.inspect.sheet import Tiles
from engine.inspect.statistics import Statistics
from engine.looking import View

THUMBNAILS = 1 << 18  # pixels of the small contact sheet beside the view
THUMBNAIL_CELL = 48
ASPECT = 1.8  # width to height of the small sheet
GAP = (15, 16, 18, 255)


@dataclass(frozen=True, eq=False)
class Shown:
    """One step as the viewport shows it.

    `values` are the numbers behind `rgba` [H, W, 4]: [H, W], or [H, W, 3] where three are shown as colours, in `unit`.
    `low..high` is the span of the colours. `tiles` tells where channels are on a contact sheet. `rate` is samples per
    picture width, of a spectrum its bins per cycle and picture width.
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


@dataclass(frozen=True, eq=False)
class Looked:
    """All about the step that is shown: its view, a small contact sheet, its statistics and its histogram, whose bins
    divide the span from the smallest to the largest value."""

    shown: Shown
    thumbnails: Shown
    statistics: Statistics
    counts: np.ndarray


def show(x: Tensor, view: View, step: str, rate: float) -> Shown:
    """An activation [C, H, W] as `view` wants it; `rate` is samples per picture width."""
    C = x.shape[0]
    if view.fft and view.mode != "sheet":
        return _spectrum(x, view, step, rate)
    if view.mode == "sheet":
        return contact_sheet(x, view, step, rate)
    first = view.channel % C
    if view.mode == "channel":
        values, channels = x[first].float(), (first,)
    elif view.mode == "rgb":
        channels = tuple((first + i) % C for i in range(3)) if C > 1 else (0, 0, 0)
        values = x[list(channels)].float().permute(1, 2, 0)  # [H, W, 3]
    elif view.mode == "pca":
        values, channels = components(x), ()
    elif view.mode == "norm":
        values, channels = _root_mean_square(x), ()
    else:
        values, channels = x.float().mean(dim=0), ()
    signed = view.mode != "norm"
    high = _high(values, view)
    return _painted(values, step, view.mode, channels, C, -high if signed else 0.0, high, view, rate=rate)


def contact_sheet(
    x: Tensor, view: View, step: str, rate: float, most_pixels: int = sheet.MOST_PIXELS, aspect: float = 1.0
) -> Shown:
    """All channels, small enough to fit `most_pixels`; every channel to its own magnitude where `view.each`."""
    if view.fft:
        x = spectrum.decibels(spectrum.power(x, view.fft_beta))
    C, H, W = x.shape
    tiles = sheet.lay_out((C, H, W), sheet.order(x, view.sort, view.channel), most_pixels, aspect)
    values = sheet.assemble(x, tiles, view.each and not view.fft)
    if view.fft:
        high = _finite_max(values) - view.scale_db
        shown = _painted(values, step, "sheet", (), C, high - view.fft_range, high, view, "dB", tiles, rate)
    else:
        high = _high(values, view)
        shown = _painted(values, step, "sheet", (), C, -high, high, view, "", tiles, rate)
    shown.rgba[sheet.gaps(tiles).numpy()] = GAP
    return shown


def thumbnails(x: Tensor, view: View, step: str, rate: float) -> Shown:
    """A small contact sheet, whatever the size of the activation: channels are thinned out before they are averaged."""
    thin = max(1, max(x.shape[1:]) // THUMBNAIL_CELL)
    return contact_sheet(x[:, ::thin, ::thin], view, step, rate, THUMBNAILS, ASPECT)


def _spectrum(x: Tensor, view: View, step: str, rate: float) -> Shown:
    C, first = x.shape[0], view.channel % x.shape[0]
    channels = () if view.fft_all or view.mode in ("mean", "norm", "pca") else (first,)
    if channels and view.mode == "rgb":
        channels = tuple((first + i) % C for i in range(min(3, C)))
    chosen = x[list(channels)] if channels else x
    if view.mode == "mean" and not view.fft_all:
        chosen = x.float().mean(dim=0, keepdim=True)
    values = spectrum.decibels(spectrum.power(chosen, view.fft_beta).mean(dim=0))
    high = _finite_max(values) - view.scale_db
    bins = x.shape[2] / rate  # bins per cycle and picture width
    return _painted(values, step, view.mode, channels, C, high - view.fft_range, high, view, "dB", None, bins, True)


def _painted(
    values: Tensor, step: str, mode: str, channels: tuple[int, ...], count: int, low: float, high: float, view: View,
    unit: str = "", tiles: Tiles | None = None, rate: float = 1.0, is_spectrum: bool = False,
) -> Shown:  # fmt: skip
    colours = view.colours
    if colours == "auto":
        colours = "signed" if low == -high else "heat"
    numbers = values.cpu().numpy()
    if numbers.ndim == 3:
        rgba, colours = paint_rgb(numbers, low, high), "rgb"
    else:
        rgba = paint(numbers, colours, low, high)
    return Shown(
        step, mode, channels, count, numbers, rgba, low, high, colours, unit, tiles, rate, is_spectrum
    )


def _root_mean_square(x: Tensor) -> Tensor:
    """Over the channels of [C, H, W], plane by plane, which is how memory likes it."""
    peak = max(abs(float(v)) for v in torch.aminmax(x))
    scale = peak if math.isfinite(peak) and not 1e-15 < peak < 1e15 and peak > 0 else 1.0
    total = x.new_zeros(x.shape[1:], dtype=torch.float32)
    for plane in x:
        plane = plane.float() / scale
        total.addcmul_(plane, plane)
    return (total / len(x)).sqrt_() * scale


def _high(values: Tensor, view: View) -> float:
    """The magnitude at the end of the colours."""
    peak = _finite_max(values.abs()) if view.normalise else 1.0
    return (peak or 1.0) / 10 ** (view.scale_db / 20)


def _finite_max(values: Tensor) -> float:
    """The largest finite value, 0 if there is none."""
    peak = float(values.max())
    if math.isfinite(peak):
        return peak
    values = values[torch.isfinite(values)]
    return float(values.max()) if values.numel() else 0.0
