"""What a checkpoint holds once it has been read: networks by name, not built yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Contents:
    """One network inside a file."""

    family: str  # "stylegan1" | "stylegan2" | "stylegan3" | "lucidrains"
    kind: str  # "generator" | "discriminator"
    config: Any  # that family's own config dataclass, from engine/networks/<family>.py
    state: Mapping[str, Tensor]  # published PyTorch key -> tensor
    trained: bool = True  # False for random weights, which only a native file can declare
    notes: tuple[str, ...] = ()  # what was ignored or assumed, and why that is harmless


@dataclass(frozen=True)
class Checkpoint:
    """A file, what it turned out to be, and the networks inside ("G_ema", "G", "D")."""

    path: Path
    format: str
    networks: Mapping[str, Contents]
