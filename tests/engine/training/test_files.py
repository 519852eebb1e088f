"""A run folder on a disk that refuses, and after a process that was killed: nothing half, and a sentence."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from engine.checkpoints import open_checkpoint, write_native
from engine.errors import CheckpointError
from engine.training import owner, players, runs
from engine.training.files import RunFolder
from engine.training.loop import Trainer
from engine.training.settings import TrainingError
from tests.engine.training.tiny import dataset, settings

needs_limits = pytest.mark.skipif(sys.platform == "win32", reason="needs limits on files, not Windows")


@contextmanager
def full_at(size: int) -> Iterator[None]:
    """Within `with` no file grows beyond `size` bytes, for all writers, those in other languages and pytest too."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def begin(path) -> tuple[Trainer, RunFolder]:
    trainer, folder = Trainer(settings(), dataset()), RunFolder(path)
    folder.create(trainer.settings)
    trainer.train(folder, stop=lambda: trainer.images >= 16)
    return trainer, folder


def contents(folder: RunFolder) -> dict[str, bytes]:
    files = (p for p in folder.path.rglob("*") if p.is_file() and p.name != owner.NAME)
    return {str(p.relative_to(folder.path)): p.read_bytes() for p in files}


@needs_limits
@pytest.mark.parametrize("what", ["state", "snapshot", "sheet", "config"])
def test_a_disk_that_refuses_leaves_every_file_as_it_was(tmp_path, what):
    trainer, folder = begin(tmp_path / "run")
    before = contents(folder)
    networks = players.contents(trainer.players)
    act = {
        "state": lambda: folder.save(trainer.state(), networks, 20, 3),
        "snapshot": lambda: folder.save({}, networks, 20, 3),
        "sheet": lambda: folder.save_sheet("sheet-0000000020", trainer.sheet(), 10),
        "config": lambda: folder.store(trainer.settings),
    }[what]
    limit = full_at(1000 if what == "snapshot" else 500)
    with pytest.raises(TrainingError, match=r"could not be written \(File too large.*--resume"), limit:
        act()
    after = contents(folder)
    after.pop("checkpoints/state-0000000020.pt", None)  # whole, where only the snapshot was refused
    assert after == before
    act()  # with room again


@needs_limits
def test_a_line_that_was_cut_off_is_dropped_by_the_next_start(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "open_dataset", lambda *args, **options: dataset())
    _, folder = begin(tmp_path / "run")
    whole = folder.stats.read_bytes()
    limit = full_at(len(whole) + 10)
    with pytest.raises(TrainingError, match=r"stats.jsonl: could not be written \(File too large"), limit:
        folder.log({"images": 17, "loss_g": 1.0})
    assert folder.stats.read_bytes() != whole
    runs.resume(folder.path, {})
    assert folder.stats.read_bytes() == whole


@needs_limits
def test_the_native_format_says_what_the_disk_said(tmp_path):
    made = players.contents(players.build(settings(), 0))
    with pytest.raises(CheckpointError, match="File too large"), full_at(1000):
        write_native(made, tmp_path / "net.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_away(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "open_dataset", lambda *args, **options: dataset())
    trainer, folder = begin(tmp_path / "run")
    before = contents(folder)
    folder.save_sheet("sheet-0000000018", trainer.sheet(), 10)  # of lines after the checkpoint
    for name in (
        "checkpoints/.state-0000000020.pt.ab12_x9z.pt", "sheets/.sheet-0000000020.png.k4dhsnbr.png",
        ".network-snapshot-0000000020.safetensors.q1w2e3r4.safetensors", ".config.json.00000000.json",
    ):  # fmt: skip
        (folder.path / name).write_bytes(b"half")
    (folder.path / ".notes.settings").write_bytes(b"a person's own")
    runs.resume(folder.path, {})
    assert contents(folder) == before | {".notes.settings": b"a person's own"}


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "open_dataset", lambda *args, **options: dataset())
    whole, folder = Trainer(settings(), dataset()), RunFolder(tmp_path / "whole")
    folder.create(whole.settings)
    whole.train(folder)
    killed = RunFolder(tmp_path / "killed")
    killed.create(settings())
    killed.log({"images": 8})
    trainer, _, notes = runs.resume(killed.path, {})
    assert "no checkpoint yet; it starts again" in notes[0]
    trainer.train(killed)
    for name in ("state-0000000040.pt", "state-0000000032.pt"):
        ours, theirs = (torch.load(f.checkpoints / name, weights_only=True)["networks"] for f in (killed, folder))
        assert all(torch.equal(ours[k][n], theirs[k][n]) for k in ours for n in ours[k])
    assert len(killed.stats.read_text().splitlines()) == len(folder.stats.read_text().splitlines())


def test_a_snapshot_that_a_window_holds_does_not_stop_the_run(tmp_path, monkeypatch):
    trainer, folder = begin(tmp_path / "run")
    networks = players.contents(trainer.players)
    (old,) = folder.path.glob("network-snapshot-*")
    unlink = type(old).unlink

    def held(path, missing_ok=False):
        if path == old:
            raise PermissionError(13, "used by another process")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(type(old), "unlink", held)
    folder.save({}, networks, 20, 1)
    assert old.exists()
    monkeypatch.undo()
    folder.save({}, networks, 24, 1)  # the next time it goes
    (left,) = folder.path.glob("network-snapshot-*")
    assert open_checkpoint(left).networks and left.name == "network-snapshot-0000000024.safetensors"
