"""How far a discriminator knows its pictures by heart: Karras et al. 2020 (ADA), Fig. 1 and equation 1."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine import load_model
from engine.training import measure
from engine.training.data import Dataset, open_dataset, pictures
from engine.training.files import RunFolder
from engine.training.settings import Settings, TrainingError


@dataclass(frozen=True, eq=False)
class Logits:
    """D's logits [n] of pictures it was trained on, of others of their kind, and of generated ones."""

    training: np.ndarray
    unseen: np.ndarray
    generated: np.ndarray

    @property
    def r_v(self) -> float:
        """0 where D cannot tell unseen pictures from those it learned, 1 where it takes them for generated ones."""
        return float(
            (self.training.mean() - self.unseen.mean()) / (self.training.mean() - self.generated.mean())
        )


@torch.no_grad()
def logits(run: Path, count: int, data: Path | None = None, unseen: Path | None = None) -> Logits:
    """Logits of `count` pictures of each kind by the newest snapshot of run folder `run`, without augmentation.

    `data` says where its pictures are now. Unseen are those of folder or zip `unseen`, or else those that max_images
    left out. Raises TrainingError where there are none.
    """
    settings = RunFolder(run).settings()
    source = str(data or settings.data)
    learned = _open(source, settings, settings.max_images)
    others = _open(str(unseen), settings, None) if unseen else _left_out(source, settings, learned)
    D = load_model(str(run), "D")
    n = min(count, len(learned), len(others))
    labels = learned.labels[:n]
    fake = measure.generated(load_model(str(run)), labels, seed=0, lod=None)
    real, new = (pictures(some, torch.arange(n), torch.zeros(n, dtype=torch.bool)) for some in (learned, others))
    return Logits(_judged(D, *real), _judged(D, *new), _judged(D, fake, labels))


def _open(source: str, settings: Settings, most: int | None) -> Dataset:
    return open_dataset(
        source, settings.resolution, conditional=settings.conditional, max_images=most, seed=settings.seed
    )


def _left_out(source: str, settings: Settings, learned: Dataset) -> Dataset:
    """The pictures of `source` that are not in `learned`."""
    whole, known = _open(source, settings, None), set(learned.names)
    chosen = torch.tensor([i for i, name in enumerate(whole.names) if name not in known], dtype=torch.long)
    if not len(chosen):
        raise TrainingError(
            f"{source}: expected pictures that the run has not seen, found none, since it uses all of them; name a "
            "folder or zip of others with --unseen."
        )
    names = tuple(whole.names[i] for i in chosen.tolist())
    return Dataset(whole.images[chosen], whole.labels[chosen], names, whole.broken)


def _judged(D: nn.Module, img: Tensor, c: Tensor) -> np.ndarray:
    parts = zip(img.split(measure.BATCH), c.split(measure.BATCH), strict=True)
    return torch.cat([D(part, label) for part, label in parts]).flatten().double().numpy()
