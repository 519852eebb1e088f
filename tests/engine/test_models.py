"""Networks in memory: found again, kept though their file goes, and let go of."""

import time

import pytest

from engine import models
from engine.checkpoints import write_native
from engine.errors import CheckpointError
from engine.models import ModelStore
from engine.training import players
from tests.engine.training.tiny import settings


def write(path, seed: int = 0):
    """A tiny network that training could have written."""
    write_native(players.contents(players.build(settings(seed=seed), 0)), path)
    return path


def test_a_network_outlives_its_file_until_it_is_forgotten(tmp_path):
    store, path = ModelStore(), write(tmp_path / "net.safetensors")
    model = store.get(str(path))
    path.unlink()
    assert store.get(str(path)) is model
    store.forget(str(path))
    with pytest.raises(CheckpointError, match="no such file"):
        store.get(str(path))


def test_a_warm_network_has_run_before_it_is_handed_over(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(models, "run_once", ran.append)
    store, path = ModelStore(), write(tmp_path / "net.safetensors")
    for warm in (False, True):
        loading = store.start(str(path), warm=warm)
        while not loading.done:
            time.sleep(0.01)
        assert loading.error is None and loading.model is not None
        assert ran == [loading.model.generator] * warm


def test_a_file_written_anew_is_read_anew(tmp_path):
    store, path = ModelStore(), write(tmp_path / "net.safetensors")
    old = store.get(str(path))
    write(path, seed=1)
    assert store.get(str(path)) is not old
    path.unlink()
    assert store.get(str(path)) is not old  # the newest of that name
