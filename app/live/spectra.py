"""Average spectra: the jobs that the panel Spectrum shows, of the network and of the data it is compared with."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine import files
from engine.errors import StyleScopeError
from engine.inspect import average, reference
from engine.inspect.average import Average, AverageSpectrum, DataSpectrum
from engine.inspect.reference import Reference
from engine.models import DEFAULT_MODEL
from engine.renderer import Renderer

if TYPE_CHECKING:
    from app.live.app import App

ENDINGS = (".csv", ".npy")


class Spectra:
    """Starts and stops the jobs, with a renderer of its own beside the one that plays."""

    def __init__(self, app: "App"):
        self.app = app
        self.job: AverageSpectrum | None = None
        self.data: DataSpectrum | None = None
        self.chosen: Reference | None = None  # a folder or zip that a person chose
        self.against = "none"  # none, card, or file
        self._cards: dict[str, Reference | None] = {}
        app.ui.host.spectra = self

    @property
    def running(self) -> bool:
        return any(job is not None and job.running for job in (self.job, self.data))

    @property
    def card(self) -> Reference | None:
        """The data that the card of the network that plays names."""
        model = self.app.ui.model
        if model is None:
            return None
        if model.path not in self._cards:
            network = Path(model.path) if Path(model.path).parent != Path() else DEFAULT_MODEL.parent / model.path
            self._cards[model.path] = reference.of_card(network if model.path else DEFAULT_MODEL)
        return self._cards[model.path]

    @property
    def wanted(self) -> Reference | None:
        """What the network is compared with."""
        return {"card": self.card, "file": self.chosen}.get(self.against)

    def compare(self, against: str, path: str = "") -> None:
        """Compare with nothing ("none"), with the data of the "card", or with a "file": the folder or zip `path`."""
        if path:
            self.chosen = reference.of_file(path)
        self.against = against
        if self.job is not None:
            self._measure_data(self.job.count)

    def start(self, count: int) -> None:
        """Average the shown step, or the picture, over `count` seeds from the scene's on, and as many of the data."""
        self._stop(self.job)
        scene, frame = self.app.history.present, self.app.shown
        names = [step.name for step in frame.steps] if frame else []
        step = scene.view.step if scene.view.step in names else ""
        renderer = Renderer(str(self.app.store.device), self.app.store)
        self.job = AverageSpectrum(renderer, scene, step, count)
        self.job.start()
        self._measure_data(count)

    def stop(self) -> None:
        self._stop(self.job)
        self._stop(self.data)

    def close(self, seconds: float = 5.0) -> None:
        """Stop, and wait a little: nothing may compute while the program goes away around it."""
        self.stop()
        for job in (self.job, self.data):
            if job is not None:
                job.join(seconds)

    def save(self, path: str) -> None:
        """Write the slices as a table, or the whole average as an array, by the file's ending."""
        job, data = self.job, self.data
        if job is None or job.power is None:
            return
        power, target = job.power, Path(path)

        def work() -> Path:
            if target.suffix.lower() == ".npy":
                with files.aside(target) as aside, open(aside, "wb") as file:
                    np.save(file, power)
            else:
                write_table(target, [job, data] if data is not None else [job])
            return target

        self.app.saver.exporter.write(work)

    def _measure_data(self, count: int) -> None:
        wanted, model, had = self.wanted, self.app.ui.model, self.data
        if wanted is None or model is None:
            self._stop(had)
            self.data = None
            return
        size = model.resolution[1]
        known = had is not None and had.reference == wanted and had.power is not None
        if had is not None and known and len(had.power) == size and had.count == count:  # type: ignore[arg-type]
            return
        self._stop(had)
        self.data = DataSpectrum(wanted, size, count)
        self.data.start()

    def _stop(self, job: Average | None) -> None:
        if job is not None:
            job.cancel()


def write_table(target: Path, jobs: "list[Average]") -> None:
    """Every slice of every average: what, slice, frequency in cycles per picture width, power in dB."""
    with files.aside(target) as aside, open(aside, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("of", "samples", "slice", "cycles", "dB"))
        for job in jobs:
            if job.power is None:
                raise StyleScopeError(f"{target.name}: nothing has been averaged of {job.label} yet; wait a moment.")
            for name, made in average.curves(job.power, job.rate).items():
                f, p = made()
                rows = zip(f.tolist(), (10 * np.log10(np.maximum(p, 1e-20))).tolist())
                table.writerows((job.label, job.seen, name, x, y) for x, y in rows)
