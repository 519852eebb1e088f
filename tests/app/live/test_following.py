"""Following a training run: newer snapshots take over while everything else stays, and broken ones do no harm."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from imgui_bundle import imgui

from app.live import actions
from app.live.panels.model import ModelPanel
from engine.checkpoints import write_native
from engine.models import ModelStore
from engine.renderer import Renderer
from engine.scene import Scene
from engine.training import players
from engine.training.files import RunFolder
from engine.training.settings import convert
from engine.worker import Worker
from tests.app.live.appstage import FACTS, AppStage, Engine
from tests.engine.training.tiny import settings

SECOND = 1.0


def snapshot(run: Path, images: int) -> Path:
    return run / f"network-snapshot-{images:010d}.safetensors"


@pytest.fixture
def run(tmp_path):
    """A run folder without a snapshot."""
    folder = RunFolder(tmp_path / "furry")
    folder.create(convert({"data": "none"}))
    return folder.path


@pytest.fixture
def stage(tmp_path):
    with AppStage(tmp_path / "settings") as stage:
        yield stage


def look(stage) -> None:
    """Let a second pass, and what is listed aside arrive."""
    stage.run_frames(1, dt=SECOND)
    stage.until(lambda: not stage.app.tasks.busy)
    stage.run_frames(1)


def followed(stage, run, images: int = 1000) -> None:
    snapshot(run, images).write_bytes(b"x")
    stage.app.opener.open(str(run))
    stage.store.loads[-1].end()
    stage.run_frames(2)


def test_opening_a_run_folder_plays_its_newest_snapshot(stage, run):
    snapshot(run, 1000).write_bytes(b"x")
    snapshot(run, 12_500).write_bytes(b"x")
    stage.app.opener.open(str(run))
    assert stage.said == ["Opening network-snapshot-0000012500.safetensors: reading tensors 25%"]
    stage.store.loads[-1].end()
    stage.run_frames(2)
    assert stage.scene.model.path == str(snapshot(run, 12_500))
    assert stage.app.follower.words == "furry at 12.5 kimg"
    assert stage.app.settings.recent == [str(run)]
    stage.app.undo()
    stage.run_frames(2)
    assert stage.scene == Scene() and stage.app.follower.run is None


def test_a_newer_snapshot_takes_over_and_everything_else_stays(stage, run):
    followed(stage, run)
    mine = stage.scene.set("truncation.psi", 0.3).set("latent.seed", 7)
    stage.app.edit(mine)
    snapshot(run, 2000).write_bytes(b"x")
    look(stage)
    assert stage.store.loads[-1].path == str(snapshot(run, 2000))
    assert stage.scene == mine and stage.said == []  # it is loaded aside
    stage.store.loads[-1].end()
    stage.run_frames(1)
    assert stage.scene == mine.set("model.path", str(snapshot(run, 2000)))
    assert stage.engine_double.scenes[-1] == stage.scene
    stage.app.undo()  # takes back what the person did, not what the run did
    assert stage.scene.truncation.psi == Scene().truncation.psi
    assert stage.scene.model.path == str(snapshot(run, 2000)) and stage.app.follower.run == run


def test_a_gesture_goes_on_across_a_change(stage, run):
    followed(stage, run)
    snapshot(run, 2000).write_bytes(b"x")
    look(stage)

    def script(ctx):
        ctx.mouse_move("//Left/Truncation/Psi")
        ctx.mouse_down()
        ctx.mouse_move_to_pos(ctx.item_info("//Left/Truncation/Psi").rect_full.get_center() + imgui.ImVec2(30, 0))
        stage.store.loads[-1].end()
        ctx.yield_(3)
        ctx.mouse_move_to_pos(ctx.item_info("//Left/Truncation/Psi").rect_full.get_center() + imgui.ImVec2(60, 0))
        ctx.mouse_up()
        ctx.yield_(2)

    stage.play_app(script)
    assert stage.scene.truncation.psi != 1 and stage.scene.model.path == str(snapshot(run, 2000))
    stage.app.undo()
    assert stage.scene.truncation.psi == 1 and stage.scene.model.path == str(snapshot(run, 2000))


def test_a_broken_snapshot_is_said_once_and_the_one_before_plays_on(stage, run):
    followed(stage, run)
    snapshot(run, 2000).write_bytes(b"half")
    look(stage)
    loads = len(stage.store.loads)
    stage.store.loads[-1].end("network-snapshot-0000002000.safetensors: damaged.")
    look(stage)
    look(stage)
    assert len(stage.store.loads) == loads  # it is not tried again as it is
    assert stage.scene.model.path == str(snapshot(run, 1000))
    said = "2.0 kimg cannot be opened; 1.0 kimg plays on. network-snapshot-0000002000.safetensors: damaged."
    assert stage.app.follower.trouble == said
    snapshot(run, 2000).write_bytes(b"the whole of it")
    look(stage)
    stage.store.loads[-1].end()
    stage.run_frames(1)
    assert stage.app.follower.words == "furry at 2.0 kimg" and stage.app.follower.trouble == ""


def test_where_the_newest_is_broken_at_first_the_one_before_is_opened(stage, run):
    snapshot(run, 1000).write_bytes(b"x")
    snapshot(run, 2000).write_bytes(b"half")
    stage.app.opener.open(str(run))
    stage.store.loads[-1].end("damaged.")
    look(stage)
    stage.store.loads[-1].end()
    stage.run_frames(1)
    assert stage.app.follower.words == "furry at 1.0 kimg" and "damaged." in stage.app.follower.trouble
    assert stage.said == []  # the panel says it


def test_a_run_without_a_snapshot_is_waited_for(stage, run):
    stage.app.opener.open(str(run))
    stage.run_frames(1)
    assert stage.app.follower.words == "furry: no snapshot yet" and stage.scene == Scene()
    snapshot(run, 1000).write_bytes(b"x")
    look(stage)
    stage.store.loads[-1].end()
    stage.run_frames(1)
    assert stage.app.follower.words == "furry at 1.0 kimg"


def test_a_folder_that_is_no_run_is_a_sentence(stage, tmp_path):
    (tmp_path / "holiday").mkdir()
    stage.app.opener.open(str(tmp_path / "holiday"))
    stage.app.opener.open_dropped([str(tmp_path / "holiday")])
    stage.run_frames(1)
    assert "holiday: expected a run folder with snapshots inside, found a folder without" in stage.said[0]
    assert stage.app.follower.run is None
    actions.run(stage.app, "run.follow", str(tmp_path / "gone"))
    stage.run_frames(1)
    assert "gone: no such file or directory" in stage.said[0]


def test_the_panel_says_which_snapshot_plays_and_stops_following(tmp_path, run):
    engine = Engine(replace(FACTS, path=str(snapshot(run, 1000))))
    with AppStage(tmp_path / "settings", panels=[(ModelPanel(), "left")], engine=engine) as stage:
        followed(stage, run)
        stage.play_app(lambda ctx: ctx.item_click("//Left/Model/###Follow"))
        stage.run_frames(1)
        assert stage.app.follower.run is None and stage.scene.model.path == str(snapshot(run, 1000))
        snapshot(run, 2000).write_bytes(b"x")
        look(stage)
        assert len(stage.store.loads) == 1  # what plays stays
        stage.play_app(lambda ctx: ctx.item_click("//Left/Model/###Follow"))
        stage.store.loads[-1].end()
        stage.run_frames(1)
        assert stage.app.follower.words == "furry at 2.0 kimg"


def test_opening_something_else_ends_it(stage, run):
    followed(stage, run)
    stage.app.opener.open("/nets/cats.pkl")
    snapshot(run, 2000).write_bytes(b"x")
    look(stage)
    assert stage.store.loads[-1].path == "/nets/cats.pkl"  # the run waits meanwhile
    stage.store.loads[-1].end()
    stage.run_frames(2)
    assert stage.app.follower.run is None and stage.scene.model.path == "/nets/cats.pkl"


def test_cancelling_the_first_load_ends_it(stage, run):
    snapshot(run, 1000).write_bytes(b"x")
    stage.app.opener.open(str(run))
    actions.run(stage.app, "file.cancel")
    stage.run_frames(1)
    assert stage.app.follower.run is None and stage.scene == Scene()


def test_a_folder_that_vanishes_leaves_what_plays(stage, run):
    followed(stage, run)
    shutil.rmtree(run)
    look(stage)
    assert "no such file or directory" in stage.app.follower.trouble
    assert stage.scene.model.path == str(snapshot(run, 1000)) and stage.app.follower.run == run
    run.mkdir()  # it comes back
    look(stage)
    assert stage.app.follower.trouble == ""


def test_of_many_snapshots_two_stay_in_memory(stage, run):
    followed(stage, run)
    for images in (2000, 3000, 4000):
        snapshot(run, images).write_bytes(b"x")
        look(stage)
        stage.store.loads[-1].end()
        stage.run_frames(1)
    assert stage.store.forgotten == [str(snapshot(run, images)) for images in (1000, 2000)]


# --- with a real network ----------------------------------------------------------------------------------------


def test_a_real_run_plays_on_while_snapshots_come_break_and_go(tmp_path, run):
    def write(images: int) -> None:
        G_and_D = players.build(settings(seed=images), 0)
        write_native(players.contents(G_and_D), snapshot(run, images))

    write(1000)
    store = ModelStore()
    worker = Worker(Renderer("cpu", store))
    with AppStage(tmp_path / "settings", engine=worker) as stage:
        stage.app.store = store

        def picture() -> np.ndarray:
            stage.until(lambda: worker.idle and stage.app.shown and stage.app.shown.scene == stage.scene)
            assert stage.app.shown.error is None
            return np.array(stage.app.shown.picture)

        stage.app.opener.open(str(run))
        stage.until(lambda: stage.app.follower.playing)
        first = picture()
        write(2000)
        snapshot(run, 1000).unlink()  # the run keeps only so many
        stage.app.edit(stage.scene.set("latent.seed", 5))
        old = picture()  # of a network whose file is gone
        stage.until(lambda: (stage.run_frames(1, dt=SECOND), stage.app.follower.words == "furry at 2.0 kimg")[1])
        new = picture()
        assert not np.array_equal(first, old) and not np.array_equal(old, new)
        np.testing.assert_array_equal(new, Renderer("cpu").render(stage.scene).picture)

        shutil.copy(snapshot(run, 2000), snapshot(run, 3000))
        with open(snapshot(run, 3000), "r+b") as file:
            file.truncate(1000)
        stage.until(lambda: (stage.run_frames(1, dt=SECOND), stage.app.follower.trouble)[1])
        assert "network-snapshot-0000003000.safetensors" in stage.app.follower.trouble
        np.testing.assert_array_equal(picture(), new)
        stage.app.close()
