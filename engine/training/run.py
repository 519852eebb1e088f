"""Start a run, or continue one: from settings and a folder to a trainer that goes."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.training.data import Dataset, open_dataset
from engine.training.files import RunFolder
from engine.training.loop import Report, Trainer
from engine.training.settings import Settings, check
from engine.training.transfer import start_from
from engine.training.world import World


def start(settings: Settings, out: Path, world: World | None = None, progress: Callable[[int, int], None] | None = None) -> tuple[Trainer, RunFolder, tuple[str, ...]]:
    """A new run in folder `out`; also notes for the user: files left out, what came from `settings.init`."""
    world = world or World()
    check(settings, world.size)
    dataset = _open(settings, progress)
    trainer = Trainer(settings, dataset, world)
    notes = start_from(trainer.players, settings.init) if settings.init else ()
    folder = RunFolder(out)
    if world.rank == 0:
        folder.create(settings)
        _list_broken(folder, dataset)
    return trainer, folder, (*_broken_notes(dataset), *notes)


def resume(out: Path, changes: dict, world: World | None = None, progress: Callable[[int, int], None] | None = None) -> tuple[Trainer, RunFolder, tuple[str, ...]]:
    """Continue the run in `out` at its newest readable checkpoint; `changes` replace settings."""
    world = world or World()
    folder = RunFolder(out)
    settings = check(msgspec.structs.replace(folder.settings(), **changes), world.size)
    state, notes = folder.load()
    dataset = _open(settings, progress)
    trainer = Trainer(settings, dataset, world)
    trainer.restore(state)
    if world.rank == 0:
        folder.rewind(trainer.images)
        folder.store(settings)
    return trainer, folder, (*notes, *_broken_notes(dataset))


def _open(settings: Settings, progress: Callable[[int, int], None] | None) -> Dataset:
    return open_dataset(
        settings.data, settings.resolution, conditional=settings.conditional, max_images=settings.max_images,
        seed=settings.seed, progress=progress,
    )  # fmt: skip


def _list_broken(folder: RunFolder, dataset: Dataset) -> None:
    if dataset.broken:
        text = "".join(f"{name}\t{reason}\n" for name, reason in dataset.broken)
        (folder.path / "broken.txt").write_text(text, encoding="utf-8")


def _broken_notes(dataset: Dataset) -> tuple[str, ...]:
    if not dataset.broken:
        return ()
    name, reason = dataset.broken[0]
    return (f"{len(dataset.broken)} file(s) left out, listed in broken.txt; the first is {name} ({reason}).",)


__all__ = ["Report", "resume", "start"]
