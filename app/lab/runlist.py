"""The runs that are open, a line each: state, how far, how long still, and the newest numbers."""

from collections.abc import Callable, Sequence
from pathlib import Path

import dearpygui.dearpygui as dpg
import numpy as np

from app.lab import charts
from app.lab.theme import DIM, HEADING, MONO, colour, em
from app.lab.wishes import Wishes
from engine.training.watching import Glimpse, duration

STATES = {"training": "green", "finished": "teal", "stopped": "dim", "stale": "accent", "starting": "dim"}
NUMBERS = (("images_per_second", "img/s", "{:.1f}"), ("loss_g", "loss G", "{:.3f}"), ("loss_d", "loss D", "{:.3f}"),
           ("r_t", "r_t", "{:.3f}"), ("p", "p", "{:.4f}"))  # fmt: skip


class RunList:
    """Lines in the order of the runs; a click on a name chooses whose sheets are shown."""

    def __init__(self, wishes: Wishes, choose: Callable[[Path], None], close: Callable[[Path], None]):
        self.wishes, self.choose, self.close = wishes, choose, close
        self.lines: list[Line] = []

    def build(self, parent: int | str) -> None:
        with dpg.table(
            parent=parent, header_row=True, policy=dpg.mvTable_SizingFixedFit, no_host_extendX=False,
            borders_innerV=False, pad_outerX=False,
        ) as self.table:  # fmt: skip
            for label, wide in (
                ("", 1.0), ("Run", 13.0), ("State", 14.0), ("Progress", 0), ("Time left", 7.0),
                *((label, 4.4) for _, label, _ in NUMBERS), ("", 1.6),
            ):  # fmt: skip
                fixed = {"width_fixed": True, "init_width_or_weight": em(wide)} if wide else {"width_stretch": True}
                dpg.add_table_column(label=label, **fixed)

    def show(self, runs: Sequence[Glimpse], chosen: Path | None) -> None:
        if [line.path for line in self.lines] != [run.path for run in runs]:
            for line in self.lines:
                dpg.delete_item(line.row)
            self.lines = [Line(self, run.path) for run in runs]
        for i, (line, run) in enumerate(zip(self.lines, runs, strict=True)):
            line.show(run, charts.shade(i, 0, len(runs))[0], run.path == chosen, len(runs) > 1)


class Line:
    """One run of the list."""

    def __init__(self, runs: RunList, path: Path):
        self.path = path
        with dpg.table_row(parent=runs.table) as self.row:
            self.chip = dpg.add_color_button(
                (0, 0, 0, 0), no_border=True, no_drag_drop=True, no_alpha=True, enabled=False,
                width=em(0.7), height=em(0.7),
            )  # fmt: skip
            self.name = dpg.add_selectable(
                label=path.name, callback=runs.wishes.later(lambda: runs.choose(path)), height=em(1.3), width=em(13)
            )
            with dpg.tooltip(self.name, delay=0.4):
                dpg.add_text(str(path))
            self.state = dpg.add_text("")
            self.bar = dpg.add_progress_bar(width=-1, height=em(1.3))
            self.left = _mono()
            self.numbers = [_mono() for _ in NUMBERS]
            self.shut = dpg.add_button(label="x", small=True, callback=runs.wishes.later(lambda: runs.close(path)))
            with dpg.tooltip(self.shut, delay=0.4):
                dpg.add_text("No longer show this run")
        dpg.bind_item_font(self.name, HEADING)
        dpg.bind_item_font(self.bar, MONO)

    def show(self, run: Glimpse, token: str, chosen: bool, several: bool) -> None:
        kind, words = run.state()
        dpg.configure_item(self.chip, default_value=colour(token), show=several)
        dpg.set_value(self.name, chosen and several)
        dpg.configure_item(self.shut, show=several)
        dpg.set_value(self.state, words)
        urgency = "red" if kind == "missing" and run.images else STATES.get(kind, "dim")
        dpg.configure_item(self.state, color=colour(urgency))
        dpg.set_value(self.bar, min(run.images / run.goal, 1.0) if run.goal else 0.0)
        goal = f" of {run.goal / 1000:g}" if run.goal else ""
        dpg.configure_item(self.bar, overlay=f"{run.images / 1000:.1f}{goal} kimg")
        left = run.seconds_left
        dpg.set_value(self.left, duration(left) if left and kind == "training" else "–")
        for item, (name, _, form) in zip(self.numbers, NUMBERS, strict=True):
            dpg.set_value(item, newest(run, name, form))


def newest(run: Glimpse, name: str, form: str) -> str:
    """The newest number of a column as text."""
    column = run.columns.get(name, np.empty(0))
    return form.format(column[-1]) if len(column) and np.isfinite(column[-1]) else "–"


def _mono() -> int | str:
    item = dpg.add_text("")
    dpg.bind_item_font(item, MONO)
    dpg.bind_item_theme(item, DIM)
    return item
