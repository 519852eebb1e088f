"""A second network beside the window's: a checkpoint that the lab renders itself, in the window's scene."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuda_ops.background import Background
from engine.errors import StyleScopeError
from engine.scene import Scene

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Sample:
    """What a step of the second network made: values [C, H, W] float32, samples per picture width, of which scene."""

    step: str
    values: "np.ndarray"
    rate: float
    scene: Scene


class Second:
    """Opens a checkpoint and runs it in a thread; the newest wish wins. Poll `steps`, `sample`, `error`."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.steps: tuple[str, ...] = ()
        self.sample: Sample | None = None
        self.error = self.doing = ""
        self._renderer: Any = None
        self._done: tuple[Scene, str] | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def open(self, path: Path | None) -> None:
        """Take up another checkpoint; None for none. `tick` opens it with the next wish."""
        self.path, self.steps, self.sample = path, (), None
        self.error, self._done = "", None

    def tick(self, scene: Scene, step: str) -> None:
        """Once a frame: have the step computed in the window's scene, if that is not what is known or under way."""
        if self.path is None or self.busy:
            return
        wish = scene.set("model.path", str(self.path)).set("model.network", "G_ema").reset("view"), step
        if wish == self._done:
            return
        self._done = wish
        self._thread = Background(self._run, *wish, name="second")
        self._thread.start()

    def _run(self, scene: Scene, step: str) -> None:
        self.doing = "computing" if self._renderer else "starting"
        try:
            self._compute(scene, step)
            self.error = ""
        except StyleScopeError as error:
            self.error = str(error)
        self.doing = ""

    def _compute(self, scene: Scene, step: str) -> None:
        import torch

        from engine.renderer import Renderer

        torch.set_num_threads(1)
        self._renderer = self._renderer or Renderer("cpu")
        path = self.path
        facts = self._renderer.models.get(scene.model.path, scene.model.network).facts
        name = step if step in facts.steps else facts.steps[-1]
        values = self._renderer.activation(scene, name)
        rate = self._renderer.step(scene, name).rate or float(values.shape[2])
        if path == self.path:
            self.steps, self.sample = facts.steps, Sample(name, values.numpy(), rate, scene)
