"""Filters: StyleGAN3's low-pass filters, layer by layer; of other generations, what each resolution and noise add."""

import numpy as np

from app.live.panels.plots import Curve, bars, curves, keys
from app.live.ui import Ui
from engine.frame import Frame, ModelFacts
from engine.inspect.filters import LayerFilters, contributions, response
from engine.inspect.spectrum import radial
from engine.networks.common import Noise
from engine.scene import Scene

POINTS = 256
FLOOR_DB, TOP_DB = -80.0, 20.0


class FiltersPanel:
    """Of StyleGAN3 the shown layer's filters; of the others the share of each RGB output, and noise strengths."""

    title = "Filters"
    workspaces = ("Inspect",)

    def __init__(self):
        self.hint = ""
        self._drawn: tuple[LayerFilters, list[Curve]] | None = None

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        facts = frame.model if frame else None
        self.hint = ""
        if frame is None or facts is None:
            ui.note("Open a network to see its filters.")
        elif facts.filters:
            self._filters(ui, scene, frame, facts)
        else:
            self._shares(ui, scene, frame, facts)
        return scene

    def _filters(self, ui: Ui, scene: Scene, frame: Frame, facts: ModelFacts) -> None:
        layer = next((f for f in facts.filters if f.step == scene.view.step), None)
        if layer is None:
            ui.note("Choose a layer to see the filters around its nonlinearity. Cutoff and stopband of all layers:")
            _ladder(ui, facts)
            return
        self.hint = layer.step
        ui.facts(facts_of(layer))
        if not layer.up and not layer.down:
            ui.note("This layer keeps its sampling rate and is linear: it has no filter.")
        if self._drawn is None or self._drawn[0] is not layer:
            f = np.linspace(0, layer.inner_rate / 2, POINTS)
            made = (("up", layer.up, "teal"), ("down", layer.down, "violet"))
            found = [Curve(name, f, response(taps, layer.inner_rate, f), colour) for name, taps, colour in made if taps]
            self._drawn = (layer, found)
        lines, seen = list(self._drawn[1]), measured(ui, frame, layer.step)
        lines += [seen] if seen else []
        marks = [(layer.cutoff, "cutoff", "bright"), (layer.stopband, "stopband", "dim")]
        marks += [(layer.out_rate / 2, "Nyquist of the output", "line")]
        span = (0.0, layer.inner_rate / 2)
        curves(ui, "Responses", lines, span, (FLOOR_DB, TOP_DB), marks, unit=("cycles", "dB"))
        keys(ui, [*((line.name, line.colour) for line in lines), ("cutoff", "bright"), ("stopband", "dim")])

    def _shares(self, ui: Ui, scene: Scene, frame: Frame, facts: ModelFacts) -> None:
        grows = facts.family == "stylegan1" or facts.max_lod > 0
        lod = facts.lod if scene.growing.lod is None else scene.growing.lod
        parts = contributions(frame.statistics, facts.steps, grows, lod)
        if len(parts) > 1:
            ui.text("Share of each RGB output in the picture", dim=True, small=True)
            most = max(part for _, part in parts)
            bars(ui, [(name, part, f"{100 * part:.1f}%") for name, part in parts], most)
        if grows and len(parts) > 1:
            ui.note("This network shows the RGB output of one resolution, or fades between two while it grows.")
        if any(facts.noise_strengths):
            ui.text("Learned noise strength", dim=True, small=True)
            most = max(abs(s) for s in facts.noise_strengths)
            ui.tooltip("As learned; behind the arrow, what the panel Noise makes of it.")
            noise = scene.noise
            asked = Noise(noise.mode, noise.strength, noise.layers)
            rows = zip(facts.noise_layers, facts.noise_strengths, map(asked.factor, range(len(facts.noise_layers))))
            bars(ui, [(name, s, strength_words(s, factor)) for name, s, factor in rows], most, "violet")
        elif facts.noise_strengths:
            ui.note("Every layer's learned noise strength is zero: noise changes nothing here.")
        if len(parts) < 2 and not facts.noise_strengths:
            ui.note("This network has one RGB output and no noise; its layers have no filters to compare.")


def measured(ui: Ui, frame: Frame, step: str) -> Curve | None:
    """The radial mean of the layer's spectrum in dB below its peak: over the seeds that the panel Spectrum has averaged
    of it, else of what it makes now."""
    job, looked = ui.host.spectrum, frame.looked
    if job is not None and job.label == step and job.power is not None:
        (f, power), name = radial(job.power, job.rate), f"measured over {job.seen} seeds"
    elif looked is not None and looked.radial is not None and looked.shown.step == step:
        (f, power), name = looked.radial, "measured now"
    else:
        return None
    decibels = 10 * np.log10(np.maximum(power, 1e-20))
    return Curve(name, f, decibels - decibels.max(), "accent")


def strength_words(learned: float, factor: float) -> str:
    """A learned strength, and what is left of it where the scene changes it."""
    return f"{learned:.3g}" if factor == 1 else f"{learned:.3g} → {learned * factor:.3g}"


def facts_of(layer: LayerFilters) -> list[tuple[str, str]]:
    """Rates, cutoff, stopband, margin and taps in words."""
    taps = f"{len(layer.up) or '-'} up, {len(layer.down) or '-'} down{', radial' if layer.radial else ''}"
    return [
        ("Rates", f"{layer.in_rate:g} → {layer.inner_rate:g} → {layer.out_rate:g} /width"),
        ("Cutoff", f"{layer.cutoff:.2f} cycles"),
        ("Stopband", f"{layer.stopband:.2f} cycles"),
        ("Margin", f"{layer.margin} samples"),
        ("Taps", taps),
    ]


def _ladder(ui: Ui, facts: ModelFacts) -> None:
    """Cutoff, stopband and half the sampling rate over the layers: figure 4 of the paper, on a logarithmic scale."""
    x = np.arange(len(facts.filters), dtype=float)
    rows = (
        ("cutoff", [f.cutoff for f in facts.filters], "accent"),
        ("stopband", [f.stopband for f in facts.filters], "teal"),
        ("half rate", [f.out_rate / 2 for f in facts.filters], "violet"),
    )
    lines = [Curve(f"log2 {name}", x, np.log2(np.array(values)), colour) for name, values, colour in rows]
    top = max(float(line.y.max()) for line in lines)
    curves(ui, "Ladder", lines, (0.0, float(x[-1])), (0.0, np.ceil(top)), unit=("layer", "log2 cycles"))
    keys(ui, [(name, colour) for name, _, colour in rows])
