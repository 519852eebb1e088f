"""The average power spectrum of pictures, of a step, or of a data set: a job that refines itself as it goes."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from cuda_ops.background import Background
from engine.errors import RenderError, StyleScopeError
from engine.inspect import spectrum
from engine.inspect.reference import Reference
from engine.renderer import Renderer
from engine.scene import SEED_MAX, Scene

log = logging.getLogger(__name__)
BETA = 8.0
Sample = tuple[Tensor, float]  # [C, H, W] and its samples per picture width
Curves = dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]]


class Average:
    """Runs in a thread of its own from `start` until `count` samples are in, or `cancel`; poll `seen` and `power`.

    As in appendix A of the StyleGAN3 paper: an outer Kaiser window, |FFT|^2 averaged over channels and samples, scaled
    by the measured variance, so that 0 dB is white noise of the same contrast. Samples are taken about their own mean.
    """

    def __init__(self, label: str, count: int, samples: Callable[[], Iterable[Sample]]):
        self.label, self.count = label, count
        self.seen, self.error = 0, ""
        self.power: np.ndarray | None = None  # [H, W], the mean so far
        self.rate = 1.0  # samples per picture width
        self._samples = samples
        self._sum: np.ndarray | None = None
        self._variance = 0.0
        self._cancel = threading.Event()
        self._thread = Background(self.run, name="spectrum", end=self.cancel)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Stop after the present sample; what has been averaged stays."""
        self._cancel.set()

    def join(self, seconds: float) -> None:
        """Wait for the end, if it was started."""
        if self.running:
            self._thread.join(seconds)

    def run(self) -> None:
        """Average all samples, here and now."""
        try:
            samples = iter(self._samples())
            while self.seen < self.count and not self._cancel.is_set():
                sample = next(samples, None)
                if sample is None:
                    return
                self._take(*sample)
        except StyleScopeError as error:
            self.error = str(error)
        except Exception as error:  # a job's mistake is told where the job is shown
            if self._cancel.is_set():  # nobody looks any more; the program may be closing around it
                return
            log.exception("averaging spectra")
            self.error = f"The spectrum failed: {type(error).__name__}: {error}."

    def _take(self, x: Tensor, rate: float) -> None:
        power = spectrum.mean_power(x, BETA).double().numpy()
        self._sum = power if self._sum is None else self._sum + power
        self._variance += _variance(x)
        self.rate = rate
        self.seen += 1
        self.power = self._sum / max(self._variance, 1e-30)


class AverageSpectrum(Average):
    """Of what a step makes, "" for the picture, over `count` seeds from the scene's on."""

    def __init__(self, renderer: Renderer, scene: Scene, step: str, count: int):
        super().__init__(step or "picture", count, self._seeds)
        self.step, self._renderer, self._scene = step, renderer, scene

    def _seeds(self) -> Iterator[Sample]:
        for i in range(self.count):
            seed = (self._scene.latent.seed + i) % (SEED_MAX + 1)
            scene = self._scene.set("latent.mode", "seeds").set("latent.seed", seed)
            yield self._sample(scene.reset("latent.x").reset("latent.y").reset("view"))

    def _sample(self, scene: Scene) -> Sample:
        """The activation, or the picture's bytes as floats."""
        if self.step:
            x = self._renderer.activation(scene, self.step)
            return x, self._renderer.step(scene, self.step).rate or float(x.shape[2])
        frame = self._renderer.render(scene)
        if frame.error is not None or frame.picture is None:
            raise RenderError(frame.error or "There is no picture to take a spectrum of.")
        x = torch.from_numpy(frame.picture[..., :3].astype(np.float32)).permute(2, 0, 1)
        return x, float(x.shape[2])


class DataSpectrum(Average):
    """Of `count` pictures of a data set, cropped and resized to `size` pixels as in training."""

    def __init__(self, reference: Reference, size: int, count: int):
        pictures = reference.pictures(size)
        super().__init__(reference.label, count, lambda: ((x, float(size)) for x in pictures))
        self.reference = reference


def curves(power: np.ndarray, rate: float) -> Curves:
    """What a spectrum is drawn as: along 0 and 45 degrees where it is square, and the radial mean; linear power."""
    found: Curves = {"radial": lambda: spectrum.radial(power, rate)}
    if power.shape[0] == power.shape[1]:
        found = {"0°": lambda: spectrum.along(power, 0, rate), "45°": lambda: spectrum.along(power, 45, rate), **found}
    return found


def _variance(x: Tensor) -> float:
    """Mean of the channels' variances."""
    x = torch.nan_to_num(x.float(), 0.0, 0.0, 0.0)
    return float((x - x.mean(dim=(1, 2), keepdim=True)).square().mean())
