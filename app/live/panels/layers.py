"""The layers of the network that plays: size, channels, time, and which source of style mixing drives each."""

from dataclasses import dataclass

from imgui_bundle import imgui, imgui_ctx

from app.live.panels import sources
from app.live.panels.measures import StepTimes
from app.live.theme import SMALL
from app.live.ui import Ui, fit
from engine.frame import Frame, StepReport
from engine.scene import Scene

Vec = imgui.ImVec2
PITCH = 1.38  # height of a line, in ems


class LayersPanel:
    """One line for each step; dim where this frame took the result over from an earlier one."""

    title = "Layers"
    hint = "size · channels · ms"

    def __init__(self):
        self.times = StepTimes()

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        if frame is None or not frame.steps:
            ui.note("Open a network to see its layers, what each one makes and how long it takes.")
            return scene
        times = self.times.take(frame)
        lines = [Line.of(step, times.get(step.name)) for step in frame.steps]
        with imgui_ctx.push_font(ui.theme.mono, SMALL):
            columns = Columns.fitted(lines, imgui.get_content_region_avail().x)
        for step, line in zip(frame.steps, lines, strict=True):
            owners = sorted({sources.owner(scene.mixing, row) for row in step.ws}) if scene.mixing.sources else []
            with imgui_ctx.push_font(ui.theme.mono, SMALL):
                _paint_line(ui, line, columns, step.reused, owners)
            if imgui.is_item_hovered():
                ui.tooltip(explained(step, scene, times.get(step.name)))
        return scene


@dataclass(frozen=True)
class Line:
    """The texts of one step."""

    name: str
    size: str
    channels: str
    ms: str

    @staticmethod
    def of(step: StepReport, ms: float | None) -> "Line":
        channels, height, width = step.shape
        size = f"{height}²" if height == width else f"{width}×{height}"
        return Line(step.name, size, str(channels), "" if ms is None else f"{ms:.1f}")


@dataclass(frozen=True)
class Columns:
    """Room for the name and the right edges of the numbers, in pixels from the left."""

    name: float
    size: float
    channels: float
    ms: float

    @staticmethod
    def fitted(lines: list[Line], room: float) -> "Columns":
        """Numbers as wide as the widest, the space that is left shared by the gaps; the name gives way first."""
        texts = zip(*((line.size, line.channels, line.ms) for line in lines), strict=True)
        widest = [max(imgui.calc_text_size(text).x for text in column) for column in texts]
        least = imgui.calc_text_size("m").x
        name = max(imgui.calc_text_size(line.name).x for line in lines)
        name = min(name, max(3 * least, room - sum(widest) - 3 * least))
        gap = max(least, min((room - name - sum(widest)) / 3, 9 * least))
        size = name + gap + widest[0]
        channels = size + gap + widest[1]
        return Columns(name, size, channels, channels + gap + widest[2])


def _paint_line(ui: Ui, line: Line, columns: Columns, reused: bool, owners: list[int]) -> None:
    height = round(PITCH * ui.em)
    start = imgui.get_cursor_screen_pos()
    imgui.invisible_button(line.name, Vec(imgui.get_content_region_avail().x, height))
    draw = imgui.get_window_draw_list()
    if imgui.is_item_hovered():
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        draw.add_rect_filled(low, high, ui.colour("raised"), 0.18 * ui.em)
    imgui.set_cursor_screen_pos(Vec(start.x, start.y + height))
    _paint_owners(ui, start, height, owners)
    shade = ui.colour("dim" if reused else "text")
    top = round(start.y + (height - imgui.get_font_size()) / 2)
    draw.add_text(Vec(start.x, top), shade, fit(line.name, columns.name))
    for words, right in ((line.size, columns.size), (line.channels, columns.channels), (line.ms, columns.ms)):
        width = imgui.calc_text_size(words).x
        draw.add_text(Vec(round(start.x + right - width), top), shade, words)


def _paint_owners(ui: Ui, start: imgui.ImVec2, height: float, owners: list[int]) -> None:
    """A stripe left of the line, in the colours of the sources that drive it."""
    left, width = round(start.x - 0.6 * ui.em), max(2.0, round(0.2 * ui.em))
    for i, number in enumerate(owners):
        low = start.y + ui.theme.hair + (height - ui.theme.hair) * i / len(owners)
        high = start.y + ui.theme.hair + (height - ui.theme.hair) * (i + 1) / len(owners)
        imgui.get_window_draw_list().add_rect_filled(
            Vec(left, round(low)), Vec(left + width, round(high)), sources.colour(ui.theme, number)
        )


def explained(step: StepReport, scene: Scene, ms: float | None) -> str:
    """All about one step, for its tooltip."""
    channels, height, width = step.shape
    parts = [f"{step.name}: {channels} channels of {width} × {height}, {step.dtype}"]
    if step.ws:
        parts.append(f"reads ws {_span(step.ws)}, driven by {_drivers(step, scene)}")
    if ms is not None:
        parts.append(f"{'reused, took' if step.reused else 'took'} {ms:.2f} ms")
    return "\n".join(parts)


def _span(rows: tuple[int, ...]) -> str:
    return f"row {rows[0]}" if len(rows) == 1 else "rows " + ", ".join(map(str, rows))


def _drivers(step: StepReport, scene: Scene) -> str:
    owners = sorted({sources.owner(scene.mixing, row) for row in step.ws})
    named = ("the base latent" if o == sources.BASE else f"seed {scene.mixing.sources[o - 1].seed}" for o in owners)
    return " and ".join(named)
