"""The networks, one file for each paper, as lists of named steps; `build` makes one from what a file holds."""

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.networks.common import Generator, GeneratorConfig


def build(family: str, config: GeneratorConfig, state: dict[str, Tensor]) -> Generator:
    """A generator in evaluation mode with the weights of `state`; KeyError for an unknown family.

    Raises ValueError where keys or shapes differ.
    """
    with Uninitialised():
        G = _classes()[family](config)
    _load(G, state)
    return G.eval().requires_grad_(False)


def build_discriminator(family: str, config: object, state: dict[str, Tensor]) -> nn.Module:
    """The discriminator of a file in evaluation mode; it maps pictures [N, C, R, R] and labels to logits [N, 1]."""
    from engine.networks.discriminator import Discriminator
    from engine.networks.discriminator1 import Discriminator1

    classes = {"discriminator": Discriminator, "discriminator1": Discriminator1}
    with Uninitialised():
        D = classes[family](config)  # type: ignore[arg-type]
    _load(D, state)
    return D.eval().requires_grad_(False)


class Uninitialised(TorchFunctionMode):
    """Inside, random initial weights are left out: those of the file take their place at once.

    The meta device would do the same, at the price of importing torch's compiler, a second at every start.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        random = func in (torch.randn, torch.rand) and "generator" not in (kwargs or {})  # a seed means these values
        func = torch.empty if random else func
        return func(*args, **(kwargs or {}))


def _classes() -> dict[str, type[Generator]]:
    from engine.networks.lucidrains import Lucidrains
    from engine.networks.stylegan1 import StyleGAN1
    from engine.networks.stylegan2 import StyleGAN2
    from engine.networks.stylegan3 import StyleGAN3

    return {"stylegan1": StyleGAN1, "stylegan2": StyleGAN2, "stylegan3": StyleGAN3, "lucidrains": Lucidrains}


def _load(G: nn.Module, state: dict[str, Tensor]) -> None:
    own = G.state_dict()
    missing = [k for k in own if k not in state]
    unknown = [k for k in state if k not in own]
    wrong = [k for k in own if k in state and own[k].shape != state[k].shape]
    problems = {"missing": missing, "unknown": unknown, "of another shape": wrong}
    for what, keys in problems.items():
        if keys:
            raise ValueError(f"{len(keys)} tensors {what}, such as {keys[0]}")
    G.load_state_dict(state, assign=True)
    for tensor in [*G.parameters(), *G.buffers()]:
        if tensor.dtype != torch.float32:
            tensor.data = tensor.data.float()
