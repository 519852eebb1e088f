"""One process trains in a run folder: the second is refused by name, a killed one leaves nothing behind."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from engine.training import owner, runs
from engine.training.files import RunFolder
from engine.training.settings import TrainingError
from engine.training.watching import Watched
from engine.training.world import World
from tests.engine.training.test_files import begin, contents
from tests.engine.training.tiny import dataset

ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import sys, time
from pathlib import Path
from engine.training.owner import own
held = own(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "open_dataset", lambda *args, **options: dataset())
    begin(tmp_path / "run")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_process_is_told_who_the_first_is_and_writes_nothing(tmp_path, holder):
    folder = RunFolder(tmp_path / "run")
    before = contents(folder)
    with pytest.raises(TrainingError, match=rf"process {holder.pid} on {socket.gethostname()}, since 20"):
        runs.resume(folder.path, {"kimg": 1.0})
    assert contents(folder) == before


def test_looking_needs_no_lock_and_other_ranks_take_none(tmp_path, holder):
    run = tmp_path / "run"
    assert runs.look(run, {})[0].images == Watched(run).look().images == 16
    assert runs.resume(run, {"batch": 8}, World(1, 2))[0].images == 16


def test_a_killed_process_leaves_the_run_to_the_next(tmp_path, holder):
    holder.kill()
    holder.wait()
    trainer, folder, notes = runs.resume(tmp_path / "run", {})
    assert trainer.images == 16 and notes == ()
    assert f'"process": {os.getpid()}' in (folder.path / owner.NAME).read_text()
    with pytest.raises(TrainingError, match=f"process {os.getpid()} "):
        RunFolder(folder.path).own()
    folder.release()
    RunFolder(folder.path).own()


def test_a_file_system_without_locks_is_named_and_trained_on(tmp_path, monkeypatch):
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(owner, "lock", refuse)
    assert "has no locks (No locks available)" in RunFolder(tmp_path / "run").own()
