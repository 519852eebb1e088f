"""All randomness of training besides the order of pictures: one generator, whose state makes a run repeatable."""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.networks.common import Noise
from engine.training.world import World


class Draws:
    """Random rows for a batch. Every process draws for the whole batch and keeps its share."""

    def __init__(self, seed: int, device: torch.device, world: World, group: int):
        self.generator = torch.Generator(device).manual_seed(seed)
        self.device, self.world, self.group = device, world, group

    def normal(self, n: int, *shape: int) -> Tensor:
        """Own rows of `n` rows N(0, 1) in all, each of `shape`."""
        return self._own(torch.randn(n, *shape, generator=self.generator, device=self.device))

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Own rows of `n` rows U(0, 1) in all, each of `shape`."""
        return self._own(torch.rand(n, *shape, generator=self.generator, device=self.device))

    def integers(self, n: int, high: int) -> Tensor:
        """Own rows of `n` integers in 0 .. high-1."""
        return self._own(torch.randint(high, [n], generator=self.generator, device=self.device))

    def one(self) -> float:
        """One number U(0, 1), the same in every process."""
        return float(torch.rand([], generator=self.generator, device=self.device))

    def restore(self, state: Tensor) -> None:
        """Go on where the generator's `state` was taken; that of another kind of device starts anew."""
        if state.shape == self.generator.get_state().shape:
            self.generator.set_state(state)

    def _own(self, batch: Tensor) -> Tensor:
        return self.world.share(batch, self.group)


@dataclass(frozen=True)
class DrawnNoise(Noise):
    """Noise inputs of a training batch, from the run's own generator."""

    mode: str = "random"
    draws: Draws | None = None

    def draw(self, layer: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """[N, 1, H, W] for the N pictures of this process."""
        assert self.draws is not None
        return self.draws.normal(shape[0] * self.draws.world.size, *shape[1:])
