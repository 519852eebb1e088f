"""Transfer learning: start from the weights of another run or checkpoint, also at twice its resolution."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.checkpoints import open_checkpoint
from engine.networks.discriminator import Discriminator
from engine.training.files import RunFolder
from engine.training.players import Players
from engine.training.settings import TrainingError

FILTERS = ("up_filter", "down_filter")  # of StyleGAN3: they depend on the resolution


def start_from(players: Players, source: str) -> tuple[str, ...]:
    """Copy what agrees in name and shape from a run folder or checkpoint; notes say what was taken.

    Where the source has a lower resolution, its networks keep their function: what is new starts without influence.
    """
    found = read_networks(Path(source))
    notes = []
    for name, network in players.networks().items():
        state = found.get(name) or (found.get("G_ema") or found.get("G") if name != "D" else None)
        if state is None:
            notes.append(f"{source}: no {name} inside; it starts untrained.")
            continue
        taken, total = adopt(network, state)
        notes.append(f"{name}: {taken} of {total} tensors came from {source}.")
    return tuple(notes)


def read_networks(path: Path) -> dict[str, Mapping[str, Tensor]]:
    """State dicts by network name, of a run folder (its newest checkpoint) or of any file that StyleScope opens."""
    if (path / "config.json").exists():
        return RunFolder(path).load()[0]["networks"]
    return {name: found.state for name, found in open_checkpoint(path).networks.items()}


@torch.no_grad()
def adopt(network: nn.Module, state: Mapping[str, Tensor]) -> tuple[int, int]:
    """Copy tensors that agree; returns how many, and how many there are.

    A resolution that `state` lacks gets zero weights where it joins the rest: toRGB of a skip generator, the last
    convolution of a stage in a skip discriminator. So a grown pair starts as the pair it came from, seen through
    the resampling filter. StyleGAN3 has no such joints: its layers of the same number and width are taken over,
    and what follows them learns anew.
    """
    own = {_plain(key): tensor for key, tensor in network.state_dict().items()}
    found = {_plain(key): tensor for key, tensor in state.items()}
    common = [key for key, tensor in own.items() if key in found and found[key].shape == tensor.shape]
    if not common:
        raise TrainingError(
            "--init: expected a network of the same design, found no tensor that fits; check --cfg and --channels."
        )
    same_layers = network.state_dict().keys() <= state.keys()
    for key in common:
        if same_layers or not key.endswith(FILTERS):
            own[key].copy_(found[key])
    for key in _joints(network, set(own) - set(found)):
        own[key].zero_()
    return len(common), len(own)


def _plain(key: str) -> str:
    """The name of a tensor without the size and width that StyleGAN3 writes into names of its layers."""
    return re.sub(r"\.L(\d+)_\d+_\d+\.", r".L\1.", key)


def _joints(network: nn.Module, new: set[str]) -> list[str]:
    """Keys among `new` through which a new resolution would act on the old ones."""
    if isinstance(network, Discriminator):
        return [key for key in new if key.endswith(".conv1.weight") and network.config.architecture != "orig"]
    return [key for key in new if key.endswith(".torgb.weight")]
