"""What is known of the activations of one network while it plays: the step that is shown, and a line for each step."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import msgspec
from torch import Tensor

from engine.bending import bends_of, style_shift
from engine.inspect import parts
from engine.inspect.parts import Layout
from engine.inspect.probe import Probed, probe
from engine.inspect.statistics import Statistics, histogram, measure
from engine.inspect.values import Values, order_of, radial_of, thumbnail_values, values_of
from engine.inspect.views import Looked, Shown, painted
from engine.looking import Bend, View
from engine.networks.common import Generator, Inputs, State, Step

BUDGET_MS = 2.0  # a frame, on average, for statistics of steps that are not shown
CHEAP_MS = 6.0  # what takes no longer than this is renewed in every frame
SHARE = 0.25  # of the time, at most, that each dearer part of a view takes while the scene moves
ORDER_SECONDS = 1.0  # how long channels keep their places on a contact sheet while the scene moves
PAINT = {"scale_db": 0.0, "normalise": True, "colours": "auto", "fft_range": 50.0}  # what only changes colours
PLACE = {"probe": False, "probe_x": 0.5, "probe_y": 0.5}


@dataclass(frozen=True)
class Source:
    """Where the inspector finds what it shows: the network, the state after a step, the inputs of the run, bends."""

    generator: Generator
    state: Callable[[int], State]
    inputs: Callable[[], Inputs]
    bends: tuple[Bend, ...] = ()


@dataclass
class _Kept:
    """A result, what it is of, what it cost in milliseconds, and when it was made in seconds."""

    value: Any
    key: Hashable
    version: Hashable
    cost: float
    at: float


class Inspector:
    """Belongs to one run of one network after the other; `renew` tells which activations are new.

    Statistics of steps that are not shown take BUDGET_MS a frame on average: time not used is saved, so that a large
    step has its turn after some frames. Of the step that is shown, each part that takes more than CHEAP_MS takes at
    most SHARE of the time while the scene moves (`live`); in between the last one stands. `catch_up` measures all that
    is left, for when nothing else is to be done.
    """

    def __init__(self, steps: tuple[Step, ...], with_spectra: bool = False):
        self.steps, self.with_spectra = steps, with_spectra
        self.known: dict[str, Statistics] = {}
        self.looked: Looked | None = None  # the newest one
        self._stale = [True] * len(steps)
        self._costs: dict[int, float] = {}  # milliseconds of the last measurement of each step
        self._next, self._saved_ms, self._run = 0, 0.0, 0
        self._versions = [0] * len(steps)  # run in which each activation was made
        self._held: dict[str, _Kept] = {}
        self._live = self._late = False
        self._asked: tuple[View, Source] | None = None
        self._probed: tuple[Hashable, tuple[Probed, ...]] | None = None

    def renew(self, start: int) -> None:
        """The activations of the steps from number `start` on are new."""
        self._run += 1
        left = len(self.steps) - start
        self._stale[start:] = [True] * left
        self._versions[start:] = [self._run] * left

    def look(self, view: View, source: Source, live: bool = False) -> Looked | None:
        """The step that `view` names as it wants it; None where this network has no such step."""
        i = next((i for i, step in enumerate(self.steps) if step.name == view.step), None)
        if i is None:
            self.looked = None
            return None
        self._live, self._late, self._asked = live, False, (view, source)
        what = _Part(i, view.part, self.steps[i], source)
        version = 0 if what.part == parts.WEIGHT else self._versions[i]
        shown, small = self._pictures(view, what, version)
        key = (view.step, what.part)
        statistics = self._keep("statistics", key, version, lambda: self._statistics(what))
        counts = self._keep("counts", key, version, lambda: histogram(what.x, statistics))
        radial = None
        if self.with_spectra and what.part == parts.OUTPUT:
            radial = self._keep("radial", key, version, lambda: radial_of(what.x, what.rate))
        self.looked = Looked(shown, small, statistics, counts, radial, not self._late)
        return self.looked

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
        """Measure and show everything that is left until `interrupted`; whether there was anything."""
        left = [i for i in range(len(states)) if self._stale[i]]
        for i in left:
            if interrupted():
                return True
            self._measure(i, _activation(states[i]))
        late = self._late and self.looked is not None and self._asked is not None
        if late and self._asked is not None and not interrupted():
            self.look(*self._asked)
        return late or bool(left)

    # --- the shown step -----------------------------------------------------------------------------------------

    def _pictures(self, view: View, what: "_Part", version: int) -> tuple[Shown, Shown]:
        """The view and the small contact sheet; numbers are kept apart from colours, which cost little."""
        numbers, small = _numbers_of(view), _small_of(view)
        nearest = view.channel if view.sort == "distance" else 0
        order = self._keep(
            "order", (view.step, what.part, view.sort, nearest), version, lambda: order_of(what.x, view),
            ORDER_SECONDS,
        )  # fmt: skip
        values: Values = self._keep(
            "values", (numbers, what.part), (version, order if view.mode == "sheet" else None),
            lambda: values_of(what.x, view, what.rate, what.layout, order),
        )  # fmt: skip
        thumbs: Values = self._keep(
            "thumbnails", (small, what.part), (version, order),
            lambda: thumbnail_values(what.x, view, what.rate, what.layout, order),
        )  # fmt: skip
        colours = tuple(getattr(view, name) for name in PAINT)
        shown = self._keep("shown", (numbers, colours), values, lambda: painted(values, view, view.step))
        return shown, self._keep("sheet", (small, colours), thumbs, lambda: painted(thumbs, view, view.step))

    def _keep(self, name: str, key: Hashable, version: Hashable, work: Callable[[], Any], rest: float = 0.0) -> Any:
        """The result called `name`, made anew where it is of something else, or of something older and it is time."""
        held, now = self._held.get(name), time.perf_counter()
        if held is not None and held.key == key:
            if held.version == version:
                return held.value
            wait = max(rest, held.cost / 1e3 / SHARE if held.cost > CHEAP_MS else 0.0)
            if self._live and now - held.at < wait:
                self._late = True
                return held.value
        value = work()
        then = time.perf_counter()
        self._held[name] = _Kept(value, key, version, (then - now) * 1e3, then)
        return value

    def _statistics(self, what: "_Part") -> Statistics:
        return self._measure(what.number, what.x) if what.part == parts.OUTPUT else measure(what.x)

    def _measure(self, i: int, x: Tensor) -> Statistics:
        step = self.steps[i]
        if self._stale[i]:
            then = time.perf_counter()
            self.known[step.name] = measure(x, step.clamp)
            self._costs[i] = (time.perf_counter() - then) * 1e3
            self._stale[i] = False
        return self.known[step.name]


class _Part:
    """The part of a step that a view wants, fetched when it is first asked for; without such a part, its output."""

    def __init__(self, number: int, wanted: str, step: Step, source: Source):
        self.number, self._step, self._source = number, step, source
        self.part = wanted if wanted in parts_of(source.generator, step) else parts.OUTPUT
        self._found: tuple[Tensor, Layout | None] | None = None

    @property
    def x(self) -> Tensor:
        """[C, H, W]"""
        return self._fetched()[0]

    @property
    def layout(self) -> Layout | None:
        return self._fetched()[1]

    @property
    def rate(self) -> float:
        return (self._step.rate if self.part == parts.OUTPUT else None) or float(self.x.shape[2])

    def _fetched(self) -> tuple[Tensor, Layout | None]:
        if self._found is None:
            part = part_of(self._source, self._step, self.part)
            self._found = (part.x, part.layout) if part else (_activation(self._source.state(self.number)), None)
        return self._found


def parts_of(G: Generator, step: Step) -> tuple[str, ...]:
    """Which parts of a step can be shown."""
    found = [parts.OUTPUT]
    found += [parts.WEIGHT] if parts.weight_of(G, step.name) is not None else []
    return (*found, parts.STYLES) if step.styles else tuple(found)


def part_of(source: Source, step: Step, name: str) -> parts.Part | None:
    """The weight or the styles of a step; None where it has none, and for its output."""
    G = source.generator
    if name == parts.WEIGHT:
        weight = parts.weight_of(G, step.name)
        return None if weight is None else parts.weight_part(weight)
    if name == parts.STYLES:
        inputs, bends = source.inputs(), bends_of(step.name, source.bends)
        shift = style_shift(step.styles, tuple(b for b in bends if b.kind == "style"), inputs.ws.device)
        styles = parts.styles_of(G, step, inputs, shift)
        return None if styles is None else parts.styles_part(styles, G.family)
    return None


def _numbers_of(view: View) -> View:
    """The view without what changes no number of it."""
    plain = msgspec.structs.replace(view, **PAINT, **PLACE)
    if view.mode != "sheet":
        plain = msgspec.structs.replace(plain, sort="energy", each=False)
    uses_channel = view.mode in ("channel", "rgb") and not (view.fft and view.fft_all)
    return plain if uses_channel else msgspec.structs.replace(plain, channel=0)


def _small_of(view: View) -> View:
    """The same of the small contact sheet, which shows every channel in any mode."""
    return msgspec.structs.replace(view, **PAINT, **PLACE, channel=0, mode="sheet", fft_all=False)


def _activation(state: State) -> Tensor:
    assert state.out is not None
    return state.out[0]  # [C, H, W]
