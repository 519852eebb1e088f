"""Data sets that a network's spectrum is compared with: a folder or zip of pictures, or what the network's card says.

A card is the Markdown file beside a network. It names the file that the network was trained on, which may lie beside
the network; if not, and the recipe says that it was rendered by `dataset`, the same pictures are rendered again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from engine.errors import StyleScopeError

ROW = re.compile(r"^\|\s*data\s*\|\s*([^|,]+)", re.MULTILINE)
SHARE = re.compile(r"0(\.\d+)?|1(\.0+)?")
COMMAND = re.compile(r"^main\.py dataset (\w+) (.+)$", re.MULTILINE)
SHUFFLE = 0  # seed of the order in which pictures of a file are taken


@dataclass(frozen=True)
class Reference:
    """Pictures to compare with: those of the folder or zip `path`, or, without one, of the kind `kind` from `seed` on,
    rendered at `resolution` with as much `pose`."""

    label: str
    path: Path | None = None
    kind: str = ""
    seed: int = 0
    resolution: int = 64
    pose: float = 1.0

    def pictures(self, size: int) -> Iterator[Tensor]:
        """Pictures [3, size, size] float32 in 0..255, in a shuffled order; broken files are passed over.

        Raises StyleScopeError where there are none.
        """
        return self._of_file(self.path, size) if self.path is not None else self._rendered(size)

    def _of_file(self, path: Path, size: int) -> Iterator[Tensor]:
        from engine.training.data import SUFFIXES, open_files, prepare

        files = open_files(path)
        names = [name for name in files.names if name.lower().endswith(SUFFIXES)]
        found = False
        for i in np.random.RandomState(SHUFFLE).permutation(len(names)):
            try:
                picture = prepare(files.read(names[i]), size)
            except (OSError, ValueError, SyntaxError, BadZipFile):  # what is wrong with a file is the trainer's to tell
                continue
            found = True
            yield torch.from_numpy(picture.astype(np.float32))
        if not found:
            raise StyleScopeError(f"{path}: expected a folder or a zip of pictures, found none that can be read.")

    def _rendered(self, size: int) -> Iterator[Tensor]:
        from engine.training.data import prepare
        from engine.training.datasets.collection import item

        seed = self.seed
        while True:
            png, _, _ = item(self.kind, self.resolution, self.pose, seed)
            yield torch.from_numpy(prepare(png, size).astype(np.float32))
            seed += 1


def of_file(path: str | Path) -> Reference:
    """A folder or zip that somebody chose."""
    return Reference(Path(path).name, Path(path))


def of_card(network: Path) -> Reference | None:
    """The data of the card beside a network's file; None without a card or without data that can be had."""
    card = network.with_suffix(".md")
    if not card.is_file():
        return None
    text = card.read_text(encoding="utf-8", errors="replace")
    row = ROW.search(text)
    if row is None:
        return None
    file = network.parent / Path(row[1].strip()).name
    if file.exists():
        return of_file(file)
    found = [_of_command(kind, options) for kind, options in COMMAND.findall(text)]
    return next((r for r in found if r is not None and r.label == file.name), None)


def _of_command(kind: str, options: str) -> Reference | None:
    """What `main.py dataset KIND OPTIONS` renders; None for a kind that this program does not know."""
    from engine.training.datasets.collection import KINDS, SIZES

    words = options.split()
    said = dict(zip(words[::2], words[1::2]))
    seed, resolution, pose = said.get("--seed", "0"), said.get("--res", "64"), said.get("--pose", "1")
    if kind not in KINDS or not (seed.isdigit() and resolution in map(str, SIZES) and SHARE.fullmatch(pose)):
        return None
    return Reference(Path(said.get("--out", "")).name, None, kind, int(seed), int(resolution), float(pose))
