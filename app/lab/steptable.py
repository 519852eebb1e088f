"""The table of steps: sizes, rows of w, times and statistics, sortable by any column; a click selects the step."""

from collections.abc import Callable

import dearpygui.dearpygui as dpg

from app.lab import theme
from app.lab.protocol import Network, Stat, Step
from app.lab.theme import em
from app.lab.wishes import Wishes

# title -> (width in ems, the number it sorts by, how it is written)
COLUMNS: dict[str, tuple[float, Callable[[Step, Stat], float], Callable[[Step, Stat], str]]] = {
    "size": (3.2, lambda s, t: s.shape[1] * s.shape[2], lambda s, t: f"{s.shape[1]}" if s.shape[1] == s.shape[2]
             else f"{s.shape[1]}×{s.shape[2]}"),
    "ch": (2.4, lambda s, t: s.shape[0], lambda s, t: f"{s.shape[0]}"),
    "w": (2.1, lambda s, t: s.ws[0] if s.ws else -1, lambda s, t: _rows(s.ws)),
    "ms": (3.2, lambda s, t: -1.0 if t.reused else t.ms, lambda s, t: "·" if t.reused else f"{t.ms:.2f}"),
    "mean": (3.9, lambda s, t: _or_least(t.mean), lambda s, t: _short(t.mean)),
    "std": (3.5, lambda s, t: _or_least(t.std), lambda s, t: _short(t.std)),
    "peak": (3.7, lambda s, t: _peak(t), lambda s, t: _short(_peak(t) if t.low is not None else None)),
    "clip": (3.6, lambda s, t: _or_least(t.clipped), lambda s, t: "" if t.clipped is None else f"{t.clipped:.1%}"),
}  # fmt: skip
SIGNS = 1.7  # of the small mono font in an em
NAME = 6.8
CLIP = "clip"  # the column that only some networks have a use for


class StepTable:
    """One line for each step of the network."""

    def __init__(self, select: Callable[[str], None], wishes: Wishes):
        self.select, self.wishes = select, wishes
        self.network: Network | None = None
        self.sort, self.falling = "", False
        self._lines: list[tuple[int | str, list[int | str]]] = []  # selectable, cells
        self._order: list[str] = []
        self._clips = True

    def build(self, parent: int | str) -> None:
        self.table = dpg.add_table(
            parent=parent, sortable=True, sort_tristate=True, scrollY=True, freeze_rows=1, resizable=True,
            policy=dpg.mvTable_SizingFixedFit, row_background=True, height=-1, callback=self._sorted,
        )  # fmt: skip
        dpg.add_table_column(label="step", parent=self.table, init_width_or_weight=em(NAME), no_sort=True)
        self.columns = {}
        for title, (width, _, _) in COLUMNS.items():
            self.columns[title] = dpg.add_table_column(
                label=title, parent=self.table, init_width_or_weight=em(width), prefer_sort_descending=True,
                user_data=title,
            )  # fmt: skip
        dpg.bind_item_font(self.table, theme.MONO)

    @property
    def width(self) -> float:
        """Ems that all columns take, with their padding and the scroll bar."""
        shown = [width for title, (width, _, _) in COLUMNS.items() if title != CLIP or self._clips]
        return NAME + sum(shown) + 0.8 * len(shown) + 2.0

    def show(self, network: Network | None, stats: dict[str, Stat], chosen: str) -> None:
        """Write the present numbers into the lines, in the chosen order."""
        if network is not self.network:
            self.network = network
            self._make_lines(len(network.steps) if network else 0)
            self._clips = network is not None and any(step.clamp is not None for step in network.steps)
            dpg.configure_item(self.columns[CLIP], show=self._clips)
        if network is None:
            return
        steps = ordered(network.steps, stats, self.sort, self.falling)
        self._order = [step.name for step in steps]
        for (line, cells), step in zip(self._lines, steps):
            stat = stats.get(step.name, Stat(0.0, True))
            sick = stat.nan + stat.inf > 0
            dpg.configure_item(line, label=step.name)
            dpg.set_value(line, step.name == chosen)
            dpg.bind_item_theme(line, theme.ERROR if sick else theme.CHOSEN if step.name == chosen else 0)
            for cell, (width, _, write) in zip(cells, COLUMNS.values()):
                dpg.set_value(cell, write(step, stat).rjust(round(width * SIGNS)))

    def _make_lines(self, count: int) -> None:
        dpg.delete_item(self.table, children_only=True, slot=1)
        self._lines = []
        for i in range(count):
            with dpg.table_row(parent=self.table):
                line = dpg.add_selectable(span_columns=True, callback=self.wishes.later(lambda i=i: self._clicked(i)))
                self._lines.append((line, [dpg.add_text("") for _ in COLUMNS]))

    def _clicked(self, i: int) -> None:
        self.select(self._order[i])

    def _sorted(self, _: int | str, specs: list | None) -> None:
        """Dear PyGui tells which column's head was clicked; None after the third click."""
        self.sort, self.falling = "", False
        if specs:
            column, direction = specs[0]
            self.sort, self.falling = dpg.get_item_user_data(column) or "", direction < 0


def ordered(steps: tuple[Step, ...], stats: dict[str, Stat], sort: str, falling: bool) -> list[Step]:
    """Steps by the number of a column; in the network's order without one."""
    if sort not in COLUMNS:
        return list(steps)
    number = COLUMNS[sort][1]
    nothing = Stat(0.0, True)
    return sorted(steps, key=lambda s: number(s, stats.get(s.name, nothing)), reverse=falling)


def _rows(ws: tuple[int, ...]) -> str:
    return ",".join(map(str, ws)) if len(ws) < 3 else f"{ws[0]}–{ws[-1]}"


def _or_least(value: float | None) -> float:
    return float("-inf") if value is None else value


def _peak(t: Stat) -> float:
    return float("-inf") if t.low is None or t.high is None else max(abs(t.low), abs(t.high))


def _short(value: float | None) -> str:
    """Four significant characters that do not jump about."""
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:.1e}"
