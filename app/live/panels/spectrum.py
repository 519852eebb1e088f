"""Spectrum: the average power spectrum over many seeds, of the picture or of the shown step, beside a data set's."""

from collections.abc import Callable
from typing import Any

import numpy as np

from app.live.panels.plots import Curve, curves, keys, legend
from app.live.ui import Ui
from engine.frame import Frame
from engine.inspect import average, colours
from engine.inspect.average import Average
from engine.scene import Scene

COUNTS = (16, 64, 256, 1024)
SPAN_DB, APART_DB = 70.0, 12.0  # shown below the peak; shown of a difference, either way
HEADROOM_DB = 6.0
HIGHEST = 24.0  # ems, of the heat map
COLOURS = {"0°": "teal", "45°": "violet", "radial": "accent"}
MAPS = ("Network", "Data", "Difference")


class SpectrumPanel:
    """Slices along 0 and 45 degrees and a heat map with zero frequency in the middle; refined seed by seed."""

    title = "Spectrum"
    workspaces = ("Inspect",)

    def __init__(self):
        self.hint = ""
        self.count = COUNTS[1]
        self.map = MAPS[0]
        self._drawn: dict[str, tuple[tuple, Any]] = {}  # what is drawn, by name, with what it was made from

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        job, data = ui.host.spectrum, getattr(ui.host.spectra, "data", None)
        self.hint = f"{job.label} · {job.seen} of {job.count} seeds" if job else "average over seeds"
        label = ui.segments(
            (str(n), f"Averages {n} seeds, from the scene's own on.", True, n == self.count) for n in COUNTS
        )
        self.count = int(label) if label else self.count
        self._against(ui)
        self._commands(ui, scene, frame, job)
        for one in (job, data):
            if one is not None and one.error:
                ui.error(one.error)
        if job is None or job.power is None:
            ui.note("Choose a layer, or the picture, and measure.")
            return scene
        self._plot(ui, frame, job, data if data is not None and data.power is not None else None)
        return scene

    def _commands(self, ui: Ui, scene: Scene, frame: Frame | None, job: Average | None) -> None:
        of = scene.view.step or "the picture"
        running = bool(ui.host.spectra.running if ui.host.spectra else job is not None and job.running)
        clicked = ui.segments(
            [
                ("Measure", f"Averages the spectrum of {of}; the seed, truncation and bends are the scene's.",
                 frame is not None and frame.model is not None, False),
                ("Stop", "Keeps what has been averaged.", running, False),
                ("Save…", "The slices as .csv, or the whole average as .npy.",
                 job is not None and job.power is not None, False),
            ]
        )  # fmt: skip
        if clicked == "Measure":
            ui.act("spectrum.start", self.count)
        elif clicked:
            ui.act("spectrum.stop" if clicked == "Stop" else "spectrum.save")

    def _against(self, ui: Ui) -> None:
        """The data set that the network is compared with."""
        spectra = ui.host.spectra
        if spectra is None:
            return
        against, card = spectra.against, spectra.card
        said = f"The data that this network's card names: {card.label}." if card else "This network has no card."
        chosen = spectra.chosen
        file, folder = (chosen is not None and chosen.path is not None and chosen.path.is_dir() is yes
                        for yes in (False, True))  # fmt: skip
        clicked = ui.segments(
            [
                ("Alone", "Compares with nothing.", True, against == "none"),
                ("Card's data", said, card is not None, against == "card"),
                ("Zip…", "Compares with a zip of pictures.", True, against == "file" and file),
                ("Folder…", "Compares with a folder of pictures.", True, against == "file" and folder),
            ]
        )
        if clicked in ("Alone", "Card's data"):
            ui.act("spectrum.against", "none" if clicked == "Alone" else "card")
        elif clicked:
            ui.act("spectrum.zip" if clicked == "Zip…" else "spectrum.folder")

    def _plot(self, ui: Ui, frame: Frame | None, job: Average, data: Average | None) -> None:
        power, rate = job.power, job.rate
        assert power is not None
        lines = self._once("job", (power,), lambda: slices(job, False))
        beside = self._once("data", (data.power,), lambda: slices(data, True)) if data is not None else []
        peak = max(float(line.y[np.isfinite(line.y)].max(initial=-200)) for line in [*lines, *beside])
        top = float(np.ceil((peak + HEADROOM_DB) / 10) * 10)
        span = (0.0, float(max(line.x.max() for line in lines)))
        marks = _marks(frame, job, rate)
        curves(ui, "Slices", [*beside, *lines], span, (top - SPAN_DB, top), marks, unit=("cycles", "dB"))
        words = [(line.name, line.colour) for line in lines] + [(words, colour) for _, words, colour in marks[1:]]
        keys(ui, [*words, *([(f"pale: {data.label}, {data.seen} pictures", "dim")] if data is not None else [])])
        if data is not None and data.power is not None:
            apart = self._once("apart", (power, data.power), lambda: [difference(lines[-1], beside[-1])])
            limits = (-APART_DB, APART_DB)
            curves(ui, "Difference of radial means", apart, span, limits, marks, 5.0, ("cycles", "dB"), zero=True)
            keys(ui, [("radial mean minus the data's: above the middle the network has more", "dim")])
        self._heat(ui, job, data, top)

    def _heat(self, ui: Ui, job: Average, data: Average | None, top: float) -> None:
        """The whole spectrum of the network, of the data, or one minus the other."""
        assert job.power is not None
        known = data.power if data is not None and data.power is not None else None
        alike = known is not None and known.shape == job.power.shape
        if known is not None:
            allowed = {"Network": True, "Data": True, "Difference": alike}
            tip = "The average with zero frequency in the middle; the difference needs spectra of one size."
            clicked = ui.segments((name, tip, allowed[name], name == self.map) for name in MAPS)
            self.map = clicked or self.map
        wanted = self.map if known is not None and (alike or self.map != "Difference") else "Network"
        if wanted == "Difference" and known is not None:
            made = 10 * np.log10(np.maximum(job.power, 1e-20) / np.maximum(known, 1e-20))
            low, high, name = -APART_DB, APART_DB, "signed"
        else:
            chosen = known if wanted == "Data" and known is not None else job.power
            made, low, high, name = decibels(chosen), top - SPAN_DB, top, "heat"
        key = (job.power, known, wanted, top)
        ui.picture("Power", self._once("heat", key, lambda: colours.paint(made, name, low, high)), HIGHEST)
        legend(ui, "Power legend", name, f"{low:.0f} dB", f"{high:.0f} dB")

    def _once(self, name: str, key: tuple, made: Callable[[], Any]) -> Any:
        """What `made` gives, made again only where one of `key` is another object."""
        known = self._drawn.get(name)
        if known is None or not all(a is b or _same(a, b) for a, b in zip(known[0], key, strict=True)):
            known = (key, made())
            self._drawn[name] = known
        return known[1]


def slices(job: Average, pale: bool) -> list[Curve]:
    """The curves of an average in dB; the radial mean is the last."""
    assert job.power is not None
    found = []
    for name, made in average.curves(job.power, job.rate).items():
        x, y = made()
        found.append(Curve(f"data {name}" if pale else name, x, decibels(y), COLOURS[name], pale))
    return found


def difference(a: Curve, b: Curve) -> Curve:
    """One curve minus another at the frequencies of the first, as far as both reach; zero frequency aside."""
    inside = (a.x > 0) & (a.x <= b.x.max())
    return Curve("difference", a.x[inside], a.y[inside] - np.interp(a.x[inside], b.x, b.y), "accent")


def decibels(power: np.ndarray) -> np.ndarray:
    """10 log10, with a floor where there is nothing."""
    return 10 * np.log10(np.maximum(power, 1e-20))


def _marks(frame: Frame | None, job: Average, rate: float) -> list[tuple[float, str, str]]:
    """Upright lines: half the sampling rate, and what StyleGAN3 designed for the step."""
    marks = [(rate / 2, "Nyquist", "line")]
    for layer in frame.model.filters if frame and frame.model else ():
        if layer.step == job.label:
            marks += [(layer.cutoff, "cutoff", "bright"), (layer.stopband, "stopband", "dim")]
    return marks


def _same(a: object, b: object) -> bool:
    """Whether two plain values are equal; arrays are compared by identity alone."""
    return not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray) and a == b
