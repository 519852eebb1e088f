"""The settings and the measures of runs as tables, side by side where there are several."""

from collections.abc import Sequence
from typing import Any

import dearpygui.dearpygui as dpg
import msgspec

from app.lab.theme import CHOSEN, DIM, MONO
from engine.training.settings import Settings
from engine.training.watching import Glimpse

DEFAULTS = {f.name: f.default for f in msgspec.structs.fields(Settings) if f.default is not msgspec.NODEFAULT}
Rows = list[tuple[str, list[str], bool]]  # name, a text for each run, whether it stands out


class Table:
    """A table that is made anew when its content changes."""

    def __init__(self, empty: str):
        self.empty = empty  # said where there is nothing to show
        self._shown: object = None

    def build(self, parent: int | str) -> None:
        self.place = dpg.add_group(parent=parent)

    def show(self, runs: Sequence[Glimpse], rows: Rows) -> None:
        content = ([run.name for run in runs], rows)
        if content == self._shown:
            return
        self._shown = content
        dpg.delete_item(self.place, children_only=True)
        if not rows:
            dpg.bind_item_theme(dpg.add_text(self.empty, parent=self.place, wrap=0), DIM)
            return
        with dpg.table(
            parent=self.place, header_row=len(runs) > 1, scrollY=True, scrollX=len(runs) > 2, height=-1,
            borders_innerH=True, policy=dpg.mvTable_SizingStretchProp, freeze_rows=int(len(runs) > 1),
        ):  # fmt: skip
            dpg.add_table_column(label="")
            for run in runs:
                dpg.add_table_column(label=run.name)
            for row in rows:
                _row(*row)


def _row(name: str, values: list[str], stands_out: bool) -> None:
    with dpg.table_row():
        dpg.bind_item_theme(dpg.add_text(name), DIM)
        for value in values:
            item = dpg.add_text(value)
            dpg.bind_item_font(item, MONO)
            if stands_out:
                dpg.bind_item_theme(item, CHOSEN)


def setting_rows(runs: Sequence[Glimpse]) -> Rows:
    """All settings; what was changed from the default stands out, or what differs between several runs."""
    rows: Rows = []
    for name in dict.fromkeys(name for run in runs for name in run.config):
        values = [run.config.get(name) for run in runs]
        changed = any(_plain(v) != _plain(DEFAULTS.get(name, v)) for v in values)
        differs = any(v != values[0] for v in values)
        rows.append((name, [words(v) for v in values], differs if len(runs) > 1 else changed))
    return rows


def measure_rows(runs: Sequence[Glimpse]) -> Rows:
    """The newest of each measure; first how many images the network had seen then."""
    newest: list[dict[str, Any]] = [{k: v for line in run.measures for k, v in line.items()} for run in runs]
    return [
        (name, [measure_words(name, one.get(name)) for one in newest], False)
        for name in dict.fromkeys(name for one in newest for name in one)
    ]


def measure_words(name: str, value: Any) -> str:
    if name == "images" and isinstance(value, int):
        return f"{value / 1000:.1f} kimg"
    return f"{value:.4g}" if isinstance(value, float) else words(value)


def words(value: Any) -> str:
    """A setting as a person writes it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(words, value)) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
