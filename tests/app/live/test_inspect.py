"""The window in the workspace Inspect: its sections, its keys, its jobs, with the real engine behind it."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from app.live.panels import panels
from engine import scenefile
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


def test_the_tool_paint_limits_a_bend_to_where_it_went(stage):
    from tests.app.live.appstage import drag

    stage.app.settings.tool = "Paint"
    before = stage.scene
    stage.play_app(lambda ctx: drag(ctx, stage.middle(), (60, 0)))
    assert stage.scene == before  # nothing is bent yet
    bends = [{"step": "b8.conv0"}, {"step": "b8.conv1", "channels": [1]}, {"step": "b8.conv1", "kind": "style"}]
    stage.app.edit(before.set("bends", bends))
    stage.run_frames(2)
    stage.play_app(lambda ctx: drag(ctx, stage.middle(), (120, 0)))
    other, bend, style = stage.scene.bends
    assert (other.radius, style.radius) == (0, 0) and bend.radius > 0 and len(bend.stroke) >= 3
    places = [(bend.x, bend.y), *bend.stroke]
    placed = stage.app.viewport.placed
    assert bend.x == pytest.approx(0.5, abs=0.02)
    assert places[-1][0] == pytest.approx(0.5 + 120 / (placed.width * placed.pixel), abs=0.04)
    assert all(y == pytest.approx(bend.y, abs=0.01) for _, y in places)
    stage.app.undo()
    assert stage.scene.bends[1].radius == 0  # one drag, one step back
    stage.app.settings.tool = "Walk"


def test_shift_and_the_wheel_turn_channels(stage):
    from imgui_bundle import imgui

    stage.app.edit(stage.scene.set("view.step", "b8.conv1"))
    stage.until(lambda: stage.app.shown.looked is not None)
    zoom = stage.app.viewport.view.zoom

    def script(ctx):
        ctx.mouse_move_to_pos(imgui.ImVec2(*stage.middle()))
        ctx.key_down(imgui.Key.mod_shift)
        ctx.mouse_wheel_y(-1)
        ctx.yield_(2)
        ctx.key_up(imgui.Key.mod_shift)

    stage.play_app(script)
    assert stage.scene.view.channel == 1 and stage.app.viewport.view.zoom == zoom


@pytest.mark.parametrize("ending", [".npy", ".safetensors", ".csv", ".png"])
def test_the_shown_layer_is_exported(stage, tmp_path, ending):
    stage.app.edit(stage.scene.set("view.step", "b8.conv1").set("view.part", "weight"))
    stage.until(lambda: stage.app.shown.looked is not None and stage.app.shown.looked.shown.part == "weight")
    stage.app.ui.act("export.step", ending)
    stage.run_frames(3)
    browser = stage.app.dialogs.browser
    assert browser.is_open and browser.name.endswith(f"b8.conv1-weight-seed0{ending}")
    browser.close()
    out = tmp_path / f"out{ending}"
    stage.app.saver.exporter.shown_step(str(out))
    stage.until(lambda: out.exists() and not stage.app.tasks.busy)
    weight = stage.app.store.get().generator.synthesis.get_parameter("b8.conv1.weight").numpy()
    if ending == ".npy":
        assert np.array_equal(np.load(out)[0], weight) and out.with_suffix(".json").exists()
    elif ending == ".safetensors":
        with safe_open(out, "np") as file:
            assert np.array_equal(file.get_tensor("weight")[0], weight)
    elif ending == ".csv":
        rows = list(csv.DictReader(out.open()))
        steps = [s.name for s in stage.app.shown.steps]
        assert [r["step"] for r in rows if r["channel"] == "all"] == steps
        assert [r["step"] for r in rows if r["channel"] != "all"] == ["b8.conv1"] * 16
    else:
        assert scenefile.load(out).view == stage.scene.view


def test_a_capture_waits_for_the_view_of_its_own_frame(stage):
    stage.app.edit(stage.scene.set("view.step", "b8.conv1"))
    stage.until(lambda: stage.app.shown.looked is not None and not stage.app.tasks.busy)  # nothing is being saved
    frame = stage.app.shown
    stage.app.shown = replace(frame, looked=replace(frame.looked, current=False))
    stage.app.saver.capture_picture()
    assert stage.app.saver.picture_wanted and not stage.app.tasks.busy
    stage.app.shown = frame
    stage.app.saver.capture_picture()
    assert not stage.app.saver.picture_wanted and stage.app.tasks.busy
    stage.until(lambda: not stage.app.tasks.busy)


def test_an_export_that_cannot_be_is_said(stage, tmp_path):
    stage.app.saver.exporter.shown_step(str(tmp_path / "out.npy"))
    assert "expected a shown layer" in stage.said[-1]
    stage.app.edit(stage.scene.set("view.step", "b8.conv1"))
    stage.until(lambda: stage.app.shown.looked is not None)
    (tmp_path / "file").write_text("")
    stage.app.saver.exporter.shown_step(str(tmp_path / "file" / "out.npy"))
    stage.until(lambda: not stage.app.tasks.busy)
    assert any("file" in words for words in stage.said)


def test_a_spectrum_ends_with_the_window(stage):
    stage.app.ui.act("spectrum.start", 1024)
    stage.until(lambda: stage.app.spectra.job and stage.app.spectra.job.seen > 1)
    stage.app.spectra.close()
    assert not stage.app.spectra.running and stage.app.spectra.job.seen < 1024


def test_spectra_are_compared_with_a_folder_of_pictures(stage, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(3):
        pixels = np.random.RandomState(i).randint(0, 256, (16, 16, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    stage.app.spectra.compare("file", str(folder))
    stage.app.ui.act("spectrum.start", 4)
    stage.until(lambda: stage.app.spectra.job and not stage.app.spectra.running)
    data = stage.app.spectra.data
    assert (data.seen, data.label, data.power.shape) == (3, "set", (16, 16))
    stage.run_frames(2)
    out = tmp_path / "s.csv"
    stage.app.spectra.save(str(out))
    stage.until(lambda: out.exists() and not stage.app.tasks.busy)
    rows = list(csv.DictReader(out.open()))
    slices = ("0°", "45°", "radial")
    assert {(r["of"], r["slice"]) for r in rows} == {(of, name) for of in ("picture", "set") for name in slices}
    found = [float(r["dB"]) for r in rows if r["of"] == "set" and r["slice"] == "0°"]
    assert found == pytest.approx((10 * np.log10(np.maximum(data.power[8, 8:], 1e-20))).tolist())
    stage.app.ui.act("spectrum.against", "none")
    stage.run_frames(2)
    assert stage.app.spectra.data is None


def test_hidden_panels_are_in_the_menu(stage):
    stage.app.use_workspace("Play")

    def script(ctx):
        ctx.item_click("Top/View")
        ctx.item_click("**/Panels")
        ctx.item_click("**/W plane")
        ctx.yield_(2)

    stage.play_app(script)
    layout = stage.app.columns.layout
    assert "W plane" in layout.right and "W plane" not in layout.hidden
    stage.app.ui.act("panel.toggle", "W plane")
    stage.run_frames(1)
    assert "W plane" in layout.hidden


def test_layers_stand_in_groups_that_fold(stage):
    def script(ctx):
        ctx.item_click("Right/Layers/Groups")
        ctx.item_click("Right/Layers/Group b8.conv0")
        ctx.yield_(2)
        assert not ctx.item_exists("Right/Layers/b8.conv1") and ctx.item_exists("Right/Layers/b16.conv1")
        ctx.item_click("Right/Layers/Group b8.conv0")
        ctx.yield_(2)
        assert ctx.item_exists("Right/Layers/b8.conv1")

    stage.play_app(script)


def test_the_average_spectrum_runs_aside(stage):
    stage.app.ui.act("spectrum.start", 4)
    stage.until(lambda: stage.app.spectra.job and stage.app.spectra.job.seen == 4)
    assert stage.app.spectra.job.power.shape == (16, 16) and not stage.app.spectra.job.error


def test_the_w_plane_arrives(stage):
    stage.app.ui.act("w.sample")
    stage.until(lambda: stage.app.w_plane.plane is not None)
    stage.run_frames(1)
    assert stage.app.ui.host.w_plane is stage.app.w_plane.plane and len(stage.app.w_plane.plane.points) == 2000
