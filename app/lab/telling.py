"""From what the window knows to messages for a lab."""

from dataclasses import dataclass
from typing import Any

import msgspec

from app.lab.protocol import Network, Stat, Step, Update
from engine import parameters
from engine.frame import Frame, StepReport
from engine.inspect.statistics import Statistics
from engine.inspect.wiring import wires
from engine.scene import Scene


@dataclass(frozen=True)
class Live:
    """What the window shows: the newest frame, the scene it plays, whether and how fast."""

    frame: Frame
    scene: Scene
    playing: bool
    fps: float
    engine_ms: float

    @property
    def state(self) -> tuple[object, ...]:
        """What has to differ for there to be news."""
        return self.frame.serial, self.frame.error, self.playing

    @property
    def network(self) -> tuple[object, ...]:
        """What has to differ for another network to play, or the same one to be wired otherwise."""
        return self.frame.model, tuple((step.name, step.reads, step.writes) for step in self.frame.steps)


def network(frame: Frame) -> Network | None:
    """What plays; None before the first good frame."""
    facts = frame.model
    if facts is None or len(frame.steps) < len(facts.steps):
        return None
    noisy = set(facts.noise_layers)
    return Network(
        facts.path, facts.name, facts.network, facts.networks, facts.family, facts.resolution, facts.num_ws,
        facts.w_dim, facts.parameters, tuple(_step(step, step.name in noisy) for step in frame.steps),
        wires(frame.steps),
    )  # fmt: skip


def update(live: Live, before: Scene | None, seconds: float) -> Update:
    """The present, as far as parameters differ from the scene `before`; None for all of them."""
    frame = live.frame
    stats = tuple(_stat(step, frame.statistics.get(step.name)) for step in frame.steps)
    return Update(
        frame.serial, seconds, live.playing, live.fps, live.engine_ms, values(live.scene, before), stats,
        frame.error or "",
    )  # fmt: skip


def values(scene: Scene, before: Scene | None) -> dict[str, Any]:
    """Parameters by path, as plain values: all, or those that changed."""
    paths = [p.path for p in parameters.parameters()] if before is None else parameters.diff(before, scene)
    return {path: msgspec.to_builtins(parameters.get(scene, path)) for path in paths}


def _step(step: StepReport, noise: bool) -> Step:
    paints = "img" in step.writes
    return Step(step.name, step.shape, step.dtype, step.ws, noise, step.rate, step.clamp, paints)


def _stat(step: StepReport, known: Statistics | None) -> Stat:
    if known is None:
        return Stat(step.ms, step.reused)
    k = known
    return Stat(step.ms, step.reused, k.mean, k.std, k.low, k.high, k.clipped, k.nan, k.inf)
