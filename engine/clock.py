"""How long each step took: by the host's clock where it computes itself, by the GPU's own where work is queued."""

import time
from collections import deque

import torch

from cuda_ops.gpu import device as gpu
from engine.devices import queues


class Stopwatch:
    """Laps in milliseconds of the host's clock."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._then = time.perf_counter()

    def lap(self, name: str) -> float:
        now = time.perf_counter()
        self.laps[name] = ms = (now - self._then) * 1e3
        self._then = now
        return ms


class StepClock:
    """Milliseconds of every step of one network as last measured, run after run.

    On a GPU marks are queued between the steps, and a later run reads them once the GPU has passed them: nobody waits,
    and a step that ran for the first time has no time yet. `run_ms` is the GPU's time for a whole run, None elsewhere.
    """

    def __init__(self, device: torch.device):
        self.costs: dict[str, float] = {}
        self.run_ms: float | None = None
        self._index = (device.index or 0) if queues(device) else None
        self._watch = Stopwatch()
        self._marks: list[tuple[str, gpu.Mark]] = []
        self._runs: deque[list[tuple[str, gpu.Mark]]] = deque()

    def start(self) -> None:
        """A run begins."""
        if self._index is None:
            self._watch = Stopwatch()
            return
        self._read()
        self._marks = [("", gpu.here.mark(self._index))]
        self._runs.append(self._marks)

    def lap(self, name: str) -> float:
        """A step has ended, or has been queued; its milliseconds as far as they are known, else 0."""
        if self._index is None:
            self.costs[name] = self._watch.lap(name)
        else:
            self._marks.append((name, gpu.here.mark(self._index)))
        return self.costs.get(name, 0.0)

    def _read(self) -> None:
        """Take in the runs that the GPU has ended, oldest first."""
        while self._runs and self._runs[0][-1][1].passed():
            marks = self._runs.popleft()
            for (_, before), (name, after) in zip(marks, marks[1:]):
                self.costs[name] = after.ms_since(before)
            if len(marks) > 1:  # not one that made way at once
                self.run_ms = marks[-1][1].ms_since(marks[0][1])
