"""The curves of one or several runs: a grid of plots over a common axis of images or hours."""

from collections.abc import Sequence
from dataclasses import dataclass

import dearpygui.dearpygui as dpg
import numpy as np

from app.lab import lines
from app.lab.theme import colour
from engine.training.watching import Glimpse

RUN_COLOURS = ("teal", "accent", "violet", "text", "green", "dim")  # of several runs beside each other
PART_COLOURS = ("teal", "violet")  # of the curves of one run alone
RAW, SECOND = 0.28, 0.5  # alpha of what was measured behind its mean, and of a run's second curve
ROWS, COLUMNS = 3, 2
MARGINS = (0.02, 0.12)  # of a plot's width and height, around its curves


@dataclass(frozen=True)
class Chart:
    """What one plot shows: (column of stats.jsonl, label) pairs."""

    title: str
    parts: tuple[tuple[str, str], ...]
    positive: bool = False  # may be shown on a logarithmic axis
    right: str = ""  # the column that has an axis of its own, at the right
    target: str = ""  # the setting that is drawn as a line across


CHARTS = (
    Chart("Losses", (("loss_g", "G"), ("loss_d", "D"), ("loss_imitation", "G after its teacher")), positive=True),
    Chart("Logits of D", (("real_logit", "real"), ("fake_logit", "made"))),
    Chart("Overfitting", (("r_t", "r_t"), ("p", "p")), target="ada_target"),
    Chart("R1", (("r1", "R1"),), positive=True),
    Chart("Path length", (("path_length", "length"), ("path_penalty", "penalty")), True, right="path_penalty"),
    Chart("Images a second", (("images_per_second", "speed"),), positive=True),
)


@dataclass(frozen=True)
class Look:
    """How the curves are shown."""

    smoothing: float = 0.6  # weight of the past, 0..1
    hours: bool = False  # over hours of training instead of kimg
    log: bool = False


class Charts:
    """The grid. `show` hands over what there is; `tick` draws it anew when something changed or somebody zoomed."""

    def __init__(self) -> None:
        self.plots: list[Plot] = []
        self.following = True  # the axes grow with the runs, until somebody zooms
        self._shown: object = None

    def build(self, parent: int | str) -> None:
        with dpg.subplots(
            ROWS, COLUMNS, parent=parent, width=-1, height=-1, link_all_x=True, no_menus=True, no_title=True
        ) as grid:
            self.plots = [Plot(chart, grid) for chart in CHARTS]
        with dpg.theme() as roomy, dpg.theme_component(dpg.mvAll):
            dpg.add_theme_style(dpg.mvPlotStyleVar_FitPadding, *MARGINS, category=dpg.mvThemeCat_Plots)
        for plot in self.plots:
            dpg.bind_item_theme(plot.item, roomy)

    def show(self, runs: Sequence[Glimpse], look: Look) -> None:
        """Draw the runs, if anything about them or in view is new."""
        view = None if self.following else self.plots[0].limits()
        new = (look, view, self.following, [(run.path, len(run.columns["images"]), run.images) for run in runs])
        if new == self._shown:
            return
        self._shown = new
        for plot in self.plots:
            plot.follow(self.following)
            plot.show(runs, look, view)

    def hovered(self) -> bool:
        return any(dpg.is_item_hovered(plot.item) for plot in self.plots)


class Plot:
    """One chart as a plot with its series, which are made when a run first has something for them."""

    def __init__(self, chart: Chart, parent: int | str):
        self.chart = chart
        self.series: dict[tuple[object, ...], int | str] = {}
        with dpg.plot(label=chart.title, parent=parent, no_menus=True, no_box_select=True) as self.item:
            self.legend = dpg.add_plot_legend(location=dpg.mvPlot_Location_NorthEast, horizontal=True)
            self.x = dpg.add_plot_axis(dpg.mvXAxis, no_highlight=True, auto_fit=True)
            self.y = dpg.add_plot_axis(dpg.mvYAxis, no_highlight=True, auto_fit=True)
            self.right = 0
            if chart.right:
                self.right = dpg.add_plot_axis(
                    dpg.mvYAxis2, opposite=True, no_gridlines=True, no_highlight=True, auto_fit=True
                )

    def limits(self) -> tuple[float, float]:
        low, high = dpg.get_axis_limits(self.x)
        return low, high

    def follow(self, on: bool) -> None:
        for axis in filter(None, (self.x, self.y, self.right)):
            dpg.configure_item(axis, auto_fit=on)

    def show(self, runs: Sequence[Glimpse], look: Look, view: tuple[float, float] | None) -> None:
        """Bring the series up to date; those without a run any more are removed."""
        log = look.log and self.chart.positive
        for axis in filter(None, (self.y, self.right)):
            dpg.configure_item(axis, scale=dpg.mvPlotScale_Log10 if log else dpg.mvPlotScale_Linear)
        wanted: set[tuple[object, ...]] = set()
        for i, run in enumerate(runs):
            for j, (name, label) in enumerate(self.chart.parts):
                if name in run.columns:
                    wanted |= self._curve(run, name, label, look, view, shade(i, j, len(runs)), log)
            wanted |= self._target(run, i, len(runs))
        for key in self.series.keys() - wanted:
            dpg.delete_item(self.series.pop(key))
        self._name(len(runs), not self.series and any(len(run.columns["images"]) for run in runs))

    def _name(self, runs: int, lacking: bool) -> None:
        """One run has a legend; several have their colours in the list of runs, and their parts in the title."""
        parts = [label for _, label in self.chart.parts]
        several = f"{self.chart.title}: {parts[0]}, pale {parts[1]}" if len(parts) > 1 else self.chart.title
        title = several if runs > 1 else self.chart.title
        dpg.configure_item(self.item, label=f"{self.chart.title}: none here" if lacking else title)
        dpg.configure_item(self.legend, show=runs == 1 and len(parts) > 1)

    def _curve(
        self, run: Glimpse, name: str, label: str, look: Look, view: tuple[float, float] | None,
        paint: tuple[str, float], log: bool,
    ) -> set[tuple[object, ...]]:  # fmt: skip
        """The measured values, pale, and their running mean in front of them."""
        x, y = over(run, look.hours), run.columns[name]
        if log:
            y = np.where(y > 0, y, np.nan)
        axis = self.right if name == self.chart.right else self.y
        kept: set[tuple[object, ...]] = {(run.path, name, "mean")}
        if look.smoothing > 0:
            self._line((run.path, name, "raw"), axis, x, y, view, "", (paint[0], paint[1] * RAW))
            kept.add((run.path, name, "raw"))
        self._line((run.path, name, "mean"), axis, x, lines.smooth(y, look.smoothing), view, label, paint)
        return kept

    def _line(
        self, key: tuple[object, ...], axis: int | str, x: np.ndarray, y: np.ndarray,
        view: tuple[float, float] | None, label: str, paint: tuple[str, float],
    ) -> None:  # fmt: skip
        part = lines.in_view(x, *view) if view else slice(None)
        points = [values.tolist() for values in lines.thin(x[part], y[part])]
        if key not in self.series:
            self.series[key] = dpg.add_line_series([], [], parent=axis)
        dpg.configure_item(self.series[key], label=label or "##raw")
        dpg.bind_item_theme(self.series[key], line_theme(*paint))
        dpg.set_value(self.series[key], points)

    def _target(self, run: Glimpse, i: int, count: int) -> set[tuple[object, ...]]:
        """The value that p steers r_t to, where this run's p does."""
        target = run.config.get(self.chart.target)
        if not self.chart.target or run.config.get("augment") != "ada" or not isinstance(target, int | float):
            return set()
        key = (run.path, self.chart.target)
        if key not in self.series:
            self.series[key] = dpg.add_inf_line_series([], parent=self.y, horizontal=True)
        dpg.configure_item(self.series[key], label=f"target {target:g}" if count == 1 else "##target")
        dpg.bind_item_theme(self.series[key], line_theme("accent" if count == 1 else shade(i, 0, count)[0], 0.6))
        dpg.set_value(self.series[key], [[float(target)]])
        return {key}


def over(run: Glimpse, hours: bool) -> np.ndarray:
    """[N]: kimg, or hours of training."""
    images = run.columns["images"]
    if hours:
        return run.columns.get("seconds", np.full(len(images), np.nan)) / 3600
    return images / 1000


def shade(run: int, part: int, runs: int) -> tuple[str, float]:
    """Colour and alpha of a curve: one run alone has a colour for each part, several have one each."""
    if runs == 1:
        return PART_COLOURS[part % len(PART_COLOURS)], 1.0
    return RUN_COLOURS[run % len(RUN_COLOURS)], SECOND if part else 1.0


def line_theme(token: str, alpha: float) -> str:
    """Tag of a theme for a line in a colour and alpha; made when first asked for."""
    tag = f"line {token} {alpha:.2f}"
    if not dpg.does_item_exist(tag):
        with dpg.theme(tag=tag), dpg.theme_component(dpg.mvAll):
            dpg.add_theme_color(dpg.mvPlotCol_Line, colour(token, alpha), category=dpg.mvThemeCat_Plots)
    return tag
