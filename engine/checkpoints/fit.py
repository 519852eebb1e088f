"""Fits the tensors of a file to a configuration: everything is used, accounted for, or the file is refused."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.checkpoints import plan1, plan2, plan3, plan_critic, plan_critic1, plan_lucidrains
from engine.checkpoints.contents import Contents
from engine.checkpoints.fill import FILLABLE, fill
from engine.checkpoints.limits import refusal
from engine.checkpoints.shapes import Shape, Shapes, Traits
from engine.checkpoints.source import Source
from engine.checkpoints.tensors import TensorRef

PARTS = (
    "mapping.",
    "synthesis.",
    "b",
)  # of generators and discriminators; other names have no part in a picture
PLANS: dict[str, Any] = {
    "stylegan1": plan1,
    "stylegan2": plan2,
    "stylegan3": plan3,
    "lucidrains": plan_lucidrains,
    "discriminator": plan_critic,
    "discriminator1": plan_critic1,
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
        return "discriminator" if self.family.startswith("discriminator") else "generator"

    def described(self) -> Contents:
        """What it is, without its tensors."""
        return Contents(self.family, self.kind, self.config, {}, self.trained, self.notes)

    def read(self, source: Source) -> Contents:
        """The network with its tensors; those that the file left out are made, and noted. `source` is the file."""
        source.watch.begin(sum(entry.size for entry in self.entries.values()))
        state = {key: self.entries[key].read().float() for key in self.expected if key in self.entries}
        missing = [key for key in self.expected if key not in state]
        source.budget.take(4 * sum(math.prod(self.expected[key]) for key in missing))
        notes = fill(state, missing, self.expected, self.family, self.config)
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
    hard = [key for key in missing if not key.endswith(FILLABLE)]
    if hard:
        more = f" and {len(hard) - 1} more" if len(hard) > 1 else ""
        raise refusal(
            f"the tensor {hard[0]}{more}",
            "no such tensor",
            "this is another kind of network, or an incomplete file",
        )


def _not_finite(state: Mapping[str, Tensor]) -> list[str]:
    bad = [key for key, value in state.items() if not torch.isfinite(value).all()]
    if not bad:
        return []
    return [
        f"{len(bad)} tensors hold values that are not numbers, the first is {bad[0]}: "
        "the file is damaged, or its training failed."
    ]
