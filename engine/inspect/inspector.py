"""What is known of the activations of one network while it plays: the step that is shown, and a line for each step."""

import time
from collections.abc import Callable, Hashable

import msgspec
from torch import Tensor

from engine.inspect.probe import Probed, probe
from engine.inspect.statistics import Statistics, histogram, measure
from engine.inspect.views import Looked, show, thumbnails
from engine.looking import View
from engine.networks.common import State, Step

BUDGET_MS = 2.0  # a frame, on average, for statistics of steps that are not shown


class Inspector:
    """Belongs to one run of one network after the other; `renew` tells which activations are new.

    Statistics of steps that are not shown take BUDGET_MS a frame on average: time not used is saved, so that a large
    step has its turn after some frames. `catch_up` measures all that is left, for when nothing else is to be done.
    """

    def __init__(self, steps: tuple[Step, ...]):
        self.steps = steps
        self.known: dict[str, Statistics] = {}
        self._stale = [True] * len(steps)
        self._costs: dict[int, float] = {}  # milliseconds of the last measurement of each step
        self._next, self._saved_ms, self._run = 0, 0.0, 0
        self._looked: tuple[Hashable, Looked] | None = None
        self._probed: tuple[Hashable, tuple[Probed, ...]] | None = None

    def renew(self, start: int) -> None:
        """The activations of the steps from number `start` on are new."""
        self._run += 1
        self._stale[start:] = [True] * (len(self.steps) - start)

    def look(self, view: View, state_of: Callable[[int], State]) -> Looked | None:
        """The step that `view` names as it wants it; None where this network has no such step."""
        i = next((i for i, step in enumerate(self.steps) if step.name == view.step), None)
        if i is None:
            return None
        key = (msgspec.structs.replace(view, probe=False, probe_x=0.0, probe_y=0.0), self._run)
        if self._looked is None or self._looked[0] != key:
            step, x = self.steps[i], _activation(state_of(i))
            rate = step.rate or float(x.shape[2])
            statistics = self._measure(i, x)
            shown, small = show(x, view, step.name, rate), thumbnails(x, view, step.name, rate)
            self._looked = (key, Looked(shown, small, statistics, histogram(x, statistics)))
        return self._looked[1]

    def probe(self, view: View, states: list[State]) -> tuple[Probed, ...]:
        """The strongest channels of every step at the probed place."""
        key = (view.probe_x, view.probe_y, self._run)
        if self._probed is None or self._probed[0] != key:
            found = tuple(
                probe(_activation(state), step.name, view.probe_x, view.probe_y, step.rate)
                for step, state in zip(self.steps, states)
            )
            self._probed = (key, found)
        return self._probed[1]

    def spend(self, states: list[State]) -> None:
        """Measure hidden steps whose activations are new, in turn, as far as the saved time reaches."""
        self._saved_ms += BUDGET_MS
        for _ in range(len(self.steps)):
            i, self._next = self._next, (self._next + 1) % len(self.steps)
            if not self._stale[i] or i >= len(states):
                continue
            if self._costs.get(i, 0.0) > self._saved_ms:
                self._next = i  # it is this one's turn when enough has been saved
                return
            self._measure(i, _activation(states[i]))
            self._saved_ms -= self._costs[i]
            if self._saved_ms <= 0:
                return
        self._saved_ms = 0.0  # nothing is left to save for

    def catch_up(self, states: list[State], interrupted: Callable[[], bool]) -> bool:
        """Measure everything that is left until `interrupted`; whether there was anything."""
        left = [i for i in range(len(states)) if self._stale[i]]
        for i in left:
            if interrupted():
                break
            self._measure(i, _activation(states[i]))
        return bool(left)

    def _measure(self, i: int, x: Tensor) -> Statistics:
        step = self.steps[i]
        if self._stale[i]:
            then = time.perf_counter()
            self.known[step.name] = measure(x, step.clamp)
            self._costs[i] = (time.perf_counter() - then) * 1e3
            self._stale[i] = False
        return self.known[step.name]


def _activation(state: State) -> Tensor:
    assert state.out is not None
    return state.out[0]  # [C, H, W]
