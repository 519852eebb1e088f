"""The layers of the network that plays: size, channels, time, statistics; a click shows what a layer makes."""

from imgui_bundle import imgui, imgui_ctx

from app.live.panels import sources
from app.live.panels.layergroups import grouped, paint_group
from app.live.panels.layertable import (
    ALL,
    FEW,
    PITCH,
    WIDE,
    Columns,
    Line,
    arranged,
    lines_of,
    paint_head,
    paint_line,
)
from app.live.panels.measures import StepTimes
from app.live.theme import SMALL
from app.live.ui import Ui
from engine.frame import Frame, StepReport
from engine.inspect.statistics import Statistics
from engine.scene import Scene

Vec = imgui.ImVec2


class LayersPanel:
    """One line for each step; dim where this frame took the result over from an earlier one."""

    title = "Layers"

    def __init__(self):
        self.hint = ""
        self.times = StepTimes()
        self.wanted = ""  # the filter as typed
        self.sort, self.falling = "", True
        self.groups = False  # whether sizes have lines of their own
        self.folded: set[str] = set()  # sizes whose layers are hidden

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        if frame is None or not frame.steps:
            ui.note("Open a network to see its layers, what each one makes and how long it takes.")
            return scene
        room = imgui.get_content_region_avail().x
        wide = room >= WIDE * ui.em
        times = self.times.take(frame)
        lines = list(lines_of(frame, times).values())
        types = {line.cells["type"] for line in lines}
        self.hint = f"{' '.join(sorted(types))} · a click shows one" if wide else "size · channels · ms"
        if wide:
            self._filter(ui)
            lines = arranged(lines, self.wanted, self.sort, self.falling)
        with imgui_ctx.push_font(ui.theme.mono, SMALL):
            columns = Columns.fitted(lines, room, _columns(lines) if wide else FEW, wide)
            if wide:
                self._sort_by(paint_head(ui, columns, self.sort, self.falling))
        scene = self._lines(ui, scene, frame, lines, columns, wide and not self.sort)
        if not lines:
            ui.note(f"No layer has “{self.wanted}” in its name or size.")
        return scene

    def _lines(
        self, ui: Ui, scene: Scene, frame: Frame, lines: list[Line], columns: Columns, by_size: bool
    ) -> Scene:
        """The lines; those of one size apart from others, or in groups that fold."""
        steps = {step.name: step for step in frame.steps}
        for i, (size, group) in enumerate(grouped(lines) if by_size else [("", lines)]):
            if by_size and self.groups:
                with imgui_ctx.push_font(ui.theme.mono, SMALL):
                    if paint_group(ui, size, group, columns, size not in self.folded):
                        self.folded ^= {size}
                if size in self.folded:
                    continue
            elif i:
                _rule(ui)
            for line in group:
                scene = self._line(ui, scene, frame, steps[line.name], line, columns)
        return scene

    def _line(self, ui: Ui, scene: Scene, frame: Frame, step: StepReport, line: Line, columns: Columns) -> Scene:
        start = imgui.get_cursor_screen_pos()
        with imgui_ctx.push_font(ui.theme.mono, SMALL):
            chosen = scene.view.step == step.name
            bent = any(bend.on and bend.step == step.name for bend in scene.bends)
            clicked = paint_line(ui, line, columns, step.reused, chosen, bent)
        if clicked:
            scene = scene.set("view.step", "" if chosen else step.name)
        if imgui.is_item_hovered():
            statistics = frame.statistics.get(step.name)
            ui.tooltip(explained(step, scene, self.times.take(frame).get(step.name), statistics))
        after = imgui.get_cursor_screen_pos()
        owners = sorted({sources.owner(scene.mixing, row) for row in step.ws}) if scene.mixing.sources else []
        _paint_owners(ui, start, round(PITCH * ui.em), owners)
        imgui.set_cursor_screen_pos(Vec(after.x, start.y + round(PITCH * ui.em)))
        return scene

    def _filter(self, ui: Ui) -> None:
        button = round(5.2 * ui.em)
        gap = round(0.46 * ui.em)
        imgui.set_next_item_width(imgui.get_content_region_avail().x - button - gap)
        with imgui_ctx.push_font(None, SMALL):
            _, self.wanted = imgui.input_text_with_hint("##Filter", "Filter by name or size", self.wanted)
        ui.tooltip("Shows the layers that have all these words in their name or size, such as “conv 64²”.")
        imgui.same_line(0, gap)
        if ui.segment("Groups", self.groups, button):
            self.groups = not self.groups
        ui.tooltip("A line for each size, with the time of its layers; a click on it folds them.")

    def _sort_by(self, column: str | None) -> None:
        """Falling, then rising, then the network's order again."""
        if column is None:
            return
        if column != self.sort:
            self.sort, self.falling = column, True
        elif self.falling:
            self.falling = False
        else:
            self.sort = ""


def _columns(lines: list[Line]) -> tuple[str, ...]:
    """All columns; that of clipped values only where a layer has a clamp, that of types only where they differ."""
    unused = set() if any(line.cells.get("clip") for line in lines) else {"clip"}
    unused |= {"type"} if len({line.cells["type"] for line in lines}) < 2 else set()
    return tuple(column for column in ALL if column not in unused)


def _rule(ui: Ui) -> None:
    """A hairline between resolutions."""
    at = imgui.get_cursor_screen_pos()
    right = at.x + imgui.get_content_region_avail().x
    y = round(at.y - 0.23 * ui.em)
    imgui.get_window_draw_list().add_rect_filled(Vec(at.x, y), Vec(right, y + ui.theme.hair), ui.colour("line"))


def _paint_owners(ui: Ui, start: imgui.ImVec2, height: float, owners: list[int]) -> None:
    """A stripe left of the line, in the colours of the sources that drive it."""
    left, width = round(start.x - 0.6 * ui.em), max(2.0, round(0.2 * ui.em))
    for i, number in enumerate(owners):
        low = start.y + ui.theme.hair + (height - ui.theme.hair) * i / len(owners)
        high = start.y + ui.theme.hair + (height - ui.theme.hair) * (i + 1) / len(owners)
        imgui.get_window_draw_list().add_rect_filled(
            Vec(left, round(low)), Vec(left + width, round(high)), sources.colour(ui.theme, number)
        )


def explained(step: StepReport, scene: Scene, ms: float | None, s: Statistics | None = None) -> str:
    """All about one step, for its tooltip."""
    channels, height, width = step.shape
    parts = [f"{step.name}: {channels} channels of {width} × {height}, {step.dtype}"]
    if step.ws:
        parts.append(f"reads ws {_span(step.ws)}, driven by {_drivers(step, scene)}")
    if ms is not None:
        parts.append(f"{'reused, took' if step.reused else 'took'} {ms:.2f} ms")
    if s is not None:
        parts.append(f"mean {s.mean:.4g}, std {s.std:.4g}, from {s.low:.4g} to {s.high:.4g}")
        if s.clipped is not None:
            parts.append(f"{100 * s.clipped:.3g} % at the clamp of {step.clamp:g}")
        if not s.healthy:
            parts.append(f"{s.nan} values are NaN and {s.inf} are infinite")
    bends = sum(bend.on and bend.step == step.name for bend in scene.bends)
    if bends:
        parts.append(f"bent {bends} time{'s' if bends > 1 else ''}")
    return "\n".join(parts)


def _span(rows: tuple[int, ...]) -> str:
    return f"row {rows[0]}" if len(rows) == 1 else "rows " + ", ".join(map(str, rows))


def _drivers(step: StepReport, scene: Scene) -> str:
    owners = sorted({sources.owner(scene.mixing, row) for row in step.ws})
    named = ("the base latent" if o == sources.BASE else f"seed {scene.mixing.sources[o - 1].seed}" for o in owners)
    return " and ".join(named)
