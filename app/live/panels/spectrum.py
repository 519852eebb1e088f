"""Spectrum: the average power spectrum over many seeds, of the picture or of the shown step."""

import numpy as np
from imgui_bundle import imgui

from app.live.panels.plots import Curve, curves, legend
from app.live.ui import Ui
from engine.frame import Frame
from engine.inspect import average, colours
from engine.scene import Scene

COUNTS = (16, 64, 256, 1024)
SPAN_DB = 70.0
COLOURS = {"0°": "teal", "45°": "violet", "radial": "accent"}


class SpectrumPanel:
    """Heat map with zero frequency in the middle, and slices along 0 and 45 degrees; refined seed by seed."""

    title = "Spectrum"
    workspaces = ("Inspect",)

    def __init__(self):
        self.hint = ""
        self.count = COUNTS[1]
        self._drawn: tuple[np.ndarray, np.ndarray, float, list[Curve]] | None = None

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        job = ui.host.spectrum
        self.hint = f"{job.step or 'picture'} · {job.seen} of {job.count} seeds" if job else "average over seeds"
        label = ui.segments(
            (str(n), f"Averages {n} seeds, from the scene's own on.", True, n == self.count) for n in COUNTS
        )
        self.count = int(label) if label else self.count
        running = job is not None and job.running
        of = scene.view.step or "the picture"
        clicked = ui.segments(
            [
                ("Measure", f"Averages the spectrum of {of}; the seed, truncation and bends are the scene's.",
                 frame is not None and frame.model is not None, False),
                ("Stop", "Keeps what has been averaged.", running, False),
            ]
        )  # fmt: skip
        if clicked == "Measure":
            ui.act("spectrum.start", self.count)
        elif clicked == "Stop":
            ui.act("spectrum.stop")
        if job is None or job.power is None:
            ui.note(job.error if job and job.error else "Choose a layer, or the picture, and measure.")
            return scene
        if job.error:
            ui.error(job.error)
        self._plot(ui, frame, job)
        return scene

    def _plot(self, ui: Ui, frame: Frame | None, job: average.AverageSpectrum) -> None:
        power, rate = job.power, job.rate
        assert power is not None
        if self._drawn is None or self._drawn[0] is not power:
            decibels = 10 * np.log10(np.maximum(power, 1e-20))
            top = float(np.ceil(decibels.max() / 10) * 10)
            picture = colours.paint(decibels, "heat", top - SPAN_DB, top)
            lines = []
            for name, made in average.curves(power, rate).items():
                x, y = made()
                lines.append(Curve(name, x, 10 * np.log10(np.maximum(y, 1e-20)), COLOURS[name]))
            self._drawn = (power, picture, top, lines)
        _, picture, top, lines = self._drawn
        marks = [(rate / 2, "Nyquist", "line")]
        for layer in frame.model.filters if frame and frame.model else ():
            if layer.step == job.step:
                marks += [(layer.cutoff, "cutoff", "accent"), (layer.stopband, "stopband", "dim")]
        span = (0.0, float(max(line.x.max() for line in lines)))
        curves(ui, "Slices", lines, span, (top - SPAN_DB, top), marks, unit=("cycles", "dB"))
        for i, line in enumerate(lines):
            if i:
                imgui.same_line()
            ui.text(line.name, color=getattr(ui.theme, line.colour), small=True)
        ui.picture("Power", picture)
        legend(ui, "Power legend", "heat", f"{top - SPAN_DB:.0f} dB", f"{top:.0f} dB")
