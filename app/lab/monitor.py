"""The training monitor: curves, sample sheets, settings and measures of runs, while they train or afterwards."""

import time
from pathlib import Path

import dearpygui.dearpygui as dpg

from app.lab.charts import RUN_COLOURS, Charts, Look
from app.lab.runlist import RunList
from app.lab.sheets import Sheets
from app.lab.tables import Table, measure_rows, setting_rows
from app.lab.theme import DIM, ERROR, em
from app.lab.watcher import Watcher
from app.lab.wishes import Wishes
from engine.training.watching import Glimpse

MOST = len(RUN_COLOURS)  # runs beside each other
SIDE = 0.38  # of the width that sheets and tables take
COMPARE = "Compare with"
NO_SETTINGS = "No config.json yet."
NO_MEASURES = "No measures yet; main.py measure RUN takes them (sliced Wasserstein distance, path length, FID)."


class Monitor:
    """Panels inside any window: `build(parent)` once, `tick()` once a frame, `open(run)` at any time, `close()`."""

    def __init__(self, watcher: Watcher | None = None):
        self.watcher = watcher or Watcher()
        self.runs: list[Path] = []
        self.chosen: Path | None = None
        self.wishes = Wishes()
        self.charts, self.sheets = Charts(), Sheets(self.wishes)
        self.list = RunList(self.wishes, self._choose, self.shut)
        self.settings, self.measures = Table(NO_SETTINGS), Table(NO_MEASURES)
        self._offered: list[str] | None = None

    # --- which runs ---------------------------------------------------------------------------------------------

    def open(self, run: Path) -> None:
        """Show one run, in place of those that are shown."""
        self.runs, self.chosen = [run], run
        self.charts.following = True
        self.watcher.watch(self.runs)

    def add(self, run: Path) -> None:
        """Show one more run beside the others."""
        if run not in self.runs and len(self.runs) < MOST:
            self.runs = [*self.runs, run]
            self.chosen = self.chosen or run
            self.watcher.watch(self.runs)

    def shut(self, run: Path) -> None:
        """No longer show a run."""
        self.runs = [one for one in self.runs if one != run]
        if self.chosen == run:
            self.chosen = self.runs[0] if self.runs else None
        self.watcher.watch(self.runs)

    def close(self) -> None:
        self.watcher.close()

    @property
    def busy(self) -> bool:
        """Whether the next frame will show something new without anyone touching anything."""
        return self.sheets.playing or self.sheets.loading or not all(run.complete for run in self.watcher.glimpses())

    # --- the window ---------------------------------------------------------------------------------------------

    def build(self, parent: int | str) -> None:
        """Make the widgets inside `parent`, a window or a tab."""
        with dpg.group(parent=parent):
            self.list.build(dpg.last_container())
            self.trouble = dpg.add_text("", show=False, wrap=0)
            dpg.bind_item_theme(self.trouble, ERROR)
            self._build_controls()
            self._build_body()
        with dpg.handler_registry() as self.handlers:
            later = self.wishes.later
            dpg.add_mouse_wheel_handler(callback=later(lambda: self._moved(by_hand=True)))
            dpg.add_mouse_drag_handler(callback=later(lambda: self._moved(by_hand=True)), threshold=em(0.4))
            dpg.add_mouse_double_click_handler(callback=later(lambda: self._moved(by_hand=False)))

    def tick(self) -> None:
        """Bring everything up to date with what was seen of the runs; cheap when nothing is new."""
        self.wishes.grant()
        runs = self.watcher.glimpses()
        self.list.show(runs, self.chosen)
        self._say(runs)
        self._offer()
        self.charts.show(runs, self._look())
        one = next((run for run in runs if run.path == self.chosen), None)
        self.sheets.show(one, time.monotonic())
        self.settings.show(runs, setting_rows(runs))
        self.measures.show(runs, measure_rows(runs))

    # --- parts --------------------------------------------------------------------------------------------------

    def _build_body(self) -> None:
        """Charts to the left, sheets and tables to the right; the line between them can be dragged."""
        with dpg.table(header_row=False, resizable=True, borders_innerV=True, policy=dpg.mvTable_SizingStretchProp):
            dpg.add_table_column(init_width_or_weight=1 - SIDE)
            dpg.add_table_column(init_width_or_weight=SIDE)
            with dpg.table_row():
                with dpg.child_window(border=False, no_scrollbar=True, no_scroll_with_mouse=True) as left:
                    self.charts.build(left)
                with dpg.child_window(border=False, no_scrollbar=True, no_scroll_with_mouse=True), dpg.tab_bar():
                    rooms = {"Samples": self.sheets, "Settings": self.settings, "Measures": self.measures}
                    for label, room in rooms.items():
                        with dpg.tab(label=label) as tab:
                            room.build(tab)

    def _build_controls(self) -> None:
        with dpg.group(horizontal=True):
            self.smoothed = _words("")
            self.smoothing = dpg.add_slider_float(
                width=em(9), default_value=0.6, max_value=0.99, format="", clamped=True
            )
            _tip(self.smoothing, "Weight of the past in the running mean; 0 shows the lines as they were measured")
            _words("  Over")
            self.axis = dpg.add_radio_button(("kimg", "hours"), default_value="kimg", horizontal=True)
            dpg.add_spacer(width=em(0.5))
            self.log = dpg.add_checkbox(label="Log")
            _tip(self.log, "Logarithmic axes for losses, R1, path length and speed")
            later = self.wishes.later
            self.following = dpg.add_checkbox(label="Follow", default_value=True, callback=later(self._follow))
            _tip(self.following, "The axes grow with the run; the wheel or a drag on a chart looks closer instead,\n"
                                 "a double-click comes back")  # fmt: skip
            dpg.add_spacer(width=em(0.5))
            self.others = dpg.add_combo((), width=em(14), callback=later(self._picked))
            _tip(self.others, "Shows another run of the same folder beside this one")
            self.path = dpg.add_input_text(
                hint="or a run folder, Enter", width=em(18), on_enter=True, callback=later(self._typed)
            )

    def _look(self) -> Look:
        smoothing = float(dpg.get_value(self.smoothing))
        dpg.set_value(self.smoothed, f"Smoothing {smoothing:.2f}")
        return Look(smoothing, dpg.get_value(self.axis) == "hours", bool(dpg.get_value(self.log)))

    def _say(self, runs: list[Glimpse]) -> None:
        """What could not be read, in a line under the list."""
        troubles = [f"{run.name}: {run.trouble}" for run in runs if run.trouble]
        troubles += [f"{run.name}: {run.skipped} unreadable line(s) in stats.jsonl." for run in runs if run.skipped]
        dpg.set_value(self.trouble, " ".join(troubles))
        dpg.configure_item(self.trouble, show=bool(troubles))

    def _offer(self) -> None:
        """Other runs of the folder, to be compared."""
        names = [path.name for path in self.watcher.beside if path not in self.runs]
        if names != self._offered:
            self._offered = names
            dpg.configure_item(self.others, items=names, enabled=bool(names))
            dpg.set_value(self.others, COMPARE if names else "No other run here")

    def _picked(self) -> None:
        name = dpg.get_value(self.others)
        for path in self.watcher.beside:
            if path.name == name:
                self.add(path)
        self._offered = None

    def _typed(self) -> None:
        text = dpg.get_value(self.path).strip()
        if text:
            self.add(Path(text).expanduser().absolute())
        dpg.set_value(self.path, "")

    def _choose(self, run: Path) -> None:
        self.chosen = run

    def _follow(self) -> None:
        self.charts.following = bool(dpg.get_value(self.following))

    def _moved(self, by_hand: bool) -> None:
        """The wheel or a drag looks closer, and what is in view stays; a double-click shows everything again."""
        if self.charts.hovered():
            self.charts.following = not by_hand
            dpg.set_value(self.following, not by_hand)
        elif self.sheets.hovered():
            self.sheets.fitted = False
            if not by_hand:
                self.sheets.fit()


def _words(words: str) -> int | str:
    item = dpg.add_text(words)
    dpg.bind_item_theme(item, DIM)
    return item


def _tip(item: int | str, words: str) -> None:
    with dpg.tooltip(item, delay=0.4):
        dpg.add_text(words)
