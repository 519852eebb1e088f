"""Style mixing: a grid of layers by sources, painted with the mouse, and the amount of each source."""

import secrets
from itertools import pairwise

from imgui_bundle import imgui, imgui_ctx

from app.live.panels import sources
from app.live.theme import SMALL
from app.live.ui import Ui, fit
from engine.bands import bands
from engine.frame import Frame, ModelFacts
from engine.scene import Mixing, Scene

Vec = imgui.ImVec2

SPLIT = {
    "coarse": "pose and shape",
    "middle": "features and finer shape",
    "fine": "colour and texture",
}


class MixingPanel:
    """Columns are the rows of ws, coarse to fine; the first line is the base latent, each other one a source."""

    title = "Style mixing"
    hint = "layers × sources"

    def __init__(self):
        self.selected: int | None = None  # owner that the shortcuts and rows are about; the first source until chosen
        self.grid = Grid()

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        if frame is None or frame.model is None:
            ui.note("Open a network to mix styles: another seed can then drive some of its layers.")
            return scene
        facts, count = frame.model, len(scene.mixing.sources)
        selected = min(count, 1 if self.selected is None else self.selected)
        scene, selected = self._shortcuts(ui, scene, frame, facts, selected)
        labels = (_base_label(scene), *(str(source.seed) for source in scene.mixing.sources))
        mixing, selected = self.grid.draw(ui, scene.mixing, labels, selected, row_names(facts, frame))
        scene = with_mixing(scene, mixing)
        if selected != sources.BASE:
            scene, selected = self._source(ui, scene, selected)
        elif not scene.mixing.sources:
            ui.note("+ Source adds a second latent. Paint the layers it shall drive, coarse ones to the left.")
        self.selected = selected if scene.mixing.sources else None
        return scene

    def _shortcuts(
        self, ui: Ui, scene: Scene, frame: Frame, facts: ModelFacts, selected: int
    ) -> tuple[Scene, int]:
        """Coarse, Middle, Fine for the selected source, and one more source."""
        split = {band.name: band.rows for band in bands(facts, frame.steps)}
        some = bool(scene.mixing.sources)
        owners = sources.owners(scene.mixing, facts.num_ws)
        who = "the base latent" if selected == sources.BASE else f"source {selected}"
        items = []
        for name, rows in split.items():
            owned = some and bool(rows) and all(owners[row] == selected for row in rows)
            items.append((name.capitalize(), _split_help(name, rows, facts, who), some and bool(rows), owned))
        full = len(scene.mixing.sources) >= facts.num_ws
        items.append(("+ Source", "Adds a latent with a seed of its own, which owns no layer yet.", not full, False))
        pressed = ui.segments(items)
        if pressed == "+ Source":
            mixing = sources.add(scene.mixing, secrets.randbelow(10_000))
            return with_mixing(scene, mixing), len(mixing.sources)
        if pressed:
            scene = with_mixing(scene, sources.assign(scene.mixing, selected, split[pressed.lower()]))
        return scene, selected

    def _source(self, ui: Ui, scene: Scene, selected: int) -> tuple[Scene, int]:
        """Seed, amount and the rare buttons of the selected source."""
        path = f"mixing.sources.{selected - 1}"
        scene = ui.row(scene, f"{path}.seed", label="Source seed")
        seed = scene.get(f"{path}.seed")
        scene = ui.row(scene, f"{path}.amount", label=f"{seed} amount" if seed < 100_000 else "Amount")
        pressed = ui.segments(
            [
                ("Random", "Draws another seed for this source.", True, False),
                ("Clear", "Gives its layers back to the base latent.", bool(scene.get(f"{path}.layers")), False),
                ("Remove", "Takes this source out; its layers go back to the base latent.", True, False),
            ]
        )
        if pressed == "Random":
            scene = scene.set(f"{path}.seed", secrets.randbelow(10_000))
        if pressed == "Clear":
            scene = scene.set(f"{path}.layers", ())
        if pressed == "Remove":
            return with_mixing(scene, sources.remove(scene.mixing, selected)), selected - 1
        return scene, selected


class Grid:
    """The painted grid. A press or a drag gives cells to the line it began on; one drag is one gesture."""

    def __init__(self):
        self.brush: int | None = None  # owner that is being painted
        self.last_x = 0.0  # mouse x of the previous frame of the drag

    def draw(
        self, ui: Ui, mixing: Mixing, labels: tuple[str, ...], selected: int, names: tuple[str, ...]
    ) -> tuple[Mixing, int]:
        """The mixing after this frame's painting, and the selected owner. `names` has one text per row of ws."""
        origin = imgui.get_cursor_screen_pos()
        edges = _edges(ui, origin.x, labels, len(names))
        height = round(1.38 * ui.em)
        owners = sources.owners(mixing, len(names))
        touched: set[int] = set()
        for line, label in enumerate(labels):
            y = origin.y + line * height
            imgui.set_cursor_screen_pos(Vec(origin.x, y))
            if _line_label(ui, line, label, Vec(edges[0] - origin.x, height), line == selected):
                selected = line
            colour = sources.colour(ui.theme, line, _alpha(mixing, line))
            look = [colour if owner == line else 0 for owner in owners]
            touched |= self._cells(ui, line, y, height, edges, look, names)
        imgui.set_cursor_screen_pos(origin)
        imgui.dummy(Vec(edges[-1] - origin.x, height * len(labels)))
        touched |= self._dragged(ui, edges)
        if touched and self.brush is not None:
            return sources.assign(mixing, self.brush, touched), self.brush
        return mixing, selected

    def _cells(
        self, ui: Ui, line: int, y: float, height: float, edges: list[float], look: list[int], names: tuple[str, ...]
    ) -> set[int]:
        """One line of cells; the column where a press began, if any. `look` is a colour, or 0 for an empty cell."""
        draw, pressed = imgui.get_window_draw_list(), set()
        gap = round(0.15 * ui.em) if edges[1] - edges[0] > 0.7 * ui.em else ui.theme.hair
        rounding, empty = min(0.18 * ui.em, (edges[1] - edges[0]) / 4), ui.colour("background")
        under_pointer = imgui.is_mouse_hovering_rect(Vec(edges[0], y), Vec(edges[-1], y + height))
        for column, (left, right) in enumerate(pairwise(edges)):
            imgui.set_cursor_screen_pos(Vec(left, y))
            imgui.invisible_button(f"cell {line} {column}", Vec(right - left, height))
            if imgui.is_item_activated():
                self._begin(ui, line)
                pressed.add(column)
            low, high = Vec(left, y + gap), Vec(right - gap, y + height)
            draw.add_rect_filled(low, high, look[column] or empty, rounding)
            if under_pointer and imgui.is_item_hovered():
                draw.add_rect(low, high, ui.colour("dim"), rounding, ui.theme.hair)
                ui.tooltip(names[column])
        return pressed

    def _begin(self, ui: Ui, line: int) -> None:
        ui.begin_gesture()
        self.brush, self.last_x = line, imgui.get_mouse_pos().x

    def _dragged(self, ui: Ui, edges: list[float]) -> set[int]:
        """Columns that the pointer crossed since the previous frame; ends the gesture when the button is up."""
        if self.brush is None:
            return set()
        if not imgui.is_mouse_down(imgui.MouseButton_.left) and not imgui.is_any_item_active():
            self.brush = None
            ui.end_gesture()
            return set()
        x = imgui.get_mouse_pos().x
        low, high = sorted((x, self.last_x))
        moved, self.last_x = x != self.last_x, x
        return {i for i in range(len(edges) - 1) if moved and edges[i] <= high and low < edges[i + 1]}


def with_mixing(scene: Scene, mixing: Mixing) -> Scene:
    """The scene with these sources, checked."""
    return scene if mixing == scene.mixing else scene.set("mixing.sources", mixing.sources)


def row_names(facts: ModelFacts, frame: Frame | None) -> tuple[str, ...]:
    """For each row of ws what it is and which steps read it: "row 5: b16.conv1, b16.torgb"."""
    steps = frame.steps if frame else ()
    readers = [", ".join(step.name for step in steps if row in step.ws) for row in range(facts.num_ws)]
    return tuple(f"row {row}: {names}" if names else f"row {row}" for row, names in enumerate(readers))


def _base_label(scene: Scene) -> str:
    return "vector" if scene.latent.mode == "vector" and scene.latent.vector else str(scene.latent.seed)


def _split_help(name: str, rows: tuple[int, ...], facts: ModelFacts, who: str) -> str:
    if not rows:
        return f"This network has no {name} layers: its {facts.num_ws} rows end before 64 pixels."
    where = f"Gives the {name} layers (rows {rows[0]} to {rows[-1]} of ws) to {who}"
    ladder = {"coarse": "4 to 8 pixels", "middle": "16 to 32 pixels", "fine": "64 pixels and more"}
    if facts.family == "stylegan3":
        return f"{where}: a third of the layers, as StyleGAN3 has no fixed ladder of resolutions."
    return f"{where}: {ladder[name]}, in the papers {SPLIT[name]}."


def _edges(ui: Ui, left: float, labels: tuple[str, ...], count: int) -> list[float]:
    """Left edges of the columns in whole pixels, and the right edge of the last one."""
    with imgui_ctx.push_font(ui.theme.mono, SMALL):
        words = max(imgui.calc_text_size(label).x for label in labels)
    start = left + round(min(max(words + 0.7 * ui.em, 4.6 * ui.em), 7 * ui.em))
    room = max(imgui.get_content_region_avail().x - (start - left), 2.0 * count)
    return [start + round(i * room / count) for i in range(count + 1)]


def _line_label(ui: Ui, line: int, label: str, size: imgui.ImVec2, on: bool) -> bool:
    """The seed at the head of a line; True when it was clicked."""
    clicked = imgui.invisible_button(f"line {line}", size)
    low = imgui.get_item_rect_min()
    shade = "bright" if on else "text" if imgui.is_item_hovered() else "dim"
    with imgui_ctx.push_font(ui.theme.mono, SMALL):
        words = fit(label, size.x - 0.5 * ui.em)
        at = Vec(low.x, round(low.y + (size.y - imgui.get_font_size()) / 2))
        imgui.get_window_draw_list().add_text(at, ui.colour(shade), words)
    base = line == sources.BASE
    ui.tooltip("The base latent: what the Latent panel plays." if base else f"Source {line}, seed {label}.")
    return clicked


def _alpha(mixing: Mixing, line: int) -> float:
    """How strongly an owned cell is coloured: the more of its source, the more colour."""
    return 1.0 if line == sources.BASE else 0.35 + 0.65 * mixing.sources[line - 1].amount
