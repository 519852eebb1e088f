"""The window in the workspace Inspect: its sections, its keys, its jobs, with the real engine behind it."""

import pytest

from app.live.panels import panels
from engine.renderer import Renderer
from engine.scene import Scene
from engine.worker import Worker
from tests.app.live.appstage import AppStage
from tests.engine import tiny


class Shelf(tiny.Shelf):
    """A store of one small network."""

    def __init__(self) -> None:
        super().__init__(tiny=tiny.stylegan2())
        self.device = "cpu"


@pytest.fixture
def stage(tmp_path):
    shelf = Shelf()
    with AppStage(tmp_path, panels=panels(), engine=Worker(Renderer(models=shelf))) as stage:
        stage.app.store = shelf
        path = shelf.get().facts.path
        stage.app.edit(Scene().set("model.path", path))
        stage.app.use_workspace("Inspect")
        stage.until(lambda: stage.app.worker.idle and stage.app.shown and stage.app.shown.statistics)
        yield stage
        stage.app.close()


def test_sections_that_look_inside_stand_in_inspect_alone(stage):
    looks = {"View", "Bends", "Contact sheet", "Probe", "Spectrum", "Filters", "Stylespace", "W plane"}
    layout = stage.app.columns.layout
    assert looks <= {*layout.left, *layout.right} and not layout.hidden
    stage.app.use_workspace("Play")
    layout = stage.app.columns.layout
    assert set(layout.hidden) == looks and not looks & {*layout.left, *layout.right}
    stage.app.columns.use(layout, "Play")
    assert set(layout.hidden) == looks


def test_every_line_has_its_statistics_once_the_engine_rests(stage):
    stage.run_frames(3)
    assert set(stage.app.shown.statistics) == {s.name for s in stage.app.shown.steps}


def test_a_layer_is_clicked_shown_turned_over_and_left_again(stage):
    def script(ctx):
        ctx.item_click("Right/Layers/b8.conv1")
        ctx.yield_(2)

    stage.play_app(script)
    assert stage.scene.view.step == "b8.conv1"
    stage.until(lambda: stage.app.shown.looked is not None)
    assert stage.app.shown.picture.shape == (8, 8, 4)
    count = stage.app.shown.looked.shown.count
    stage.app.ui.act("channel.back")
    stage.run_frames(1)
    assert stage.scene.view.channel == count - 1
    stage.app.ui.act("channel.next")
    stage.run_frames(1)
    assert stage.scene.view.channel == 0
    stage.app.edit(stage.scene.set("view.step", ""))
    stage.until(lambda: stage.app.shown.looked is None)
    assert stage.app.shown.picture.shape == (16, 16, 4)


def test_the_tool_probe_sets_the_probe_on_the_picture(stage):
    stage.app.settings.tool = "Probe"
    x, y = stage.middle()

    def script(ctx):
        from imgui_bundle import imgui

        ctx.mouse_move_to_pos(imgui.ImVec2(x + 30, y - 10))
        ctx.mouse_click(0)

    stage.play_app(script)
    view, placed = stage.scene.view, stage.app.viewport.placed
    assert view.probe and view.probe_x == pytest.approx(0.5 + 30 / (placed.width * placed.pixel), abs=0.01)
    assert view.probe_y == pytest.approx(0.5 - 10 / (placed.height * placed.pixel), abs=0.01)
    stage.until(lambda: stage.app.shown.probed)


def test_the_average_spectrum_runs_aside(stage):
    stage.app.ui.act("spectrum.start", 4)
    stage.until(lambda: stage.app.spectra.job and stage.app.spectra.job.seen == 4)
    assert stage.app.spectra.job.power.shape == (16, 16) and not stage.app.spectra.job.error


def test_the_w_plane_arrives(stage):
    stage.app.ui.act("w.sample")
    stage.until(lambda: stage.app.w_plane.plane is not None)
    stage.run_frames(1)
    assert stage.app.ui.host.w_plane is stage.app.w_plane.plane and len(stage.app.w_plane.plane.points) == 2000
