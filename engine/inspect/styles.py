"""Which style channels of a step matter most: how far each one moves the step's kernel as w moves."""

import torch

from engine.networks.common import FullyConnected, Generator, Step

MOST = 64  # channels that are listed for each step


def effects(G: Generator, step: Step) -> torch.Tensor:
    """Effect [I] of each style channel: the length of its row of the affine layer, which is its spread over w of unit
    variance, times the length of the kernel's slice that it scales. Empty for a step without styles."""
    if not step.styles:
        return torch.zeros(0)
    layer = G.synthesis.get_submodule(step.name)
    affine, weight = layer.affine, layer.weight
    assert isinstance(affine, FullyConnected) and isinstance(weight, torch.Tensor)
    spread = affine.weight.float().norm(dim=1) * affine.weight_gain  # [I]
    return spread * weight.float().square().sum(dim=(0, 2, 3)).sqrt()


def style_order(G: Generator) -> dict[str, tuple[int, ...]]:
    """For each step with styles its most effective channels, the strongest first."""
    found = {}
    for step in G.synthesis.steps:
        if step.styles:
            ranked = torch.argsort(effects(G, step), descending=True, stable=True)
            found[step.name] = tuple(ranked[:MOST].tolist())
    return found
