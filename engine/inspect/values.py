"""From an activation, or a weight or styles laid out like one, to the numbers that a view shows."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.inspect import parts, sheet, spectrum
from engine.inspect.parts import Layout
from engine.inspect.pca import components
from engine.inspect.sheet import Tiles
from engine.looking import View

RESPONSE, SMALL_RESPONSE = 64, 16  # bins along each axis of a kernel's response; on a contact sheet
ORDERED = 1 << 12  # samples of each channel that its place on a contact sheet is found from
THUMBNAILS = 1 << 18  # pixels of the small contact sheet beside the view
THUMBNAIL_CELL = 48
ASPECT = 1.8  # width to height of the small sheet
SPECTRAL_PIXELS = 1 << 20  # samples that the spectrum of the shown step is taken from


@dataclass(frozen=True, eq=False)
class Values:
    """Numbers [H, W], or [H, W, 3] where three are shown as colours, before they are painted.

    `peak` is the largest finite magnitude, of decibels the largest value. The other fields are those of `Shown`.
    """

    numbers: np.ndarray
    mode: str
    channels: tuple[int, ...]  # those shown; empty means all
    count: int
    peak: float
    signed: bool = True
    unit: str = ""
    tiles: Tiles | None = None
    rate: float = 1.0
    is_spectrum: bool = False
    layout: Layout | None = None


def values_of(
    x: Tensor, view: View, rate: float, layout: Layout | None = None, order: tuple[int, ...] | None = None
) -> Values:
    """What `view` wants of [C, H, W]; `rate` is samples per picture width, `order` that of a contact sheet."""
    C = x.shape[0]
    if view.mode == "sheet":
        order = order_of(x, view) if order is None else order
        return sheet_values(x, view, rate, order, layout)
    if view.fft:
        return _spectrum(x, view, rate, layout)
    first = view.channel % C
    channels: tuple[int, ...] = ()
    if view.mode == "channel":
        values, channels = x[first].float(), (first,)
    elif view.mode == "rgb":
        channels = tuple((first + i) % C for i in range(3)) if C > 1 else (0, 0, 0)
        values = x[list(channels)].float().permute(1, 2, 0)  # [H, W, 3]
    elif view.mode == "pca":
        values = components(x)
    elif view.mode == "norm":
        values = _root_mean_square(x)
    else:
        values = x.float().mean(dim=0)
    signed = view.mode != "norm"
    return Values(
        values.cpu().numpy(), view.mode, channels, C, _peak(values.abs()), signed, rate=rate, layout=layout
    )


def order_of(x: Tensor, view: View) -> tuple[int, ...]:
    """Channels of [C, H, W] in the order of a contact sheet, found from a thinned activation where it is large."""
    thin = max(1, math.isqrt(x.shape[1] * x.shape[2] // ORDERED))
    return sheet.order(x[:, ::thin, ::thin], view.sort, view.channel)


def sheet_values(
    x: Tensor, view: View, rate: float, order: tuple[int, ...], layout: Layout | None = None,
    most_pixels: int = sheet.MOST_PIXELS, aspect: float = 1.0,
) -> Values:  # fmt: skip
    """All channels beside each other, small enough to fit `most_pixels`; or their spectra."""
    if view.fft:
        x = _spectra(x, view, layout, math.isqrt(max(1, most_pixels // len(x))))
    tiles = sheet.lay_out((len(order), x.shape[1], x.shape[2]), order, most_pixels, aspect)
    values = sheet.assemble(x, tiles, view.each and not view.fft)
    peak = _peak(values if view.fft else values.abs())
    unit = "dB" if view.fft else ""
    return Values(values.cpu().numpy(), "sheet", (), len(x), peak, True, unit, tiles, rate, layout=layout)


def thumbnail_values(x: Tensor, view: View, rate: float, layout: Layout | None, order: tuple[int, ...]) -> Values:
    """A small contact sheet. Channels of a large activation are thinned out; of one shown as spectra, the middle is
    taken, since thinning would fold frequencies over."""
    if layout is None:
        if view.fft:
            x = _middle(x, 2 * THUMBNAIL_CELL)
        thin = 1 if view.fft else max(1, max(x.shape[1:]) // THUMBNAIL_CELL)
        x = x[:, ::thin, ::thin]
    return sheet_values(x, view, rate, order, layout, THUMBNAILS, ASPECT)


def radial_of(x: Tensor, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in cycles per picture width and power of [C, H, W], averaged over rings and over as many channels as
    SPECTRAL_PIXELS allows, in units of their variance: 1 is white noise."""
    C, H, W = x.shape
    few = max(1, min(C, SPECTRAL_PIXELS // (H * W)))
    chosen = torch.nan_to_num(x[:: max(1, C // few)][:few].float(), 0.0, 0.0, 0.0)
    variance = (chosen - chosen.mean(dim=(1, 2), keepdim=True)).square().mean()
    power = spectrum.mean_power(chosen) / variance.clamp(min=1e-30)
    return spectrum.radial(power.cpu().numpy(), rate)


def _spectrum(x: Tensor, view: View, rate: float, layout: Layout | None) -> Values:
    C, first = x.shape[0], view.channel % x.shape[0]
    channels = () if view.fft_all or view.mode in ("mean", "norm", "pca") else (first,)
    if channels and view.mode == "rgb":
        channels = tuple((first + i) % C for i in range(min(3, C)))
    chosen = x[list(channels)] if channels else x
    if view.mode == "mean" and not view.fft_all:
        chosen = x.float().mean(dim=0, keepdim=True)
    bins = x.shape[2] / rate  # bins per cycle and picture width
    if layout is not None and layout.part == parts.WEIGHT:
        power, bins = parts.mean_response(chosen, layout, RESPONSE), float(RESPONSE)
    else:
        power = spectrum.mean_power(chosen, view.fft_beta)
    values = spectrum.decibels(power)
    return Values(
        values.cpu().numpy(), view.mode, channels, C, _peak(values), False, "dB", None, bins, True, layout
    )


def _spectra(x: Tensor, view: View, layout: Layout | None, most: int) -> Tensor:
    """Decibels [C, H, W] of every channel, averaged down to about `most` bins as soon as they are there."""
    if layout is not None and layout.part == parts.WEIGHT:
        return spectrum.decibels(parts.response(x, layout, SMALL_RESPONSE))
    shrink = max(1, math.ceil(max(x.shape[1:]) / max(1, most)))
    if shrink == 1:
        return spectrum.decibels(spectrum.power(x, view.fft_beta))
    found = []
    for plane in x:
        power = spectrum.decibels(spectrum.mean_power(plane[None], view.fft_beta))[None]
        fits = shrink <= min(power.shape[1:])
        found.append(F.avg_pool2d(power, shrink)[0] if fits else power[0])
    return torch.stack(found)


def _middle(x: Tensor, size: int) -> Tensor:
    """At most `size` samples along each axis, from the middle."""
    _, H, W = x.shape
    top, left = max(0, (H - size) // 2), max(0, (W - size) // 2)
    return x[:, top : top + size, left : left + size]


def _root_mean_square(x: Tensor) -> Tensor:
    """Over the channels of [C, H, W], plane by plane, which is how memory likes it."""
    peak = max(abs(float(v)) for v in torch.aminmax(x))
    scale = peak if math.isfinite(peak) and not 1e-15 < peak < 1e15 and peak > 0 else 1.0
    total = x.new_zeros(x.shape[1:], dtype=torch.float32)
    for plane in x:
        plane = plane.float() / scale
        total.addcmul_(plane, plane)
    return (total / len(x)).sqrt_() * scale


def _peak(values: Tensor) -> float:
    """The largest finite value, 0 if there is none."""
    peak = float(values.max())
    if math.isfinite(peak):
        return peak
    values = values[torch.isfinite(values)]
    return float(values.max()) if values.numel() else 0.0
