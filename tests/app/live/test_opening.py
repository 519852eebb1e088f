"""Opening files: what plays meanwhile, what a failure says, what a drop takes; and the scene after a crash."""

import os
from pathlib import Path

import pytest
from imgui_bundle import imgui

from app.live import bars
from app.live.session import Session
from engine import scenefile
from engine.models import BUNDLED, DEFAULT_MODEL, starters
from engine.scene import Model, Scene
from tests.app.live.appstage import AppStage, gradient

CTRL = imgui.Key.mod_ctrl
OTHER = Scene().set("truncation.psi", 0.3).set("latent.seed", 7)


@pytest.fixture
def stage(tmp_path):
    with AppStage(tmp_path / "settings") as stage:
        yield stage


def test_a_network_plays_once_it_is_loaded_and_not_before(stage):
    stage.app.opener.open("/nets/cats.pkl")
    stage.play_app(
        lambda ctx: ctx.item_input_value("//Left/Truncation/Psi", 0.4)
    )  # the window goes on meanwhile
    assert stage.scene.model == Model() and stage.scene.truncation.psi == 0.4
    assert stage.said == ["Opening cats.pkl: reading tensors 25%"]
    stage.store.loads[-1].end()
    stage.run_frames(2)
    assert stage.scene.model == Model("/nets/cats.pkl") and stage.scene.truncation.psi == 0.4
    assert stage.app.settings.recent == [str(Path("/nets/cats.pkl").absolute())]
    stage.app.undo()
    assert stage.scene.model == Model()


def test_starter_networks_are_in_the_menu(stage, monkeypatch):
    other = DEFAULT_MODEL.with_name("planets.safetensors")
    monkeypatch.setattr(bars, "starters", lambda: [DEFAULT_MODEL, other])

    def choose(name):
        def script(ctx):
            ctx.item_click("Top/File")
            ctx.item_click("**/Starter networks")
            ctx.item_click(f"**/{name}")
            ctx.yield_(2)

        stage.play_app(script)
        stage.store.loads[-1].end()
        stage.run_frames(2)

    choose("planets")
    assert stage.scene.model == Model(str(other))
    choose(DEFAULT_MODEL.stem)
    assert stage.scene.model == Model()


def test_starters_begin_with_the_one_that_plays_at_the_start():
    found = starters()
    assert found[0] == DEFAULT_MODEL and set(found) == set(BUNDLED.glob("*.safetensors"))


def test_a_bad_file_leaves_the_present_network_and_says_why(stage):
    stage.app.opener.open("/nets/page.pkl")
    stage.store.loads[-1].end("page.pkl: expected a checkpoint, found an HTML page.")
    stage.run_frames(2)
    assert stage.scene == Scene()
    assert stage.said == ["page.pkl: expected a checkpoint, found an HTML page."]

    def script(ctx):
        ctx.item_click("//Picture/message open/Open another")
        ctx.yield_(2)
        assert stage.app.dialogs.browser.is_open

    stage.play_app(script)


def test_loading_can_be_cancelled(stage):
    stage.app.opener.open("/nets/cats.pkl")
    stage.run_frames(2)
    stage.play_app(lambda ctx: ctx.item_click("//Picture/message loading/Cancel"))
    stage.run_frames(2)
    assert stage.store.loads[-1].cancelled
    assert stage.said == [] and stage.scene == Scene()


def test_the_newest_wish_wins(stage):
    stage.app.opener.open("/nets/first.pkl")
    stage.app.opener.open("/nets/second.pkl")
    first, second = stage.store.loads
    assert first.cancelled
    first.end()
    second.end()
    stage.run_frames(2)
    assert stage.scene.model.path == "/nets/second.pkl"


def test_closing_while_loading_ends_cleanly(stage):
    stage.app.opener.open("/nets/cats.pkl")
    stage.run_frames(2)
    stage.app.close()
    assert stage.store.loads[-1].cancelled and stage.engine_double.closed
    assert not stage.app.session.autosave_path.exists()


@pytest.mark.parametrize("ending", ["json", "png"])
def test_scenes_and_pictures_restore_what_they_show(stage, tmp_path, ending):
    path = tmp_path / f"one.{ending}"
    scenefile.save(OTHER, path) if ending == "json" else scenefile.save_png(gradient(OTHER), OTHER, path)
    stage.app.opener.open_dropped([str(path)])
    stage.until(lambda: stage.scene == OTHER)
    stage.app.undo()
    assert stage.scene == Scene()


def test_a_scene_of_another_network_waits_for_that_network(stage, tmp_path):
    scene = OTHER.set("model.path", "/nets/cats.pkl")
    scenefile.save(scene, tmp_path / "one.json")
    stage.app.opener.open(str(tmp_path / "one.json"))
    stage.until(lambda: stage.store.loads)
    assert stage.scene == Scene()
    stage.store.loads[-1].end()
    stage.run_frames(2)
    assert stage.scene == scene


def test_of_several_dropped_files_the_first_usable_one_is_opened(stage):
    stage.app.opener.open_dropped(["/a/notes.txt", "/a/cats.pkl", "/a/dogs.pkl"])
    assert [load.path for load in stage.store.loads] == ["/a/cats.pkl"]
    assert "2 left out" in stage.said[0]


def test_a_picture_without_a_scene_says_so(stage, tmp_path):
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    stage.app.opener.open(str(tmp_path / "plain.png"))
    stage.until(lambda: stage.said)
    assert "carries no scene" in stage.said[0]
    assert stage.scene == Scene()


# --- the browser ------------------------------------------------------------------------------------------------


def test_the_browser_opens_a_typed_path(stage, tmp_path):
    scenefile.save(OTHER, tmp_path / "one.json")

    def script(ctx):
        ctx.key_press(CTRL | imgui.Key.o)
        ctx.yield_(3)
        ctx.set_ref("//Open a network, a scene or a picture")
        ctx.item_input_value("##Path", str(tmp_path / "missing.json"))
        ctx.yield_(2)
        assert "found nothing there" in stage.app.dialogs.browser.error
        ctx.item_input_value("##Path", str(tmp_path / "one.json"))

    stage.play_app(script)
    stage.until(lambda: stage.scene == OTHER)
    assert not stage.app.dialogs.browser.is_open


def test_the_browser_lists_folders_and_known_files_and_enters_by_double_click(stage, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("net-10.pkl", "net-9.pkl", "notes.txt", ".hidden.pkl"):
        (folder / name).write_bytes(b"x")
    stage.app.settings.browse_folder = str(tmp_path)
    stage.app.ui.act("file.open")
    browser = stage.app.dialogs.browser
    stage.until(lambda: browser.entries)
    stage.play_app(lambda ctx: ctx.item_double_click("//Open a network, a scene or a picture/**/###runs"))
    stage.until(lambda: browser.folder == folder and browser.entries)
    assert [e.name for e in browser.entries] == ["net-9.pkl", "net-10.pkl"]
    stage.play_app(lambda ctx: ctx.item_click("//Open a network, a scene or a picture/All files"))
    stage.until(lambda: browser.entries)
    assert [e.name for e in browser.entries] == ["net-9.pkl", "net-10.pkl", "notes.txt"]
    stage.play_app(
        lambda ctx: ctx.item_double_click("//Open a network, a scene or a picture/**/###net-9.pkl")
    )
    stage.run_frames(2)
    assert stage.store.loads[-1].path == str(folder / "net-9.pkl")


def test_esc_closes_the_browser_and_gives_the_window_back(stage):
    def script(ctx):
        stage.app.ui.act("file.open")
        ctx.yield_(3)
        assert stage.app.dialogs.browser.is_open
        ctx.key_press(imgui.Key.escape)
        ctx.yield_(3)
        assert not stage.app.dialogs.browser.is_open
        ctx.item_click("//Top/?")
        ctx.yield_(2)

    stage.play_app(script)
    assert stage.app.dialogs.help


def test_an_unreadable_folder_is_a_sentence(stage, tmp_path):
    browser = stage.app.dialogs.browser
    stage.app.ui.act("file.open")
    stage.run_frames(2)
    browser.go(tmp_path / "gone")
    stage.until(lambda: browser.entries is not None)
    assert "gone: no such file or directory" in browser.error


# --- after a crash ----------------------------------------------------------------------------------------------


def crash(folder: Path) -> None:
    """Leave behind what a window leaves that is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    scenefile.save(OTHER, folder / "scene-999999.json")
    (folder / "window-999999.lock").write_bytes(b"")


def test_after_a_crash_the_last_scene_is_offered(tmp_path):
    crash(tmp_path)
    with AppStage(tmp_path) as stage:
        assert stage.said == ["StyleScope was not closed properly last time."]
        stage.play_app(lambda ctx: ctx.item_click("//Picture/message recovery/Restore the last scene"))
        stage.run_frames(2)
        assert stage.scene == OTHER
        assert stage.said == []
    assert not (tmp_path / "scene-999999.json").exists()


def test_or_one_starts_fresh(tmp_path):
    crash(tmp_path)
    with AppStage(tmp_path) as stage:
        stage.play_app(lambda ctx: ctx.item_click("//Picture/message recovery/Start fresh"))
        stage.run_frames(2)
        assert stage.scene == Scene()
    with AppStage(tmp_path) as stage:
        assert stage.said == []


def test_a_damaged_autosave_is_a_sentence(tmp_path):
    crash(tmp_path)
    (tmp_path / "scene-999999.json").write_text("{")
    with AppStage(tmp_path) as stage:
        stage.play_app(lambda ctx: ctx.item_click("//Picture/message recovery/Restore the last scene"))
        stage.run_frames(2)
        assert "cannot be restored" in stage.said[0]
        assert stage.scene == Scene()


def test_a_scene_of_a_living_window_is_not_taken(tmp_path):
    first = Session(tmp_path)
    first.autosave(OTHER)
    os.rename(first.autosave_path, tmp_path / "scene-1.json")
    os.rename(
        tmp_path / f"window-{os.getpid()}.lock", tmp_path / "window-1.lock"
    )  # as if another process held it
    assert Session(tmp_path).crashed is None
    first._lock.close()  # that process dies
    assert Session(tmp_path).crashed == tmp_path / "scene-1.json"


def test_changes_are_autosaved_after_some_seconds_and_gone_after_a_clean_end(stage):
    stage.app.edit(OTHER)
    stage.run_frames(1, dt=0.1)
    assert not stage.app.session.autosave_path.exists()
    stage.run_frames(4, dt=1.0)
    stage.until(stage.app.session.autosave_path.exists)
    assert scenefile.load(stage.app.session.autosave_path) == OTHER
    stage.app.close()
    assert not stage.app.session.autosave_path.exists()


def test_settings_that_cannot_be_kept_are_a_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with AppStage(tmp_path / "file" / "settings") as stage:
        assert "settings will not be kept" in stage.said[0]
        stage.app.edit(OTHER)
        stage.run_frames(4, dt=1.0)
        stage.until(lambda: "autosave" in stage.app.messages.notices)
        assert "cannot be kept for a restart" in stage.app.messages.notices["autosave"].words


def test_broken_settings_start_with_the_defaults(tmp_path):
    (tmp_path / "settings.json").write_text('{"recent": 5')
    assert Session(tmp_path).settings.recent == []
