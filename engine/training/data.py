"""Training pictures from a folder or a zip: cropped and resized in one stated way, labelled, broken files listed."""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from engine.training.settings import TrainingError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
POLICY = "upright after EXIF, transparency on black, centre crop to a square, Lanczos resize, RGB"


@dataclass(frozen=True)
class Dataset:
    """Pictures held in memory: `images` [N, 3, R, R] uint8; `labels` [N, c_dim] float, c_dim 0 without labels.

    `names` are the files' names in order; `broken` lists (name, reason) of files that were left out.
    """

    images: Tensor
    labels: Tensor
    names: tuple[str, ...]
    broken: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def c_dim(self) -> int:
        return self.labels.shape[1]


def open_dataset(
    path: str | Path,
    resolution: int,
    *,
    conditional: bool = False,
    max_images: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read every picture of a folder (with its subfolders) or zip; `max_images` keeps a random subset of that size.

    Labels come from dataset.json or else from the names of the subfolders. Raises TrainingError when nothing is left.
    """
    files = open_files(Path(path))
    names = [name for name in files.names if name.lower().endswith(SUFFIXES)]
    if max_images is not None and max_images < len(names):
        chosen = np.random.default_rng(seed).permutation(len(names))[:max_images]
        names = [names[i] for i in sorted(chosen)]
    images = np.empty((len(names), 3, resolution, resolution), np.uint8)
    kept, broken = [], []
    for i, name in enumerate(names):
        try:
            images[len(kept)] = prepare(files.read(name), resolution)
            kept.append(name)
        except (OSError, ValueError, SyntaxError, zipfile.BadZipFile, Image.DecompressionBombError) as error:
            broken.append((name, str(error) or type(error).__name__))
        if progress is not None:
            progress(i + 1, len(names))
    if not kept:
        raise TrainingError(
            f"{path}: expected pictures ({', '.join(SUFFIXES)}), found none that can be read."
        )
    labels = read_labels(files, kept) if conditional else torch.zeros(len(kept), 0)
    return Dataset(torch.from_numpy(images[: len(kept)]), labels, tuple(kept), tuple(broken))


def prepare(data: bytes, resolution: int) -> np.ndarray:
    """One picture of any size and mode as [3, R, R] uint8, after POLICY."""
    with Image.open(io.BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16") or image.mode == "I":
            image = Image.fromarray((np.asarray(image, dtype=np.float64) / 257).clip(0, 255).astype(np.uint8))
        if "A" in image.getbands() or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        image = image.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    if side != resolution:
        image = image.resize((resolution, resolution), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))  # [3, R, R]


# --- files, wherever they are -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Files:
    """Named files of a folder or zip, in a fixed order."""

    names: tuple[str, ...]
    read: Callable[[str], bytes]


def open_files(path: Path) -> Files:
    """List a folder or zip; TrainingError when it is neither."""
    if path.is_dir():
        names = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
        return Files(tuple(names), lambda name: (path / name).read_bytes())
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"{path}: expected a folder or a zip of pictures ({error}); choose another --data."
        ) from error
    names = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    return Files(tuple(names), archive.read)


def read_labels(files: Files, names: Sequence[str]) -> Tensor:
    """Labels [N, c_dim] of the named pictures: one-hot for class numbers and folders, as they are for vectors."""
    table = _label_table(files)
    if table is None:
        classes = sorted({name.rpartition("/")[0] for name in names})
        table = {name: classes.index(name.rpartition("/")[0]) for name in names}
    missing = [name for name in names if name not in table]
    if missing:
        raise TrainingError(f"dataset.json: expected a label for every picture, found none for {missing[0]}.")
    values = np.asarray([table[name] for name in names])
    if values.ndim == 1:
        values = np.eye(int(values.max()) + 1)[values.astype(int)]
    if values.shape[1] < 1 or len(np.unique(values, axis=0)) < 2:
        raise TrainingError(
            "--cond: expected at least two classes in dataset.json or as subfolders, found one."
        )
    return torch.as_tensor(values, dtype=torch.float32)


def _label_table(files: Files) -> dict | None:
    if "dataset.json" not in files.names:
        return None
    try:
        labels = json.loads(files.read("dataset.json")).get("labels")
        return None if labels is None else {str(name).replace("\\", "/"): label for name, label in labels}
    except (ValueError, AttributeError, TypeError) as error:
        raise TrainingError(
            f'dataset.json: expected {{"labels": [[name, class], ...]}} ({error}).'
        ) from error


# --- drawing from it ----------------------------------------------------------------------------------------------


class Sampler:
    """Endless shuffled passes over the numbers 0 .. count-1; each may come mirrored. `state` restores it exactly."""

    def __init__(self, count: int, mirror: bool, seed: int):
        self.count, self.mirror = count, mirror
        self.generator = torch.Generator().manual_seed(seed)
        self.order, self.position = self._shuffle(), 0

    def take(self, n: int) -> tuple[Tensor, Tensor]:
        """The next `n` numbers and whether each is mirrored."""
        parts, missing = [], n
        while missing > 0:
            part = self.order[self.position : self.position + missing]
            parts.append(part)
            self.position, missing = self.position + len(part), missing - len(part)
            if self.position == self.count:
                self.order, self.position = self._shuffle(), 0
        flips = (
            torch.rand(n, generator=self.generator) < 0.5 if self.mirror else torch.zeros(n, dtype=torch.bool)
        )
        return torch.cat(parts), flips

    def state(self) -> dict:
        """What `restore` needs."""
        return {
            "generator": self.generator.get_state(),
            "order": self.order.clone(),
            "position": self.position,
        }

    def restore(self, state: dict) -> None:
        """Go on where `state` was taken."""
        self.generator.set_state(state["generator"])
        self.order, self.position = state["order"], int(state["position"])

    def _shuffle(self) -> Tensor:
        return torch.randperm(self.count, generator=self.generator)


def pictures(dataset: Dataset, numbers: Tensor, flips: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures [N, 3, R, R] in -1..1 and labels [N, c_dim]."""
    img = dataset.images[numbers].float() / 127.5 - 1
    img = torch.where(flips[:, None, None, None], img.flip(3), img)
    return img, dataset.labels[numbers]
