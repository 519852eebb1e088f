"""What `model.path` means: a scene with a bundled network finds it on every machine."""

from pathlib import Path

import numpy as np
import pytest

from app.cli.words import open_scene
from engine.models import BUNDLED, DEFAULT_MODEL, file_of, path_of
from engine.renderer import Renderer
from engine.scene import Scene


def test_a_bundled_network_goes_by_its_bare_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(BUNDLED.parent)
    scene = open_scene(f"models/{DEFAULT_MODEL.name}")
    assert scene.model.path == DEFAULT_MODEL.name
    renderer = Renderer()
    named = renderer.render(scene)
    assert named.error is None and np.array_equal(named.picture, renderer.render(Scene()).picture)


def test_other_files_go_by_their_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pkl").touch()
    assert path_of(Path("net.pkl")) == str(tmp_path / "net.pkl")
    assert file_of(str(tmp_path / "net.pkl")) == tmp_path / "net.pkl"


def test_a_file_at_hand_comes_before_a_bundled_one_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert file_of(DEFAULT_MODEL.name) == DEFAULT_MODEL
    (tmp_path / DEFAULT_MODEL.name).touch()
    assert file_of(DEFAULT_MODEL.name) == Path(DEFAULT_MODEL.name)
    assert file_of("") == DEFAULT_MODEL
    assert file_of("absent.pkl") == Path("absent.pkl")
