"""Many pictures of one renderer as a zip that trainers read: PNGs, dataset.json with labels, attributes.json."""

import io
import json
import multiprocessing
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from engine import files
from engine.training.datasets import furlings, planets
from engine.training.settings import TrainingError

KINDS = {"furlings": furlings, "planets": planets}
SIZES = (16, 32, 64, 128, 256)  # of the raster, or means of its pixels
IN_FOLDER = 1000
Item = tuple[bytes, dict, int]  # PNG, attributes, label


def write_collection(
    kind: str,
    path: Path,
    count: int,
    *,
    resolution: int = 64,
    seed: int = 0,
    pose: float = 1.0,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write `count` pictures of seeds `seed`, `seed` + 1 ... to a zip, complete or not at all.

    The same seeds give the same pictures on one machine. `pose` 0..1 narrows how far furlings turn and how far all move
    and differ in size.
    """
    if kind not in KINDS:
        raise TrainingError(f"{kind}: expected {' or '.join(KINDS)}; choose one of them.")
    if resolution not in SIZES:
        raise TrainingError(f"--res: expected {', '.join(map(str, SIZES))}, found {resolution}.")
    draw = partial(item, kind, resolution, pose)
    labels, attributes = [], {}
    with files.aside(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for i, (png, facts, label) in enumerate(_drawn(draw, range(seed, seed + count), jobs)):
            name = f"{i // IN_FOLDER:05d}/img{i:08d}.png"
            archive.writestr(name, png)
            labels.append([name, label])
            attributes[name] = facts
            if progress is not None:
                progress(i + 1)
        archive.writestr("dataset.json", json.dumps({"labels": labels, "classes": KINDS[kind].LABELS}))
        archive.writestr("attributes.json", json.dumps(attributes))


def item(kind: str, resolution: int, pose: float, seed: int) -> Item:
    """One picture as PNG, its attributes with its seed, and its label."""
    img, attributes, label = KINDS[kind].render(seed, pose)
    file = io.BytesIO()
    Image.fromarray(shrink(img, resolution)).save(file, "PNG")
    return file.getvalue(), attributes | {"seed": seed}, label


def shrink(img: np.ndarray, resolution: int) -> np.ndarray:
    """Means over squares of pixels: [256, 256, 3] in 0..1 -> [R, R, 3] uint8."""
    k = len(img) // resolution
    return (img.reshape(resolution, k, resolution, k, 3).mean((1, 3)) * 255 + 0.5).astype(np.uint8)


def sheet(
    kind: str, columns: int, rows: int, resolution: int = 64, seed: int = 0, pose: float = 1.0
) -> np.ndarray:
    """A contact sheet [rows R, columns R, 3] uint8."""
    pictures = []
    for i in range(seed, seed + columns * rows):
        pictures.append(shrink(KINDS[kind].render(i, pose)[0], resolution))
    grid = np.stack(pictures).reshape(rows, columns, resolution, resolution, 3)
    return grid.swapaxes(1, 2).reshape(rows * resolution, columns * resolution, 3)


def _drawn(draw: Callable[[int], Item], seeds: range, jobs: int) -> Iterator[Item]:
    """Pictures in the order of their seeds; several processes share the work."""
    if jobs == 1:
        yield from map(draw, seeds)
        return
    draw(seeds[0])  # compiles once, and leaves the result in the cache for the others
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(draw, seeds, chunksize=16)
