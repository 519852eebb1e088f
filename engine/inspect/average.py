"""The average power spectrum of pictures, or of a step, over many seeds: a job that refines itself as it goes."""

import logging
import threading
from collections.abc import Callable

import numpy as np
import torch

from engine.errors import RenderError, StyleScopeError
from engine.inspect import spectrum
from engine.renderer import Renderer
from engine.scene import SEED_MAX, Scene

log = logging.getLogger(__name__)
BETA = 8.0


class AverageSpectrum:
    """Runs in a thread of its own from `start` until `count` seeds are in, or `cancel`; poll `seen` and `power`.

    As in appendix A of the StyleGAN3 paper: an outer Kaiser window, |FFT|^2 averaged over channels and samples, scaled
    by the measured variance, so that 0 dB is white noise of the same contrast. Samples are taken about their own mean.
    """

    def __init__(self, renderer: Renderer, scene: Scene, step: str, count: int):
        self.step, self.count = step, count
        self.seen, self.error = 0, ""
        self.power: np.ndarray | None = None  # [H, W], the mean so far
        self.rate = 1.0  # samples per picture width
        self._renderer, self._scene = renderer, scene
        self._sum: np.ndarray | None = None
        self._variance = 0.0
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self.run, name="spectrum", daemon=True)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Stop after the present sample; what has been averaged stays."""
        self._cancel.set()

    def run(self) -> None:
        """Average all seeds, here and now."""
        try:
            for i in range(self.count):
                if self._cancel.is_set():
                    return
                self._take(self._sample((self._scene.latent.seed + i) % (SEED_MAX + 1)))
        except StyleScopeError as error:
            self.error = str(error)
        except Exception as error:  # a job's mistake is told where the job is shown
            log.exception("averaging spectra")
            self.error = f"The spectrum failed: {type(error).__name__}: {error}."

    def _sample(self, seed: int) -> torch.Tensor:
        """The activation, or the picture's bytes as floats: [C, H, W]."""
        scene = self._scene.set("latent.mode", "seeds").set("latent.seed", seed)
        scene = scene.reset("latent.x").reset("latent.y").reset("view")
        if self.step:
            self.rate = self._renderer.step(scene, self.step).rate or 0.0
            x = self._renderer.activation(scene, self.step)
        else:
            frame = self._renderer.render(scene)
            if frame.error is not None or frame.picture is None:
                raise RenderError(frame.error or "There is no picture to take a spectrum of.")
            self.rate, x = 0.0, torch.from_numpy(frame.picture[..., :3].astype(np.float32)).permute(2, 0, 1)
        self.rate = self.rate or float(x.shape[2])
        return x

    def _take(self, x: torch.Tensor) -> None:
        power = spectrum.power(x, BETA).mean(dim=0).double().numpy()
        self._sum = power if self._sum is None else self._sum + power
        self._variance += _variance(x)
        self.seen += 1
        self.power = self._sum / max(self._variance, 1e-30)


def curves(power: np.ndarray, rate: float) -> dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]]:
    """What a spectrum is drawn as: along 0 and 45 degrees where it is square, and the radial mean; linear power."""
    found = {"radial": lambda: spectrum.radial(power, rate)}
    if power.shape[0] == power.shape[1]:
        found = {"0°": lambda: spectrum.along(power, 0, rate), "45°": lambda: spectrum.along(power, 45, rate), **found}
    return found


def _variance(x: torch.Tensor) -> float:
    """Mean of the channels' variances."""
    x = torch.nan_to_num(x.float(), 0.0, 0.0, 0.0)
    return float((x - x.mean(dim=(1, 2), keepdim=True)).square().mean())
