"""One activation, seen whole: the atlas of its channels at any size, its spectrum and its histogram."""

from collections.abc import Callable
from typing import Any

import dearpygui.dearpygui as dpg
import numpy as np

from app.lab import theme
from app.lab.analysis import Findings
from app.lab.theme import em

SPAN_DB = 70.0
CRISP = 24  # texture pixels that a channel is drawn with at least
COLOURS = {"0°": "teal", "45°": "violet", "radial": "accent"}


class StepView:
    """Three plots. The wheel enlarges the atlas, a drag moves it, a click on a channel calls `pick(channel)`."""

    def __init__(self, pick: Callable[[int], None]):
        self.pick = pick
        self.found: Findings | None = None
        self._texture: int | str | None = None
        self._size = (0, 0)
        self._pressed: tuple[float, float] | None = None

    @property
    def aspect(self) -> float:
        """Width to height of the atlas on screen, in steps that do not follow every pixel."""
        width, height = dpg.get_item_rect_size(self.atlas)
        return round(max(0.3, min(4.0, width / height)), 1) if width and height else 1.4

    def build_atlas(self, parent: int | str, width: int, height: int) -> None:
        bare: dict[str, Any] = {"no_tick_labels": True, "no_tick_marks": True, "no_gridlines": True}
        self.atlas = dpg.add_plot(
            parent=parent, width=width, height=height, equal_aspects=True, no_mouse_pos=True, no_menus=True
        )
        self.atlas_x = dpg.add_plot_axis(dpg.mvXAxis, parent=self.atlas, **bare)
        self.atlas_y = dpg.add_plot_axis(dpg.mvYAxis, parent=self.atlas, **bare)
        self.tip = dpg.add_plot_annotation(
            parent=self.atlas, show=False, offset=(em(0.8), -em(0.8)), color=theme.colour("raised"), clamped=True
        )
        self.frame = dpg.draw_rectangle((0, 0), (0, 0), color=theme.colour("accent"), parent=self.atlas, show=False)
        with dpg.handler_registry():
            dpg.add_mouse_click_handler(dpg.mvMouseButton_Left, callback=self._press)
            dpg.add_mouse_release_handler(dpg.mvMouseButton_Left, callback=self._let_go)

    def build_spectrum(self, parent: int | str, width: int, height: int) -> None:
        self.spectrum = dpg.add_plot(parent=parent, width=width, height=height, no_menus=True, no_mouse_pos=True)
        dpg.add_plot_legend(parent=self.spectrum, horizontal=True, location=dpg.mvPlot_Location_NorthEast)
        self.f = dpg.add_plot_axis(dpg.mvXAxis, parent=self.spectrum, label="cycles per picture width")
        self.db = dpg.add_plot_axis(dpg.mvYAxis, parent=self.spectrum, label="dB")
        self.curves = {}
        for name, shade in COLOURS.items():
            self.curves[name] = dpg.add_line_series([], [], label=name, parent=self.db)
            dpg.bind_item_theme(self.curves[name], theme.line(shade))

    def build_histogram(self, parent: int | str, width: int, height: int) -> None:
        self.histogram = dpg.add_plot(parent=parent, width=width, height=height, no_menus=True, no_mouse_pos=True)
        self.value = dpg.add_plot_axis(dpg.mvXAxis, parent=self.histogram, label="value")
        self.count = dpg.add_plot_axis(dpg.mvYAxis, parent=self.histogram, label="share", no_tick_labels=True)
        self.bars = dpg.add_stair_series([], [], parent=self.count, shaded=True)
        dpg.bind_item_theme(self.bars, theme.line("teal"))

    def show(self, found: Findings | None, channel: int, top_db: float | None = None) -> None:
        """Draw findings that are new; `top_db` is the upper end of the spectrum where two are side by side."""
        if found is not self.found and found is not None:
            self.found = found
            self._show_atlas(found)
            self._show_spectrum(found, top_of(found) if top_db is None else top_db)
            self._show_histogram(found)
        elif found is None and self.found is not None:
            self.found = None
        self._outline(channel)
        self._tell()

    # --- parts --------------------------------------------------------------------------------------------------

    def _show_atlas(self, found: Findings) -> None:
        height, width = found.rgba.shape[:2]
        times = max(1, CRISP // max(found.tiles.cell))
        pixels: Any = found.rgba.repeat(times, 0).repeat(times, 1).astype(np.float32).ravel() / 255
        if self._texture is not None and self._size == (width, height):
            dpg.set_value(self._texture, pixels)
            return
        dpg.delete_item(self.atlas_y, children_only=True)
        if self._texture is not None:
            dpg.delete_item(self._texture)
        with dpg.texture_registry():
            self._texture = dpg.add_dynamic_texture(times * width, times * height, pixels)
        dpg.add_image_series(self._texture, (0, 0), (width, height), parent=self.atlas_y)
        self._size = (width, height)
        self.fit()

    def fit(self) -> None:
        """The whole atlas."""
        dpg.fit_axis_data(self.atlas_x)
        dpg.fit_axis_data(self.atlas_y)

    def _show_spectrum(self, found: Findings, top: float) -> None:
        for name, series in self.curves.items():
            f, db = found.curves.get(name, (np.zeros(0), np.zeros(0)))
            dpg.set_value(series, [f, db])
            dpg.configure_item(series, show=len(f) > 0)
        ends = [float(f[-1]) for f, _ in found.curves.values() if len(f)]
        dpg.set_axis_limits(self.f, 0.0, max(ends, default=1.0))
        dpg.set_axis_limits(self.db, top - SPAN_DB, top)

    def _show_histogram(self, found: Findings) -> None:
        low, high = found.low_high
        high = high if high > low else low + 1.0
        edges = np.linspace(low, high, len(found.counts) + 1)
        shares = found.counts / max(1, found.counts.max())
        dpg.set_value(self.bars, [edges, np.append(shares, 0.0)])
        dpg.set_axis_limits(self.value, low, high)
        dpg.set_axis_limits(self.count, 0.0, 1.08)

    # --- picking ------------------------------------------------------------------------------------------------

    def _channel_at_mouse(self) -> int | None:
        if self.found is None or not dpg.is_item_hovered(self.atlas):
            return None
        x, y = dpg.get_plot_mouse_pos()
        height = self.found.rgba.shape[0]
        return self.found.tiles.channel_at(int(x), int(height - y)) if 0 <= y < height and x >= 0 else None

    def _press(self) -> None:
        x, y = dpg.get_mouse_pos(local=False)
        self._pressed = (x, y) if dpg.is_item_hovered(self.atlas) else None

    def _let_go(self) -> None:
        """A click, where the mouse was not moved meanwhile."""
        pressed, self._pressed = self._pressed, None
        at = dpg.get_mouse_pos(local=False)
        if pressed is None or abs(pressed[0] - at[0]) + abs(pressed[1] - at[1]) > em(0.3):
            return
        channel = self._channel_at_mouse()
        if channel is not None:
            self.pick(channel)

    def _tell(self) -> None:
        channel = self._channel_at_mouse()
        dpg.configure_item(self.tip, show=channel is not None)
        if channel is not None:
            x, y = dpg.get_plot_mouse_pos()
            dpg.configure_item(self.tip, label=f"channel {channel}", default_value=(x, y))

    def _outline(self, channel: int) -> None:
        """A frame around the chosen channel."""
        if self.found is None:
            return
        tiles, height = self.found.tiles, self.found.rgba.shape[0]
        x, y, w, h = place_of(tiles, channel % self.found.shape[0])
        corners = {"pmin": (x, height - y), "pmax": (x + w, height - y - h)}
        pixel = self.found.rgba.shape[1] / max(1, dpg.get_item_rect_size(self.atlas)[0])
        dpg.configure_item(self.frame, **corners, thickness=em(0.15) * pixel, show=True)


def top_of(found: Findings) -> float:
    """The upper end of a spectrum's axis: the peak, rounded up to ten dB."""
    peaks = [float(db.max()) for _, db in found.curves.values() if len(db)]
    return float(np.ceil(max(peaks, default=0.0) / 10) * 10)


def place_of(tiles, channel: int) -> tuple[float, float, float, float]:
    """Left, top, width and height of a channel on its sheet, in pixels."""
    row, column = divmod(tiles.order.index(channel), tiles.columns)
    (h, w), gap = tiles.cell, tiles.gap
    return column * (w + gap), row * (h + gap), w, h
