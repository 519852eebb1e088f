"""Which style channels of a step matter most: how far each one moves what the step makes as w moves."""

import torch

from engine.inspect.parts import affine_of, weight_of
from engine.networks.common import FullyConnected, Generator, Step

MOST = 64  # channels that are listed for each step


def effects(G: Generator, step: Step) -> torch.Tensor:
    """Effect [S] of each style channel: the length of its row of the affine layer, which is its spread over w of unit
    variance, times the length of the kernel's slice that it scales. Empty for a step without styles.

    StyleGAN's scales and shifts act on features of unit variance: there the spread is all.
    """
    affine, weight = affine_of(G, step.name), weight_of(G, step.name)
    if affine is None or not step.styles:
        return torch.zeros(0)
    gain = affine.weight_gain if isinstance(affine, FullyConnected) else 1.0
    spread = affine.get_parameter("weight").float().norm(dim=1) * gain  # [S]
    if G.family == "stylegan1" or weight is None:
        return spread
    return spread * weight.float().square().sum(dim=(0, 2, 3)).sqrt()


def style_order(G: Generator) -> dict[str, tuple[int, ...]]:
    """For each step with styles its most effective channels, the strongest first."""
    found = {}
    for step in G.synthesis.steps:
        if step.styles:
            ranked = torch.argsort(effects(G, step), descending=True, stable=True)
            found[step.name] = tuple(ranked[:MOST].tolist())
    return found
