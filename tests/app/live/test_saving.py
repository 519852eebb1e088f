"""Captures and scenes on disk: numbered, complete, or a sentence and nothing lost."""

import pytest
from imgui_bundle import imgui
from PIL import Image

from app.live.bars import is_saved
from app.live.saving import next_number
from app.live.tasks import sentence
from engine import scenefile
from engine.scene import Scene
from tests.app.live.appstage import AppStage, gradient

CTRL = imgui.Key.mod_ctrl


@pytest.fixture
def stage(tmp_path):
    with AppStage(tmp_path / "settings") as stage:
        stage.app.settings.capture_folder = str(tmp_path / "captures")
        yield stage


def test_p_saves_the_picture_with_its_scene(stage, tmp_path):
    stage.app.edit(Scene().set("latent.seed", 42))
    stage.run_frames(2)
    stage.play_app(lambda ctx: ctx.key_press(imgui.Key.p, 2))
    path = tmp_path / "captures" / "0002.png"
    stage.until(lambda: path.exists() and not stage.app.tasks.busy)
    assert scenefile.load(path) == stage.scene
    with Image.open(path) as image:
        assert (gradient(stage.scene)[..., :3] == image).all()
    assert stage.app.ui.host.last_capture.endswith(".png")


def test_numbers_go_on_after_the_highest(tmp_path):
    assert next_number(tmp_path / "none") == 1
    for name in ("0007.png", "0012-window.png", "0100.jpg", "holiday 0300.png"):
        (tmp_path / name).write_bytes(b"")
    assert next_number(tmp_path) == 13


def test_a_capture_on_an_error_carries_the_scene_of_the_picture(stage, tmp_path):
    stage.engine_double.trouble = lambda scene: "no" if scene.latent.seed == 5 else None
    stage.app.edit(Scene().set("latent.seed", 5))
    stage.run_frames(2)
    stage.app.ui.act("capture.picture")
    path = tmp_path / "captures" / "0001.png"
    stage.until(path.exists)
    assert scenefile.load(path) == Scene()


def test_a_folder_that_cannot_be_made_is_a_sentence_with_a_way_out(stage, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    stage.app.settings.capture_folder = str(tmp_path / "file" / "captures")
    stage.app.ui.act("capture.picture")
    stage.until(lambda: stage.said)
    assert "choose" in stage.said[0] and str(tmp_path / "file") in stage.said[0]

    def script(ctx):
        ctx.item_click("//Picture/message capture/Choose a folder")
        ctx.yield_(2)
        assert stage.app.dialogs.browser.is_open

    stage.play_app(script)


def test_a_full_disk_is_a_sentence():
    words = sentence(OSError(28, "No space left on device", "/tmp/x.png"))
    assert words == "/tmp/x.png: no space left on device; free some space or choose another folder."


def test_no_write_permission_is_a_sentence(stage, tmp_path, monkeypatch):
    def refuse(path, data):  # a folder cannot refuse root, which is who runs many a CI
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("engine.files.write", refuse)
    stage.app.saver.save_scene_to(str(tmp_path / "a.json"))
    stage.until(lambda: stage.said)
    assert "permission denied" in stage.said[0]


def test_save_as_asks_before_it_replaces(stage, tmp_path):
    old = tmp_path / "mine.json"
    old.write_text("precious")
    stage.app.settings.browse_folder = str(tmp_path)

    def script(ctx):
        ctx.key_press(CTRL | imgui.Key.s)
        ctx.yield_(3)
        ctx.set_ref("//Save the scene")
        ctx.item_input_value("##Name", "mine")
        ctx.item_click("###Accept")
        ctx.yield_(2)
        assert old.read_text() == "precious"
        ctx.item_click("###Accept")
        ctx.yield_(2)

    stage.play_app(script)
    stage.until(lambda: stage.app.scene_path == str(old))
    assert scenefile.load(old) == stage.scene
    stage.app.edit(stage.scene.set("latent.seed", 3))
    stage.play_app(lambda ctx: ctx.key_press(CTRL | imgui.Key.s))  # now it knows where
    stage.until(lambda: scenefile.load(old) == stage.scene)


def test_what_the_clock_moves_is_no_unsaved_change():
    saved = Scene().set("latent.walk", 0.5)
    walked = saved.set("latent.x", 3.25).set("time", 6.5)
    assert is_saved(walked, saved)
    assert not is_saved(walked.set("latent.y", 1.0), saved)
    assert not is_saved(saved.set("truncation.psi", 0.5), saved)
    assert not is_saved(Scene().set("latent.x", 3.25), Scene())


def test_the_window_is_captured_when_the_loop_hands_over_its_pixels(stage, tmp_path):
    stage.app.ui.act("capture.window")
    stage.run_frames(1)
    assert stage.app.saver.window_wanted
    stage.app.saver.window_captured(gradient(stage.scene)[..., :3])
    stage.until((tmp_path / "captures" / "0001-window.png").exists)
    assert not stage.app.saver.window_wanted
