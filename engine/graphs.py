"""The synthesis as CUDA graphs, one for each step: replayed while only numbers change, recorded anew when its
structure does.

What a person moves (latents, transform, strength and seed of noise) is copied into tensors that the graphs read; what
decides which operations run (steps, bends, precision, order in memory, level of detail, which noise is there at all) is
its structure. A structure is recorded at its second run in a row: in the first one, without graphs, every kernel
proves itself. Since every step is a graph of its own, a run may begin at any step and stop after any other.
"""

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from cuda_ops.gpu import choice, device, layout, status
from engine import precision
from engine.bending import bends_of, run_step
from engine.looking import Bend
from engine.networks.common import Generator, Inputs, Noise, State

log = logging.getLogger(__name__)

DEVICES = ("cuda",)
WARM_UP = 3  # runs on the stream that records, before it does
SHARED = -1  # instead of the number of a layer: noise that all layers share

Work = Callable[[], None]


def record(works: Sequence[Work]) -> list[Work]:
    """Capture what each of `works`, in this order, queues on the GPU; the results queue it again, in any run of this
    order. They share one pool of memory. Raises RuntimeError where that cannot be."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            for work in works:
                work()
    torch.cuda.current_stream().wait_stream(side)
    pool, graphs = torch.cuda.graph_pool_handle(), []
    for work in works:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):  # the window too calls CUDA
            work()
        graphs.append(graph)
    return [graph.replay for graph in graphs]


@dataclass(frozen=True)
class LiveNoise(Noise):
    """Noise whose numbers are in tensors: `refill` changes them, and graphs that read them follow."""

    factors: dict[int, Tensor] = field(default_factory=dict)
    drawn: dict[int, Tensor] = field(default_factory=dict)
    source: list[Noise] = field(default_factory=list)  # one: whose numbers are in force

    def active(self, layer: int) -> bool:
        return self.source[0].active(layer)

    def factor(self, layer: int) -> float | Tensor:  # type: ignore[override]
        return self.factors.get(layer, 0.0)

    def draw(self, layer: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
        if layer not in self.drawn:
            self.drawn[layer] = self.source[0].draw(layer, shape, device)
        return self.drawn[layer]

    def image(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        if SHARED not in self.drawn:
            self.drawn[SHARED] = self.source[0].image(shape, device)
        return self.drawn[SHARED]

    def refill(self, noise: Noise, layers: set[int]) -> None:
        """Take over the numbers of `noise`, which has the same structure, for these layers."""
        self.source[0] = noise
        for layer in layers & self.factors.keys():
            self.factors[layer].fill_(noise.factor(layer))
        for layer, values in self.drawn.items():
            where = tuple(values.shape), values.device
            if layer == SHARED:
                values.copy_(noise.image(*where))
            elif layer in layers:
                values.copy_(noise.draw(layer, *where))


class Recording:
    """The recorded steps of one network and the inputs that they read. A replay writes over what the last one left."""

    def __init__(self, G: Generator, inputs: Inputs, bends: tuple[Bend, ...]):
        self._steps = G.synthesis.steps
        self._inputs = _live(G, inputs)
        self._states = states_of(G, self._inputs, bends)
        idle = {i for i, (before, after) in enumerate(zip(self._states, self._states[1:]), 1) if after is before}
        works = {i: partial(self._work, i, idle, bends) for i in range(len(self._steps)) if i not in idle}
        self._replays = dict(zip(works, record(list(works.values()))))

    def begin(self, inputs: Inputs, start: int, states: list[State]) -> int:
        """Take over the numbers of a run that is to begin at step `start`, where `states` are those before it.

        Returns where it must begin: at 0 if those states are not the recording's own.
        """
        if any(mine is not theirs for mine, theirs in zip(self._states, states[:start])):
            start = 0
        mine = self._inputs
        mine.ws.copy_(inputs.ws)
        if mine.input_transform is not None and inputs.input_transform is not None:
            mine.input_transform.copy_(inputs.input_transform)
        assert isinstance(mine.noise, LiveNoise)
        mine.noise.refill(inputs.noise, {s.noise for s in self._steps[start:] if s.noise is not None})
        return start

    def step(self, i: int) -> State:
        """Queue step number `i`; the state after it. Nothing waits for the GPU."""
        if i in self._replays:
            self._replays[i]()
        return self._states[i]

    def _work(self, i: int, idle: set[int], bends: tuple[Bend, ...]) -> None:
        """Run step number `i`; `idle` steps after it pass on the very state that they are given."""
        step, before = self._steps[i], self._states[i - 1] if i else State()
        self._states[i] = run_step(step, before, self._inputs, bends_of(step.name, bends))
        while i + 1 in idle:
            self._states[i + 1], i = self._states[i], i + 1


class Recordings:
    """Decides, for one network, when to record and when to replay; `why` says what keeps it from recording."""

    def __init__(self) -> None:
        self.why = ""
        self._seen: Hashable = None
        self._recorded: Hashable = None
        self._recording: Recording | None = None
        self._order: torch.memory_format | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"Without CUDA graphs: {self.why}.",) if self.why else ()

    @property
    def order(self) -> str:
        """The order of activations in memory that was measured to be faster; nothing before that."""
        return "" if self._order is None else "channels last" if self._order is layout.CHANNELS_LAST else "planes"

    def of(self, G: Generator, inputs: Inputs, bends: tuple[Bend, ...]) -> Recording | None:
        """The recorded steps, or None where they have to run without graphs this time."""
        if inputs.ws.device.type not in DEVICES or torch.version.hip is not None or self.why:
            return None
        structure = structure_of(G, inputs, bends)
        if structure != self._recorded:
            again, self._seen = structure == self._seen, structure
            if not again or status.status(device.index_of(inputs.ws)).path == "checking":
                return None
            self._record(G, inputs, bends, structure)
        return self._recording

    def _record(self, G: Generator, inputs: Inputs, bends: tuple[Bend, ...], structure: Hashable) -> None:
        self._recording, self._recorded = None, None  # its memory first
        try:
            if self._order is None:
                self._order = faster_order(G, inputs)
            layout.use(self._order)
            self._recording, self._recorded = Recording(G, inputs, bends), structure
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self.why = f"this network's run could not be recorded ({error})"
            log.warning("CUDA graph: %s", self.why)


def structure_of(G: Generator, inputs: Inputs, bends: tuple[Bend, ...] = ()) -> Hashable:
    """Everything of a run that decides which operations it consists of."""
    noisy = tuple(s.noise for s in G.synthesis.steps if s.noise is not None and inputs.noise.active(s.noise))
    kernels = status.status(device.index_of(inputs.ws))
    return (
        tuple(inputs.ws.shape), inputs.noise.mode, noisy, inputs.input_transform is None, inputs.anchor, inputs.lod,
        tuple(b for b in bends if b.on), precision.mode(), choice.mode(), kernels.path, kernels.off,
    )  # fmt: skip


def states_of(G: Generator, inputs: Inputs, bends: tuple[Bend, ...] = ()) -> list[State]:
    """The states after all steps of a network, run one after the other."""
    states: list[State] = []
    for step in G.synthesis.steps:
        states.append(run_step(step, states[-1] if states else State(), inputs, bends_of(step.name, bends)))
    return states


def faster_order(G: Generator, inputs: Inputs) -> torch.memory_format:
    """The order in memory in which this network runs faster here, measured."""
    times = {}
    for order in (layout.PLANES, layout.CHANNELS_LAST):
        layout.use(order)
        times[order] = device.here.time(lambda: states_of(G, inputs))
    log.info("%s: %s", G.family, ", ".join(f"{order} {ms:.2f} ms" for order, ms in times.items()))
    return min(times, key=lambda order: times[order])


def _live(G: Generator, inputs: Inputs) -> Inputs:
    """A copy of the inputs in tensors of their own."""
    noise, where = inputs.noise, inputs.ws.device
    layers = [s.noise for s in G.synthesis.steps if s.noise is not None and noise.active(s.noise)]
    factors = {layer: torch.full((), float(noise.factor(layer)), device=where) for layer in layers}
    transform = inputs.input_transform
    return replace(
        inputs, ws=inputs.ws.clone(), input_transform=None if transform is None else transform.clone(),
        noise=LiveNoise(noise.mode, factors=factors, source=[noise]),
    )  # fmt: skip
