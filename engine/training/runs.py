"""Start a run, or continue one: from settings and a folder to a trainer that goes."""

from pathlib import Path

import msgspec

from engine.training.data import Dataset, open_dataset
from engine.training.files import RunFolder
from engine.training.loop import Trainer
from engine.training.settings import Settings, check
from engine.training.transfer import start_from
from engine.training.world import World

Started = tuple[Trainer, RunFolder, tuple[str, ...]]


def start(settings: Settings, out: Path, world: World | None = None, command: str = "") -> Started:
    """A new run in folder `out`, which remembers the `command`.

    The notes are for the user: files that were left out, what came from `settings.init`.
    """
    world = world or World()
    check(settings, world.size)
    dataset = _open(settings)
    trainer = Trainer(settings, dataset, world)
    notes = start_from(trainer.players, settings.init) if settings.init else ()
    folder = RunFolder(out)
    guard = _own(folder, world)
    if world.rank == 0:
        folder.create(settings, command)
        _list_broken(folder, dataset)
    return trainer, folder, (*guard, *_broken_notes(dataset), *notes)


def resume(out: Path, changes: dict, world: World | None = None) -> Started:
    """Continue the run in `out` at its newest readable checkpoint; `changes` replace settings.

    A run that was stopped before its first checkpoint starts again. TrainingError when another process trains there.
    """
    world, folder = world or World(), RunFolder(out)
    folder.settings()  # a folder without a run stays as it is
    guard = _own(folder, world)
    trainer, _, notes = look(out, changes, world) if folder.saved() else _again(out, changes, world)
    if world.rank == 0:
        folder.rewind(trainer.images)
        folder.store(trainer.settings)
    return trainer, folder, (*guard, *notes)


def look(out: Path, changes: dict, world: World | None = None) -> Started:
    """The run in `out` at its newest readable checkpoint, without changing anything in its folder."""
    world = world or World()
    folder = RunFolder(out)
    settings = check(msgspec.structs.replace(folder.settings(), **changes), world.size)
    state, notes = folder.load()
    dataset = _open(settings)
    trainer = Trainer(settings, dataset, world)
    trainer.restore(state)
    return trainer, folder, (*notes, *_broken_notes(dataset))


def _again(out: Path, changes: dict, world: World | None) -> Started:
    """The run in `out` at its very beginning."""
    world, folder = world or World(), RunFolder(out)
    settings = check(msgspec.structs.replace(folder.settings(), **changes), world.size)
    dataset = _open(settings)
    trainer = Trainer(settings, dataset, world)
    notes = start_from(trainer.players, settings.init) if settings.init else ()
    return trainer, folder, (f"{out}: has no checkpoint yet; it starts again.", *notes, *_broken_notes(dataset))


def _own(folder: RunFolder, world: World) -> tuple[str, ...]:
    """The first process owns the folder for all of them."""
    note = folder.own() if world.rank == 0 else ""
    return (note,) if note else ()


def _open(settings: Settings) -> Dataset:
    return open_dataset(
        settings.data, settings.resolution, conditional=settings.conditional, max_images=settings.max_images,
        seed=settings.seed,
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
