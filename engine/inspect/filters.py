"""Filters of StyleGAN3 as curves, and what each resolution of the other generations adds to the picture."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from engine.inspect.statistics import Statistics
from engine.networks.common import Generator
from engine.networks.stylegan3 import Config, StyleGAN3, plan


@dataclass(frozen=True)
class LayerFilters:
    """What StyleGAN3 designed for one layer. Rates in samples, cutoff and stopband in cycles, per picture width.

    `up` and `down` are taps of the filters around the nonlinearity, which run at `inner_rate`; empty where there is
    none. Of a radial filter they are its projection on an axis: its response along one frequency axis.
    """

    step: str
    in_rate: float
    out_rate: float
    inner_rate: float
    cutoff: float
    stopband: float
    margin: int
    up: tuple[float, ...]
    down: tuple[float, ...]
    radial: bool


def layer_filters(G: Generator) -> tuple[LayerFilters, ...]:
    """The filters of each layer; none for networks of other generations."""
    if not isinstance(G, StyleGAN3):
        return ()
    assert isinstance(G.config, Config)
    buffers = dict(G.synthesis.named_buffers())
    return tuple(
        LayerFilters(
            layer.name, layer.in_rate, layer.out_rate, layer.in_rate * layer.up, layer.out_cutoff,
            layer.out_cutoff + layer.out_half_width, round((layer.out_size - layer.out_rate) / 2),
            _taps(buffers.get(f"{layer.name}.up_filter")), _taps(buffers.get(f"{layer.name}.down_filter")),
            layer.radial,
        )
        for layer in plan(G.config)
    )  # fmt: skip


def noise_strengths(G: Generator) -> tuple[float, ...]:
    """Learned strength of each noise layer in order, the mean magnitude where a layer learned one for each channel."""
    noisy = sorted((s.noise, s.name) for s in G.synthesis.steps if s.noise is not None)
    weights = dict(G.synthesis.named_parameters())
    found = [weights.get(f"{name}.noise_strength") for _, name in noisy]
    if any(w is None for w in found):
        return ()
    return tuple(float(w.abs().mean()) if w.ndim else float(w) for w in found if w is not None)


def response(taps: tuple[float, ...], rate: float, frequencies: np.ndarray) -> np.ndarray:
    """Gain in dB at each frequency of a filter at `rate`; 0 dB everywhere where there are no taps."""
    if not taps:
        return np.zeros(len(frequencies))
    t = np.arange(len(taps)) / rate
    gain = np.abs(np.exp(-2j * np.pi * np.outer(frequencies, t)) @ np.asarray(taps))
    return 20 * np.log10(np.maximum(gain, 1e-10))


def contributions(
    statistics: Mapping[str, Statistics], steps: tuple[str, ...], grows: bool = False, lod: float = 0.0
) -> tuple[tuple[str, float], ...]:
    """What each toRGB adds to the picture: standard deviation of its output, as a share of their sum.

    StyleGAN2, section 4.2 and figure 8; measured at each one's own resolution. A network that `grows` (StyleGAN) does
    not sum them: at level of detail `lod` it shows one, or fades between two.
    """
    rgb = [s for s in steps if s.rpartition(".")[2] in ("torgb", "to_rgb")]
    last = len(rgb) - 1
    fades = [0.0 if i == 0 else min(max(lod - (last - i), 0.0), 1.0) for i in range(len(rgb))]  # to the coarser one
    weights = [(1 - fades[i]) * math.prod(fades[i + 1 :]) if grows else 1.0 for i in range(len(rgb))]
    parts = {s: weight * statistics[s].std for s, weight in zip(rgb, weights) if s in statistics}
    total = sum(parts.values())
    return tuple((s, part / total if total else 0.0) for s, part in parts.items())


def _taps(f: Tensor | None) -> tuple[float, ...]:
    if f is None:
        return ()
    return tuple((f.double().sum(dim=0) if f.ndim == 2 else f).tolist())
