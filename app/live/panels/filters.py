"""Filters: StyleGAN3's low-pass filters, layer by layer; of other generations, what each resolution and noise add."""

import numpy as np
from imgui_bundle import imgui

from app.live.panels.plots import Curve, bars, curves
from app.live.ui import Ui
from engine.frame import Frame, ModelFacts
from engine.inspect.filters import LayerFilters, contributions, response
from engine.scene import Scene

POINTS = 256
FLOOR_DB = -80.0


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
            self._filters(ui, scene, facts)
        else:
            self._shares(ui, frame, facts)
        return scene

    def _filters(self, ui: Ui, scene: Scene, facts: ModelFacts) -> None:
        layer = next((f for f in facts.filters if f.step == scene.view.step), None)
        if layer is None:
            ui.note("Choose a layer to see the filters around its nonlinearity. Cutoff and stopband of all layers:")
            _ladder(ui, facts)
            return
        self.hint = layer.step
        ui.facts(facts_of(layer))
        if not layer.up and not layer.down:
            ui.note("This layer keeps its sampling rate and is linear: it has no filter.")
            return
        if self._drawn is None or self._drawn[0] is not layer:
            f = np.linspace(0, layer.inner_rate / 2, POINTS)
            made = (("up", layer.up, "teal"), ("down", layer.down, "violet"))
            found = [Curve(name, f, response(taps, layer.inner_rate, f), colour) for name, taps, colour in made if taps]
            self._drawn = (layer, found)
        lines = self._drawn[1]
        marks = [(layer.cutoff, "cutoff", "accent"), (layer.stopband, "stopband", "dim")]
        marks += [(layer.out_rate / 2, "Nyquist of the output", "line")]
        span = (0.0, layer.inner_rate / 2)
        curves(ui, "Responses", lines, span, (FLOOR_DB, 6.0), marks, unit=("cycles", "dB"))
        for i, (words, colour) in enumerate([(line.name, line.colour) for line in lines] + [("cutoff", "accent")]):
            if i:
                imgui.same_line()
            ui.text(words, color=getattr(ui.theme, colour), small=True)

    def _shares(self, ui: Ui, frame: Frame, facts: ModelFacts) -> None:
        parts = contributions(frame.statistics, facts.steps)
        if len(parts) > 1:
            ui.text("Share of each RGB output in the picture", dim=True, small=True)
            most = max(part for _, part in parts)
            bars(ui, [(name, part, f"{100 * part:.1f}%") for name, part in parts], most)
        if any(facts.noise_strengths):
            ui.text("Learned noise strength", dim=True, small=True)
            most = max(abs(s) for s in facts.noise_strengths)
            rows = zip(facts.noise_layers, facts.noise_strengths)
            bars(ui, [(name, s, f"{s:.3g}") for name, s in rows], most, "violet")
        elif facts.noise_strengths:
            ui.note("Every layer's learned noise strength is zero: noise changes nothing here.")
        if len(parts) < 2 and not facts.noise_strengths:
            ui.note("This network has one RGB output and no noise; its layers have no filters to compare.")


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
    for i, (name, _, colour) in enumerate(rows):
        if i:
            imgui.same_line()
        ui.text(name, color=getattr(ui.theme, colour), small=True)
