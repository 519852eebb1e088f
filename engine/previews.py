"""Quick approximations for networks that have no coarser picture of their own: the scene by a reduced network."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from engine.frame import Frame
from engine.models import LoadedModel, ModelStore
from engine.networks.common import Generator
from engine.scene import Scene


class Renders(Protocol):
    """What is asked of a renderer that plays one reduced network."""

    def render(
        self, scene: Scene, budget_ms: float | None = None, interrupted: Callable[[], bool] | None = None
    ) -> Frame: ...

    def costs(self) -> Mapping[str, float]:
        """Milliseconds that each step took last."""
        ...


class One(ModelStore):
    """A store that has one model, whatever is asked for."""

    def __init__(self, model: LoadedModel):
        self.model = model

    def get(
        self, path: str = "", network: str = "G_ema", progress: object = None, cancelled: object = None
    ) -> LoadedModel:
        return self.model


class Previews:
    """The reductions of one network, each with a renderer of its own, so that they too restart half-way."""

    def __init__(self, model: LoadedModel, renderer: Callable[[ModelStore], Renders]):
        self.whole = model.generator
        self.levels = [(G, renderer(One(LoadedModel(G, model.facts)))) for G in self.whole.reductions()]

    def render(
        self, scene: Scene, budget_ms: float, costs: Mapping[str, float], interrupted: Callable[[], bool]
    ) -> Frame | None:
        """The scene by the finest reduction that fits the budget, or by the coarsest; None where there is none.

        `costs` are what the whole network's steps took; what a reduction takes is estimated from them at first.
        The frame is an older one, of another scene, where `interrupted` made it give way.
        """
        if not self.levels:
            return None
        fitting = [r for G, r in self.levels if self._cost(G, r.costs(), costs) <= budget_ms]
        chosen = fitting[0] if fitting else self.levels[-1][1]
        asked = scene.set("model.judge", False)  # its discriminator wants whole pictures
        frame = chosen.render(asked, None, interrupted)
        return replace(frame, scene=scene) if frame.scene == asked else frame

    def _cost(self, G: Generator, known: Mapping[str, float], costs: Mapping[str, float]) -> float:
        """Milliseconds of a reduction: as measured, else in proportion to what it computes of each step."""
        steps = [step.name for step in G.synthesis.steps]
        if all(name in known for name in steps):
            return sum(known[name] for name in steps)
        areas = zip(G.synthesis.steps, self.whole.synthesis.steps, strict=True)
        return sum(costs.get(own.name, 0.0) * _samples(less.shape) / _samples(own.shape) for less, own in areas)


def _samples(shape: tuple[int, int, int]) -> int:
    return shape[1] * shape[2]
