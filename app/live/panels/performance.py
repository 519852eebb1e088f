"""How fast it is: the engine, the window, what was reused, and where the time went."""

from collections.abc import Sequence
from typing import Any

from imgui_bundle import imgui, imgui_ctx

from app.live.panels.measures import KEPT, Recent
from app.live.ui import Ui
from app.tokens import LINE
from engine.frame import Frame
from engine.scene import Scene

Vec = imgui.ImVec2
TINY = 10.0 * LINE  # size of numbers inside a drawing
BUDGETS = (0, 16, 33, 100)  # milliseconds
GPU_TIMES = "The GPU's time and those of layers are by its own clock, of an earlier frame; the rest is queueing."
PLOT = 2.8  # height, in ems


class PerformancePanel:
    """Medians of recent frames, and a curve of the engine's times."""

    title = "Performance"
    hint = ""

    def __init__(self):
        self.recent = Recent()

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        self.recent.take(frame)
        engine = self.recent.engine_ms
        if frame is None or engine is None:
            ui.note("Nothing has been rendered yet.")
            return scene
        ui.facts(
            [
                ("Engine", f"{engine:.1f} ms"),
                ("Window", f"{ui.host.window_ms:.1f} ms  {ui.host.fps:.0f} fps"),
                *([("GPU", f"{frame.gpu_ms:.1f} ms")] if frame.gpu_ms is not None else []),
                ("Device", f"{frame.device} {frame.precision}"),
                *([("In memory", frame.order)] if frame.order else []),
                ("Reused", f"{frame.reused} of {len(frame.steps)} steps"),
                ("Picture", "whole" if frame.preview is None else f"preview, {frame.preview[1]} px"),
            ]
        )
        if frame.gpu_ms is not None:
            ui.note(GPU_TIMES)
        for words in (*frame.notes, *([ui.host.picture_note] if ui.host.picture_note else [])):
            ui.note(words)
        _share(ui, frame.reused / max(1, len(frame.steps)))
        _plot(ui, list(self.recent.engine))
        _preview(ui)
        if frame.device.startswith("cuda"):
            _precision(ui, frame)
        ui.facts((name.capitalize(), f"{ms:.2f} ms") for name, ms in self.recent.stage_ms().items())
        return scene


def _preview(ui: Ui) -> None:
    """The budget of a picture while something is dragged."""
    ui.text("Preview while dragging", dim=True, small=True)
    tip = (
        "If the whole picture takes longer, StyleGAN2 and StyleGAN show what their coarser RGB outputs give, and "
        "StyleGAN3 computes every layer at a lower sampling rate. The whole picture follows when you let go."
    )
    names = {f"{ms} ms" if ms else "Off": ms for ms in BUDGETS}
    pressed = ui.segments((name, tip, True, ms == ui.host.preview_ms) for name, ms in names.items())
    if pressed:
        ui.act("preview.budget", float(names[pressed]))


def _precision(ui: Ui, frame: Frame) -> None:
    """The switch to single precision: on GPUs alone, which are the only devices that use half."""
    ui.text("Precision", dim=True, small=True)
    names = {
        "As stored": ("stored", "Half precision in the layers that the checkpoint marks."),
        "Single": ("fp32", "Single precision in every layer, without TF32: slower, closer to the CPU."),
    }
    single = frame.precision == "fp32"
    pressed = ui.segments((name, tip, True, (mode == "fp32") == single) for name, (mode, tip) in names.items())
    if pressed:
        ui.act("precision", names[pressed][0])


def _share(ui: Ui, part: float) -> None:
    """A thin bar: the part of the steps that did not have to run."""
    size = Vec(imgui.get_content_region_avail().x, max(3.0, round(0.3 * ui.em)))
    imgui.invisible_button("Reused share", size)
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    draw = imgui.get_window_draw_list()
    draw.add_rect_filled(low, high, ui.colour("background"))
    draw.add_rect_filled(low, Vec(round(low.x + part * size.x), high.y), ui.colour("teal"))
    ui.tooltip("Steps whose inputs did not change are not computed again.")


def _plot(ui: Ui, times: Sequence[float]) -> None:
    """Engine milliseconds of the newest frames, from zero up to the slowest, which is written beside its line."""
    size = Vec(imgui.get_content_region_avail().x, round(PLOT * ui.em))
    imgui.invisible_button("Engine times", size)
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    draw, top = imgui.get_window_draw_list(), max(max(times), 1e-3)
    draw.add_rect_filled(low, high, ui.colour("background"), 0.18 * ui.em)
    edge = round(0.25 * ui.em)
    step, height = (size.x - 2 * edge) / max(1, KEPT - 1), size.y - 2 * edge
    first = high.x - edge - step * (len(times) - 1)
    points: list[Any] = [Vec(first + i * step, high.y - edge - height * ms / top) for i, ms in enumerate(times)]
    draw.add_polyline(points, ui.colour("teal"), 1.3 * ui.theme.hair, 0)
    with imgui_ctx.push_font(ui.theme.mono, TINY):
        text, corner = f"{top:.1f} ms", Vec(low.x + 0.4 * ui.em, low.y + 0.15 * ui.em)
        draw.add_rect_filled(corner, corner + imgui.calc_text_size(text), ui.colour("background"))
        draw.add_text(corner, ui.colour("dim"), text)
    at = round((imgui.get_mouse_pos().x - first) / step)
    if imgui.is_item_hovered() and 0 <= at < len(times):
        ui.tooltip(f"{times[at]:.2f} ms, {len(times) - 1 - at} frames ago")
