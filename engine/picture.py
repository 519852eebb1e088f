"""A frame's picture where the device left it, and in the program's memory once somebody asks for its bytes."""

import numpy as np
from torch import Tensor

from cuda_ops.gpu import device
from engine.devices import queues

_always = False


def fetch_always(on: bool) -> None:
    """Whether pictures are copied to the program's memory as they are made: where the screen cannot take them from
    the GPU, so that nobody has to wait for the copy."""
    global _always
    _always = on


class Picture:
    """[H, W, 4] uint8 RGBA. On a GPU it is queued like all work: `ready` tells whether it is there, and never waits."""

    def __init__(self, rgba: Tensor | np.ndarray):
        self.rgba = rgba
        self.shape: tuple[int, int, int] = (rgba.shape[0], rgba.shape[1], rgba.shape[2])
        self.on_gpu = isinstance(rgba, Tensor) and queues(rgba.device)
        self._made = device.here.mark(device.index_of(rgba)) if isinstance(rgba, Tensor) and self.on_gpu else None
        self._bytes: np.ndarray | None = None
        self._coming: tuple[Tensor, device.Mark] | None = None
        if not self.on_gpu:
            self._bytes = rgba.cpu().numpy() if isinstance(rgba, Tensor) else rgba
        elif _always:
            self._fetch()

    def ready(self) -> bool:
        """Whether it can be shown at once. Raises RuntimeError where the GPU has failed."""
        waiting = self._coming[1] if self._coming is not None else self._made
        return waiting is None or waiting.passed()

    def wait(self) -> None:
        """Until it is ready. Raises RuntimeError where the GPU has failed."""
        waiting = self._coming[1] if self._coming is not None else self._made
        if waiting is not None:
            waiting.wait()

    def numpy(self) -> np.ndarray:
        """Its bytes; the first question waits for a copy from the GPU, through pinned memory."""
        if self._bytes is None:
            there, mark = self._coming or self._fetch()
            mark.wait()
            self._bytes = there.numpy()
        return self._bytes

    def _fetch(self) -> tuple[Tensor, device.Mark]:
        assert isinstance(self.rgba, Tensor) and self._made is not None
        self._coming = device.here.download(self.rgba, self._made)
        return self._coming
