"""Plots over time: any statistic of any step and any numeric parameter, up to six lines in each of four plots."""

from dataclasses import dataclass, field

import dearpygui.dearpygui as dpg

from app.lab import theme
from app.lab.link import Link
from app.lab.record import STATISTICS, thinned
from app.lab.theme import em
from app.lab.wishes import Wishes

PARAMETERS, CHOSEN = "parameter", "chosen step"
SPANS = {"30 s": 30.0, "2 min": 120.0, "10 min": 600.0}
LINES = ("teal", "accent", "violet", "green", "red", "text")
MOST_POINTS = 800  # of a line
# what the four plots show at first
START = (((CHOSEN, "std"), (CHOSEN, "mean")), ((CHOSEN, "peak"), (CHOSEN, "low")), ((CHOSEN, "ms"),),
         ((PARAMETERS, "latent.x"), (PARAMETERS, "truncation.psi")))  # fmt: skip


@dataclass
class Panel:
    """One plot: its widgets, and what its lines show as (what, which)."""

    what: int | str = 0
    which: int | str = 0
    plot: int | str = 0
    time: int | str = 0
    value: int | str = 0
    series: list[int | str] = field(default_factory=list)
    shown: list[tuple[str, str]] = field(default_factory=list)


class TimePlots:
    """Four plots on one axis of time, which follows the present."""

    def __init__(self, link: Link, wishes: Wishes):
        self.link, self.wishes = link, wishes
        self.panels = [Panel(shown=list(lines)) for lines in START]
        self._names: tuple[str, ...] = ()

    def build(self, parent: int | str) -> None:
        with dpg.group(horizontal=True, parent=parent):
            dpg.bind_item_theme(dpg.add_text("The last"), theme.DIM)
            self.span = dpg.add_radio_button(tuple(SPANS), default_value="30 s", horizontal=True)
        with dpg.table(parent=parent, header_row=False, policy=dpg.mvTable_SizingStretchSame):
            for _ in range(2):
                dpg.add_table_column()
            for row in range(2):
                with dpg.table_row():
                    for panel in self.panels[2 * row : 2 * row + 2]:
                        with dpg.table_cell():
                            self._build_panel(panel)

    def layout(self, room: int) -> None:
        """Share the height of the window."""
        for panel in self.panels:
            dpg.configure_item(panel.plot, height=max(em(8), room // 2 - em(3.4)))

    def tick(self) -> None:
        """The newest samples."""
        self._offer()
        now, span = self.link.now, SPANS[dpg.get_value(self.span)]
        for panel in self.panels:
            ends = []
            for series, (what, which) in zip(panel.series, panel.shown):
                times, values = self.link.record.series(self._key(what, which), now if self.link.attached else None)
                recent = times >= now - span
                times, values = thinned(times[recent], values[recent], MOST_POINTS)
                dpg.set_value(series, [times - now, values])
                dpg.configure_item(series, label=f"{self.link.step if what == CHOSEN else what}: {which}"
                                   if what != PARAMETERS else which, show=True)  # fmt: skip
                if len(values):
                    ends += [float(values.min()), float(values.max())]
            for series in panel.series[len(panel.shown) :]:
                dpg.configure_item(series, show=False)
            dpg.set_axis_limits(panel.time, -span, 0.0)
            low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
            room = 0.08 * (high - low) or 0.08 * max(abs(high), 1e-6)
            dpg.set_axis_limits(panel.value, low - room, high + room)

    # --- parts --------------------------------------------------------------------------------------------------

    def _build_panel(self, panel: Panel) -> None:
        later = self.wishes.later
        with dpg.group(horizontal=True):
            panel.what = dpg.add_combo(
                (CHOSEN, PARAMETERS), default_value=panel.shown[0][0], width=em(9),
                callback=later(lambda: self._offer_which(panel)),
            )  # fmt: skip
            panel.which = dpg.add_combo((), default_value=panel.shown[0][1], width=em(11))
            dpg.add_button(label="Show", callback=later(lambda: self._put(panel, alone=True)))
            dpg.add_button(label="Add", callback=later(lambda: self._put(panel, alone=False)))
        panel.plot = dpg.add_plot(width=-1, height=em(20), no_menus=True, no_mouse_pos=True, no_inputs=True)
        dpg.add_plot_legend(parent=panel.plot, location=dpg.mvPlot_Location_NorthWest, no_buttons=True)
        panel.time = dpg.add_plot_axis(dpg.mvXAxis, parent=panel.plot, label="seconds")
        panel.value = dpg.add_plot_axis(dpg.mvYAxis, parent=panel.plot)
        for shade in LINES:
            series = dpg.add_line_series([], [], parent=panel.value, show=False)
            dpg.bind_item_theme(series, theme.line(shade))
            panel.series.append(series)
        self._offer_which(panel)

    def _key(self, what: str, which: str) -> str:
        if what == PARAMETERS:
            return which
        return f"{self.link.step if what == CHOSEN else what}: {which}"

    def _offer(self) -> None:
        """Steps of another network."""
        network = self.link.network
        names = tuple(step.name for step in network.steps) if network else ()
        if names == self._names:
            return
        self._names = names
        for panel in self.panels:
            dpg.configure_item(panel.what, items=(CHOSEN, PARAMETERS, *names))
            self._offer_which(panel)

    def _offer_which(self, panel: Panel) -> None:
        items = STATISTICS
        if dpg.get_value(panel.what) == PARAMETERS:
            items = tuple(name for name in self.link.record.names if ": " not in name) or ("latent.x",)
        dpg.configure_item(panel.which, items=items)
        if dpg.get_value(panel.which) not in items:
            dpg.set_value(panel.which, items[0])

    def _put(self, panel: Panel, alone: bool) -> None:
        chosen = (dpg.get_value(panel.what), dpg.get_value(panel.which))
        rest = [] if alone else [line for line in panel.shown if line != chosen]
        panel.shown = [*rest, chosen][-len(LINES) :]
