"""The right column: layers, performance, capture."""

from dataclasses import replace

import pytest
from imgui_bundle import imgui, imgui_ctx

from app.live.panels import layertable
from app.live.panels.capture import CapturePanel
from app.live.panels.layers import LayersPanel, explained
from app.live.panels.layertable import Line, arranged, short
from app.live.panels.measures import KEPT, Recent, StepTimes
from app.live.panels.performance import PerformancePanel
from app.live.theme import SMALL
from engine.inspect.statistics import Statistics
from engine.scene import Scene, Source
from tests.app.live.panels.doubles import drive, stylegan2, stylegan3

MIXED = Scene().set("mixing.sources", (Source(77, layers=(1,)),))


def test_every_step_has_a_line():
    frame = stylegan2()

    def script(ctx):
        for step in frame.steps:
            assert ctx.item_exists(step.name), step.name

    drive(LayersPanel(), script, frame=frame)


def test_texts_of_a_line():
    step = stylegan2().steps[3]
    cells = {"size": "8²", "channels": "512", "ms": "12.3", "ws": "2", "type": "fp32"}
    assert Line.of(step, 12.34).cells == cells
    odd = Line.of(replace(step, shape=(3, 4, 6), ws=(0, 1, 2), dtype="bfloat16"), None)
    assert odd.cells == {"size": "6×4", "channels": "3", "ms": "", "ws": "0-2", "type": "bf16"}
    assert Line.of(replace(step, ws=()), None).cells["ws"] == ""
    line = Line.of(step, 1.0, Statistics(-0.25, 12.5, -300.0, 256.0, 0.00002))
    assert [line.cells[c] for c in ("mean", "std", "max", "clip")] == ["-0.250", "12.50", "300.0", "<.1%"]
    assert line.clips and not line.sick
    sick = Line.of(step, 1.0, Statistics(0.0, 0.0, 0.0, 0.0, nan=3))
    assert sick.sick and sick.cells["max"] == "NaN" and sick.cells["clip"] == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.000"), (-0.0004, "-4e-4"), (1.234, "1.23"), (-123.4, "-123.4"), (54321, "54321"), (3.2e12, "3e12")],
)
def test_numbers_are_short(value, text):
    assert short(value) == text and len(text) <= 7


def test_lines_are_filtered_and_sorted():
    frame = stylegan2()
    lines = [Line.of(step, float(i)) for i, step in enumerate(frame.steps)]
    names = lambda found: [line.name for line in found]  # noqa: E731
    assert names(arranged(lines, "conv 8²", "", True)) == ["b8.conv0", "b8.conv1"]
    assert names(arranged(lines, "", "", True)) == [s.name for s in frame.steps]
    assert names(arranged(lines, "", "ms", True)) == [s.name for s in frame.steps][::-1]
    assert names(arranged(lines, "torgb", "size", True))[0] == frame.steps[-1].name


def test_a_click_shows_a_layer_and_another_one_the_picture():
    frame = stylegan2()
    stage = drive(LayersPanel(), lambda ctx: ctx.item_click("b8.conv1"), frame=frame)
    assert stage.scene.view.step == "b8.conv1" and stage.history.can_undo
    stage = drive(LayersPanel(), lambda ctx: ctx.item_click("b8.conv1"), stage.scene, frame)
    assert stage.scene.view.step == ""


def test_wide_layers_sort_by_their_titles():
    panel = LayersPanel()

    def script(ctx):
        for sort, falling in (("channels", True), ("channels", False), ("", False)):
            ctx.item_click("Sort channels")
            ctx.yield_(2)
            assert (panel.sort, panel.falling) == (sort, falling)
        assert ctx.item_exists("Sort max")

    drive(panel, script, frame=stylegan2(), width=470.0)


def line(name: str, size: str, channels: str, ms: str) -> Line:
    return Line(name, {"size": size, "channels": channels, "ms": ms}, {})


def test_the_widest_network_fits_the_column():
    lines = [line("b1024.torgb", "1024²", "1024", "102.3"), line("L10_532_51", "532²", "51", "9.9")]
    found = []

    class Measured:
        title, hint = "Measured", ""

        def draw(self, ui, scene, frame):
            with imgui_ctx.push_font(ui.theme.mono, SMALL):
                names = [imgui.calc_text_size(line.name).x for line in lines]
                found.append((layertable.Columns.fitted(lines, 211), max(names)))
            return scene

    drive(Measured(), lambda ctx: None)
    columns, name = found[-1]
    assert columns.name >= name  # not shortened
    assert name < columns.edges["size"] < columns.edges["channels"] < columns.edges["ms"] <= 211


def test_reused_steps_keep_their_last_time_until_the_network_changes():
    times, frame = StepTimes(), stylegan2()
    fresh = replace(frame, steps=tuple(replace(s, reused=False, ms=4.0) for s in frame.steps))
    again = replace(frame, steps=tuple(replace(s, reused=True, ms=0.0) for s in frame.steps))
    assert times.take(fresh)["b4.conv1"] == 4.0
    assert times.take(again)["b4.conv1"] == 4.0
    assert times.take(replace(again, model=replace(frame.model, network="G"))) == {}


def test_a_line_explains_who_drives_it():
    torgb = stylegan2().steps[1]
    assert "reads ws row 1, driven by seed 77" in explained(torgb, MIXED, 1.0)
    both = replace(torgb, ws=(0, 1))
    assert "rows 0, 1, driven by the base latent and seed 77" in explained(both, MIXED, 1.0)
    assert "reused, took 1.00 ms" in explained(replace(torgb, reused=True), MIXED, 1.0)


def test_engine_time_is_the_median_of_the_frames_that_ran():
    recent = Recent()
    for serial, ms in enumerate((1.0, 100.0, 3.0)):
        frame = replace(stylegan3(), serial=serial, timings={"model": 9.0, "mapping": 1.0, "synthesis": ms})
        recent.take(frame)
        recent.take(frame)
    assert list(recent.engine) == [2.0, 101.0, 4.0]
    assert recent.engine_ms == 4.0
    assert recent.stage_ms() == {"mapping": 1.0, "synthesis": 3.0}


def test_where_the_gpu_takes_longer_than_queueing_its_time_counts():
    recent = Recent()
    recent.take(replace(stylegan3(), timings={"model": 50.0, "synthesis": 2.0}, gpu_ms=9.0))
    recent.take(replace(stylegan3(), timings={"synthesis": 20.0}, gpu_ms=9.0))
    assert list(recent.engine) == [9.0, 20.0]


def test_on_a_gpu_the_panel_tells_of_its_time_order_and_detour_and_switches_the_precision():
    panel = PerformancePanel()
    frame = replace(stylegan3(), device="cuda:0", precision="as stored", gpu_ms=8.25, order="channels last")
    facts = shown_facts(panel, frame)
    assert facts["GPU"] == "8.2 ms" and facts["In memory"] == "channels last"
    stage = drive(panel, lambda ctx: ctx.item_click("Single"), frame=frame)
    assert stage.acts == [("precision", ("fp32",))]
    assert any("of an earlier frame" in words for words in stage.said)
    assert "GPU" not in shown_facts(panel, stylegan3()) and "In memory" not in shown_facts(panel, stylegan3())


def test_another_network_starts_anew():
    recent = Recent()
    recent.take(replace(stylegan3(), timings={"synthesis": 100.0}))
    recent.take(replace(stylegan2(), serial=2, timings={"synthesis": 2.0}))
    assert list(recent.engine) == [2.0]


def test_failed_frames_have_no_time_and_old_ones_are_forgotten():
    recent = Recent()
    recent.take(replace(stylegan3(), error="no"))
    assert recent.engine_ms is None
    for serial in range(3 * KEPT):
        recent.take(replace(stylegan3(), serial=serial, timings={"all": float(serial)}))
    assert len(recent.engine) == KEPT
    assert min(recent.engine) == 2 * KEPT


def shown_facts(panel, frame, **host):
    rows = {}

    class Watched:
        title, hint = panel.title, ""

        def draw(self, ui, scene, frame):
            facts = ui.facts
            ui.facts = lambda pairs: facts([rows.setdefault(name, value) and (name, value) for name, value in pairs])
            try:
                return panel.draw(ui, scene, frame)
            finally:
                ui.facts = facts

    drive(Watched(), lambda ctx: None, frame=frame, **host)
    return rows


def test_performance_shows_engine_window_reuse_device_and_stages():
    rows = shown_facts(PerformancePanel(), stylegan2(), window_ms=16.64, fps=60.1)
    assert rows["Engine"] == "8.0 ms"
    assert rows["Window"] == "16.6 ms  60 fps"
    assert rows["Reused"] == f"2 of {len(stylegan2().steps)} steps"
    assert rows["Device"] == "cpu fp32"
    assert rows["Synthesis"] == "7.50 ms"


def test_performance_says_which_kernels_are_off():
    said = []

    class Watched(PerformancePanel):
        def draw(self, ui, scene, frame):
            note, ui.note = ui.note, said.append  # type: ignore[method-assign, assignment]
            try:
                return super().draw(ui, scene, frame)
            finally:
                ui.note = note

    frame = replace(stylegan2(), notes=("fir fp16: off by 1.0",))
    drive(Watched(), lambda ctx: None, frame=frame, picture_note="Pictures go through pinned memory: WSL2.")
    assert {"fir fp16: off by 1.0", "Pictures go through pinned memory: WSL2."} <= set(said)


@pytest.mark.parametrize("label", ["Picture", "Window", "Folder…"])
def test_capture_asks_for_actions(label):
    name = f"capture.{label.lower().rstrip('…')}"
    assert drive(CapturePanel(), lambda ctx: ctx.item_click(label), frame=stylegan2()).acts == [(name, ())]


def test_no_picture_no_capture_of_it():
    assert drive(CapturePanel(), lambda ctx: ctx.item_click("Picture")).acts == []


def test_capture_names_folder_and_last_file():
    rows = shown_facts(CapturePanel(), stylegan2(), capture_folder="/home/pictures", last_capture="/pictures/0012.png")
    assert rows == {"Folder": "pictures", "Last": "0012.png"}
