"""The table of layers: what stands in its cells, how it is sorted and filtered, and how wide its columns are."""

from dataclasses import dataclass

from imgui_bundle import imgui

from app.live.ui import Ui, fit
from engine.frame import Frame, StepReport
from engine.inspect.inspector import BUDGET_MS
from engine.inspect.statistics import Statistics

Vec = imgui.ImVec2
PITCH = 1.38  # height of a line, in ems
FEW = ("size", "channels", "ms")
ALL = ("size", "channels", "ws", "type", "ms", "mean", "std", "max", "clip")
RATE = f"Of layers that are not shown, measured in turn: {BUDGET_MS:g} ms a frame, the rest once nothing moves.\n"
HELP = {"ws": "Row of ws that drives the layer.\n", "ms": "Last measured milliseconds.\n", "mean": RATE, "std": RATE,
        "max": f"Largest magnitude; NaN and Inf in red. {RATE}", "clip": f"Share at the clamp. {RATE}"}  # fmt: skip
WIDE = 30.0  # ems of room from which statistics have columns of their own


@dataclass(frozen=True)
class Line:
    """One step: its texts by column, what they are sorted by, and whether something is wrong with its numbers."""

    name: str
    cells: dict[str, str]
    keys: dict[str, float]
    sick: bool = False
    clips: bool = False

    @staticmethod
    def of(step: StepReport, ms: float | None, s: Statistics | None = None) -> "Line":
        C, height, width = step.shape
        size = f"{height}²" if height == width else f"{width}×{height}"
        cells = {"size": size, "channels": str(C), "ms": "" if ms is None else f"{ms:.1f}"}
        cells |= {"ws": rows_of(step.ws), "type": short_type(step.dtype)}
        keys = {"size": float(height * width), "channels": float(C), "ms": ms or 0.0}
        keys |= {"ws": float(step.ws[0]) if step.ws else -1.0, "type": -float(len(cells["type"]))}
        if s is None:
            return Line(step.name, cells, keys)
        cells |= {"mean": short(s.mean), "std": short(s.std), "max": short(s.peak)}
        cells["clip"] = "" if s.clipped is None else share(s.clipped)
        keys |= {"mean": s.mean, "std": s.std, "max": s.peak, "clip": s.clipped or 0.0}
        if not s.healthy:
            cells["max"] = "NaN" if s.nan else "Inf"
        return Line(step.name, cells, keys, not s.healthy, bool(s.clipped))


def lines_of(frame: Frame, times: dict[str, float]) -> dict[str, Line]:
    """A line for each step, in the network's order."""
    return {s.name: Line.of(s, times.get(s.name), frame.statistics.get(s.name)) for s in frame.steps}


def arranged(lines: list[Line], wanted: str, column: str, falling: bool) -> list[Line]:
    """Lines that have each word of `wanted` in their name or at the start of their size, sorted by a column; none
    leaves the network's order."""
    words = wanted.lower().split()
    kept = [
        line for line in lines if all(w in line.name.lower() or line.cells["size"].startswith(w) for w in words)
    ]
    return sorted(kept, key=lambda line: line.keys.get(column, 0.0), reverse=falling) if column else kept


def rows_of(ws: tuple[int, ...]) -> str:
    """The rows of ws that drive a step: "7", "0-13", nothing."""
    return "" if not ws else str(ws[0]) if len(ws) == 1 else f"{ws[0]}-{ws[-1]}"


def short_type(dtype: str) -> str:
    """float32 as fp32, bfloat16 as bf16."""
    return dtype.replace("bfloat", "bf").replace("float", "fp")


def short(value: float) -> str:
    """A number in at most seven characters."""
    magnitude = abs(value)
    if magnitude != 0 and not 1e-3 <= magnitude < 1e5:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    return f"{value:.{0 if magnitude >= 1e3 else 1 if magnitude >= 100 else 2 if magnitude >= 1 else 3}f}"


def share(part: float) -> str:
    """A share as per cent: 0 only if there is nothing at all."""
    return "0" if part == 0 else "<.1%" if part < 1e-3 else f"{100 * part:.1f}%"


@dataclass(frozen=True)
class Columns:
    """Room for the name, and the right edge of every column in pixels from the left."""

    name: float
    edges: dict[str, float]

    @staticmethod
    def fitted(lines: list[Line], room: float, columns: tuple[str, ...] = FEW, titles: bool = False) -> "Columns":
        """Numbers as wide as the widest, the space that is left shared by the gaps; the name gives way first."""
        width = imgui.calc_text_size
        widest = [
            max([width(line.cells.get(c, "")).x for line in lines] + [width(c).x if titles else 0.0]) for c in columns
        ]
        least = width("m").x
        name = max((width(line.name).x for line in lines), default=least)
        name = min(name, max(3 * least, room - sum(widest) - len(columns) * least))
        gap = max(least, min((room - name - sum(widest)) / len(columns), 9 * least))
        edges, right = {}, name
        for column, wide in zip(columns, widest):
            right += gap + wide
            edges[column] = right
        return Columns(name, edges)


def paint_head(ui: Ui, columns: Columns, sort: str, falling: bool) -> str | None:
    """The columns' titles; the one that was clicked."""
    start, height = imgui.get_cursor_screen_pos(), round(PITCH * ui.em)
    clicked, left = None, columns.name
    draw = imgui.get_window_draw_list()
    for column, right in columns.edges.items():
        imgui.set_cursor_screen_pos(Vec(start.x + left, start.y))
        if imgui.invisible_button(f"Sort {column}", Vec(max(1.0, right - left), height)):
            clicked = column
        on = column == sort
        shade = "accent" if on else "text" if imgui.is_item_hovered() else "dim"
        ui.tooltip(f"{HELP.get(column, '')}Sorts by {column}; a third click restores the network's order.")
        words = imgui.calc_text_size(column)
        at = Vec(round(start.x + right - words.x), round(start.y + (height - words.y) / 2))
        draw.add_text(at, ui.colour(shade), column)
        if on:
            y = at.y if falling else at.y + words.y
            draw.add_line(Vec(at.x, y), Vec(at.x + words.x, y), ui.colour("accent"), ui.theme.hair)
        left = right
    imgui.set_cursor_screen_pos(Vec(start.x, start.y + height))
    return clicked


def paint_line(ui: Ui, line: Line, columns: Columns, dim: bool, chosen: bool, bent: bool) -> bool:
    """One line as a button; True when clicked. The name is amber where the layer's output is bent."""
    height = round(PITCH * ui.em)
    start = imgui.get_cursor_screen_pos()
    clicked = imgui.invisible_button(line.name, Vec(imgui.get_content_region_avail().x, height))
    draw = imgui.get_window_draw_list()
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    if chosen or imgui.is_item_hovered():
        draw.add_rect_filled(low, high, ui.colour("raised"), 0.18 * ui.em)
    if chosen:
        thick = 2 * ui.theme.hair
        draw.add_rect_filled(Vec(low.x, high.y - thick), high, ui.colour("accent"), thick / 2)
    shade = "red" if line.sick else "bright" if chosen else "dim" if dim else "text"
    top = round(start.y + (height - imgui.get_font_size()) / 2)
    draw.add_text(Vec(start.x, top), ui.colour("accent" if bent else shade), fit(line.name, columns.name))
    for column, right in columns.edges.items():
        words = line.cells.get(column, "")
        colour = "accent" if column == "clip" and line.clips else shade
        draw.add_text(
            Vec(round(start.x + right - imgui.calc_text_size(words).x), top), ui.colour(colour), words
        )
    return clicked
