"""Average spectra: the one job at a time that the panel Spectrum shows."""

from typing import TYPE_CHECKING

from engine.inspect.average import AverageSpectrum
from engine.renderer import Renderer

if TYPE_CHECKING:
    from app.live.app import App


class Spectra:
    """Starts and stops the job, with a renderer of its own beside the one that plays."""

    def __init__(self, app: "App"):
        self.app = app
        self.job: AverageSpectrum | None = None

    @property
    def running(self) -> bool:
        return self.job is not None and self.job.running

    def start(self, count: int) -> None:
        """Average the shown step, or the picture, over `count` seeds from the scene's on."""
        self.stop()
        scene, frame = self.app.history.present, self.app.shown
        names = [step.name for step in frame.steps] if frame else []
        step = scene.view.step if scene.view.step in names else ""
        renderer = Renderer(str(self.app.store.device), self.app.store)
        self.job = AverageSpectrum(renderer, scene, step, count)
        self.job.start()

    def stop(self) -> None:
        if self.job is not None:
            self.job.cancel()
