"""Fits the tensors of a file to a configuration: everything is used, accounted for, or the file is refused."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cuda_ops.upfirdn import setup_filter
from engine.checkpoints import plan1, plan2, plan3, plan_critic
from engine.checkpoints.contents import Contents
from engine.checkpoints.limits import refusal
from engine.checkpoints.shapes import Shape, Shapes, Traits
from engine.checkpoints.source import Source
from engine.checkpoints.tensors import TensorRef
from engine.networks.common import Mapping as MappingNetwork

NOISE_SEED = 0  # of the noise that a file does not bring along
W_AVG_SAMPLES = 4096
W_AVG_BATCH = 256
PARTS = ("mapping.", "synthesis.", "b")  # of generators and discriminators; other names have no part in a picture
PLANS: dict[str, Any] = {
    "stylegan1": plan1,
    "stylegan2": plan2,
    "stylegan3": plan3,
    "discriminator": plan_critic,
}


@dataclass(frozen=True)
class Entry:
    """A tensor to come: its shape, its size in the file, and how to read it."""

    shape: Shape
    size: int  # bytes
    read: Callable[[], Tensor]

    @staticmethod
    def of(ref: TensorRef) -> "Entry":
        return Entry(ref.shape, ref.storage.count * ref.storage.dtype.itemsize, ref.read)

    def changed(self, shape: Shape, change: Callable[[Tensor], Tensor]) -> "Entry":
        """The tensor after `change`, which gives it `shape`."""
        return Entry(shape, self.size, lambda: change(self.read().float()).contiguous())


@dataclass(frozen=True)
class Draft:
    """A network whose tensors are all accounted for, but not read yet."""

    family: str
    config: Any
    entries: Mapping[str, Entry]
    expected: Mapping[str, Shape]
    notes: tuple[str, ...] = ()
    trained: bool = True
    checked: bool = False  # its values were looked at before, so that mapped memory need not be touched now

    @property
    def kind(self) -> str:
        return "discriminator" if self.family == "discriminator" else "generator"

    def described(self) -> Contents:
        """What it is, without its tensors."""
        return Contents(self.family, self.kind, self.config, {}, self.trained, self.notes)

    def read(self, source: Source) -> Contents:
        """The network with its tensors; those that the file left out are made, and noted. `source` is the file."""
        source.watch.begin(sum(entry.size for entry in self.entries.values()))
        state = {key: self.entries[key].read().float() for key in self.expected if key in self.entries}
        missing = [key for key in self.expected if key not in state]
        source.budget.take(4 * sum(math.prod(self.expected[key]) for key in missing))
        notes = _fill(state, missing, self.expected, self.config)
        notes += [] if self.checked else _not_finite(state)
        return Contents(self.family, self.kind, self.config, state, self.trained, self.notes + tuple(notes))


def network(family: str, entries: Mapping[str, Entry], traits: Traits, notes: tuple[str, ...] = ()) -> Draft:
    """A network: its configuration from the shapes of its tensors and from `traits`."""
    shapes = Shapes({key: entry.shape for key, entry in entries.items()})
    return draft(family, PLANS[family].config_of(shapes, traits), entries, notes)


def draft(family: str, config: Any, entries: Mapping[str, Entry], notes: tuple[str, ...] = ()) -> Draft:
    """The network of `config`; raises CheckpointError for missing, unknown and misshapen tensors."""
    expected = PLANS[family].shapes_of(config)
    found = dict(entries)
    more = _ignored(found, expected)
    _check_shapes(found, expected)
    _check_missing([key for key in expected if key not in found])
    return Draft(family, config, found, expected, notes + tuple(more))


def _ignored(found: dict[str, Entry], expected: Mapping[str, Shape]) -> list[str]:
    """Take out what is known not to matter, with the reason; refuse what nobody knows."""
    notes = []
    for key in [key for key in found if key not in expected]:
        if key.endswith("act_filter"):
            notes.append(
                f"Ignored {key}: a filter of pre-release versions that their generator does not use."
            )
        elif not key.startswith(PARTS):
            notes.append(
                f"Ignored {key[:80]}: it belongs neither to mapping nor to synthesis, which alone make the picture."
            )
        else:
            raise refusal(
                f"the {len(expected)} tensors of this architecture",
                f"{key[:80]!r} besides them",
                "the network computes something that StyleScope does not know and would play wrong",
            )
        del found[key]
    return notes


def _check_shapes(found: dict[str, Entry], expected: Mapping[str, Shape]) -> None:
    for key, entry in list(found.items()):
        if entry.shape == expected[key]:
            continue
        if key.endswith("conv1.resample_filter"):  # stored by habit, used by nothing: conv1 does not resample
            del found[key]
            continue
        raise refusal(
            f"{key} of shape {list(expected[key])}",
            f"{list(entry.shape)}",
            "the file is damaged or of another kind",
        )


def _check_missing(missing: list[str]) -> None:
    hard = [
        key
        for key in missing
        if not key.endswith(("resample_filter", "noise_const", "w_avg", "input.transform"))
    ]
    if hard:
        more = f" and {len(hard) - 1} more" if len(hard) > 1 else ""
        raise refusal(
            f"the tensor {hard[0]}{more}",
            "no such tensor",
            "this is another kind of network, or an incomplete file",
        )


def _fill(state: dict[str, Tensor], missing: list[str], expected: Mapping[str, Shape], config: Any) -> list[str]:
    """Make what a file left out, and say so."""
    notes = []
    draw = torch.Generator().manual_seed(NOISE_SEED)
    for key in missing:
        if key.endswith("resample_filter"):
            fir = setup_filter(config.resample_filter)
            state[key] = fir if tuple(fir.shape) == expected[key] else setup_filter((1, 3, 3, 1))
        elif key.endswith("noise_const"):
            state[key] = torch.randn(expected[key], generator=draw)
        elif key.endswith("input.transform"):
            state[key] = torch.eye(3)
    if any(key.endswith("noise_const") for key in missing):
        notes.append(
            f"The file brings no constant noise: it was drawn with seed {NOISE_SEED}, "
            "so fine detail differs from the original."
        )
    if "mapping.w_avg" in missing:
        state["mapping.w_avg"] = estimate_w_avg(state, config)
        notes.append(
            f"The file brings no average latent: it is the mean of {W_AVG_SAMPLES} mapped latents, "
            "which is how it is defined."
        )
    return notes


@torch.no_grad()
def estimate_w_avg(state: Mapping[str, Tensor], config: Any) -> Tensor:
    """Mean of mapped latents, w_avg [w_dim]; labels, where there are some, are all zero."""
    mapping = MappingNetwork(config.z_dim, config.c_dim, config.w_dim, None, config.mapping)
    layers = ("mapping.fc", "mapping.embed")
    mapping.load_state_dict({key[8:]: value for key, value in state.items() if key.startswith(layers)})
    draw = torch.Generator().manual_seed(NOISE_SEED)
    c = torch.zeros(W_AVG_BATCH, config.c_dim) if config.c_dim else None
    total = torch.zeros(config.w_dim)
    for _ in range(W_AVG_SAMPLES // W_AVG_BATCH):
        total += mapping.map(torch.randn(W_AVG_BATCH, config.z_dim, generator=draw), c).sum(dim=0)
    return total / W_AVG_SAMPLES


def _not_finite(state: Mapping[str, Tensor]) -> list[str]:
    bad = [key for key, value in state.items() if not torch.isfinite(value).all()]
    if not bad:
        return []
    return [
        f"{len(bad)} tensors hold values that are not numbers, the first is {bad[0]}: "
        "the file is damaged, or its training failed."
    ]
