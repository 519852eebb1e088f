"""The whole synthesis as a CUDA graph: replayed while only numbers change, recorded anew when its structure does.

What a person moves (latents, transform, strength and seed of noise) is copied into tensors that the graph reads; what
decides which operations run (steps, precision, order in memory, level of detail, which noise is there at all) is its
structure. A structure is recorded at its second run in a row: in the first one, without a graph, every kernel proves
itself.
"""

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from cuda_ops.gpu import choice, device, layout, status
from engine import precision
from engine.networks.common import Generator, Inputs, Noise, State

log = logging.getLogger(__name__)

DEVICES = ("cuda",)
FAMILIES = ("stylegan1", "stylegan2", "stylegan3")  # whose noise asks `active` before it reads a number
WARM_UP = 3  # runs on the stream that records, before it does

Work = Callable[[], None]


def record(work: Work) -> Work:
    """Capture what `work` queues on the GPU; the result queues it again. Raises RuntimeError where that cannot be."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # the window's thread calls CUDA meanwhile
        work()
    return graph.replay


@dataclass(frozen=True)
class LiveNoise(Noise):
    """Noise whose numbers are in tensors: `refill` changes them, and a graph that reads them follows."""

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

    def refill(self, noise: Noise) -> None:
        """Take over the numbers of `noise`, which has the same structure."""
        self.source[0] = noise
        for layer, factor in self.factors.items():
            factor.fill_(noise.factor(layer))
        for layer, values in self.drawn.items():
            values.copy_(noise.draw(layer, tuple(values.shape), values.device))


@dataclass(frozen=True)
class Run:
    """What a run left: the state after each step, and the picture [N, C, H, W]. A later replay writes over it."""

    states: list[State]
    img: Tensor


class Recording:
    """One recorded run and the inputs that it reads."""

    def __init__(self, G: Generator, inputs: Inputs):
        self.inputs = _live(G, inputs)
        self.run: Run | None = None

        def work() -> None:
            self.run = steps_of(G, self.inputs)

        self._replay = record(work)

    def replay(self, inputs: Inputs) -> Run:
        """Run again with these numbers; nothing waits for the GPU."""
        self.inputs.ws.copy_(inputs.ws)
        if self.inputs.input_transform is not None and inputs.input_transform is not None:
            self.inputs.input_transform.copy_(inputs.input_transform)
        assert isinstance(self.inputs.noise, LiveNoise) and self.run is not None
        self.inputs.noise.refill(inputs.noise)
        self._replay()
        return self.run


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
        return (f"Without a CUDA graph: {self.why}.",) if self.why else ()

    def run(self, G: Generator, inputs: Inputs) -> Run | None:
        """All steps by a graph, or None where they have to run one by one this time."""
        if inputs.ws.device.type not in DEVICES or G.family not in FAMILIES or self.why:
            return None
        structure = structure_of(G, inputs)
        if structure != self._recorded:
            again, self._seen = structure == self._seen, structure
            if not again or status.status(device.index_of(inputs.ws)).path == "checking":
                return None
            self._record(G, inputs, structure)
        return self._recording.replay(inputs) if self._recording else None

    def _record(self, G: Generator, inputs: Inputs, structure: Hashable) -> None:
        self._recording, self._recorded = None, None  # its memory first
        try:
            if self._order is None:
                self._order = faster_order(G, inputs)
            layout.use(self._order)
            self._recording, self._recorded = Recording(G, inputs), structure
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self.why = f"this network's run could not be recorded ({error})"
            log.warning("CUDA graph: %s", self.why)


def structure_of(G: Generator, inputs: Inputs) -> Hashable:
    """Everything of a run that decides which operations it consists of."""
    noisy = tuple(s.noise for s in G.synthesis.steps if s.noise is not None and inputs.noise.active(s.noise))
    kernels = status.status(device.index_of(inputs.ws))
    return (
        tuple(inputs.ws.shape), inputs.noise.mode, noisy, inputs.input_transform is None, inputs.anchor, inputs.lod,
        precision.mode(), choice.mode(), kernels.path, kernels.off,
    )  # fmt: skip


def steps_of(G: Generator, inputs: Inputs) -> Run:
    """All steps of a network, one after the other."""
    states = [state for _, state in G.synthesis.run(inputs)]
    return Run(states, G.synthesis.picture(states[-1]))


def faster_order(G: Generator, inputs: Inputs) -> torch.memory_format:
    """The order in memory in which this network runs faster here, measured."""
    times = {}
    for order in (layout.PLANES, layout.CHANNELS_LAST):
        layout.use(order)
        times[order] = device.here.time(lambda: steps_of(G, inputs))
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
