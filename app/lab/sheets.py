"""The sample sheets of a run through time: one picture in a plot, so that the wheel zooms and a drag moves it."""

import threading
from pathlib import Path

import dearpygui.dearpygui as dpg
import numpy as np
from PIL import Image

from app.lab.theme import DIM, ERROR, MONO, em
from app.lab.wishes import Wishes
from cuda_ops.background import Background
from engine.training.watching import Glimpse, Sheet

LARGEST = 4096  # pixels of a texture's longer side; a larger sheet is shown reduced
PER_SECOND = 4.0  # sheets while playing


class Picture:
    """A sheet as a texture wants it: [H, W, 4] float32 in 0..1, `reduced` times smaller than the file."""

    def __init__(self, sheet: Sheet):
        self.sheet, self.error = sheet, ""
        self.pixels, self.reduced = np.zeros((1, 1, 4), np.float32), 1
        self.ready = threading.Event()
        Background(self._read, name="read a sheet").start()

    def _read(self) -> None:
        try:
            with Image.open(self.sheet.path) as image:
                self.reduced = -(-max(image.size) // LARGEST)
                small = image.convert("RGBA").reduce(self.reduced) if self.reduced > 1 else image.convert("RGBA")
            self.pixels = np.asarray(small, np.float32) / 255
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            reason = getattr(error, "strerror", None) or "not a whole picture"
            self.error = f"{self.sheet.path.name} cannot be read ({reason}); the sheet before it stays."
        finally:
            self.ready.set()


class Sheets:
    """The picture, a slider through time, and play. `show` once a frame."""

    def __init__(self, wishes: Wishes):
        self.wishes = wishes
        self.fitted = True  # the whole sheet is shown, until somebody zooms
        self.sheets: tuple[Sheet, ...] = ()
        self.run: Path | None = None
        self.at, self.playing, self.shown = 0, False, None
        self._loading: Picture | None = None
        self._failed: Sheet | None = None
        self._size, self._room = (0, 0), (0, 0)  # of the sheet: height, width; of the plot: width, height
        self._texture: int | str = 0
        self._due = 0.0
        self._free = 0  # frames until the axes may be moved by hand again

    def build(self, parent: int | str) -> None:
        with dpg.group(parent=parent):
            self.note = dpg.add_text("", wrap=em(36))
            dpg.bind_item_theme(self.note, DIM)
            with dpg.plot(
                width=-1, height=-em(4.6), no_title=True, no_menus=True, no_mouse_pos=True, equal_aspects=True,
                no_box_select=True,
            ) as self.plot:  # fmt: skip
                self.x, self.y = (
                    dpg.add_plot_axis(
                        kind, no_tick_labels=True, no_tick_marks=True, no_gridlines=True, no_highlight=True
                    )
                    for kind in (dpg.mvXAxis, dpg.mvYAxis)
                )
            with dpg.theme() as bare, dpg.theme_component(dpg.mvAll):  # so that the plot's size is that of its inside
                dpg.add_theme_style(dpg.mvPlotStyleVar_PlotPadding, 0, 0, category=dpg.mvThemeCat_Plots)
            dpg.bind_item_theme(self.plot, bare)
            with dpg.group(horizontal=True):
                self.play = dpg.add_button(label="Play", width=em(4), callback=self.wishes.later(self.toggle))
                self.slider = dpg.add_slider_int(width=-1, min_value=0, max_value=0, no_input=True, format="")
            with dpg.group(horizontal=True) as self.zooms:
                for label, way, tip in (
                    ("Fit", self.fit, "Show the whole sheet (also a double-click)"),
                    ("1:1", lambda: self.zoom(1), "One pixel of the sheet on one of the screen"),
                    ("2:1", lambda: self.zoom(2), "Twice as large; the wheel zooms, a drag moves"),
                ):
                    button = dpg.add_button(label=label, width=em(4), callback=self.wishes.later(way))
                    with dpg.tooltip(button, delay=0.4):
                        dpg.add_text(tip)
                dpg.add_spacer(width=em(0.5))
                self.when = dpg.add_text("")
                dpg.bind_item_font(self.when, MONO)
                self.size = dpg.add_text("")
                dpg.bind_item_theme(self.size, DIM)

    def show(self, run: Glimpse | None, now: float) -> None:
        """Take up a run's sheets, follow the newest while the slider is at the end, and draw. `now` in seconds."""
        self._take(run)
        at = dpg.get_value(self.slider)
        if at != self.at:
            self.at, self.playing = min(at, max(len(self.sheets) - 1, 0)), False
        self._play(now)
        if self.sheets:
            self._request(self.sheets[self.at])
        self._receive()
        self._controls(run)
        self._hold_view()

    def toggle(self) -> None:
        """Play through time, from the start when at the end; or pause."""
        self.playing = not self.playing and len(self.sheets) > 1
        if self.playing and self.at == len(self.sheets) - 1:
            self.at = 0
        self._due = 0.0

    def fit(self) -> None:
        """Show the whole sheet, however the window changes, until somebody zooms."""
        self.fitted, self._room = True, (0, 0)

    @property
    def loading(self) -> bool:
        """Whether a sheet is being read."""
        return self._loading is not None

    def hovered(self) -> bool:
        return bool(dpg.is_item_hovered(self.plot))

    def zoom(self, factor: float) -> None:
        """One pixel of the sheet on `factor` pixels of the screen, about the middle of what is in view."""
        self.fitted = False
        (left, right), (low, high) = dpg.get_axis_limits(self.x), dpg.get_axis_limits(self.y)
        width, height = dpg.get_item_rect_size(self.plot)
        self._look_at((left + right) / 2, (low + high) / 2, width / factor, height / factor)

    # --- parts --------------------------------------------------------------------------------------------------

    def _take(self, run: Glimpse | None) -> None:
        sheets = run.sheets if run else ()
        if run is None or run.path != self.run:
            self.run, self.playing, self.at = run.path if run else None, False, max(len(sheets) - 1, 0)
        elif sheets != self.sheets and not self.playing and self.at >= len(self.sheets) - 1:
            self.at = max(len(sheets) - 1, 0)
        self.sheets = sheets
        self.at = min(self.at, max(len(sheets) - 1, 0))
        dpg.configure_item(self.slider, max_value=max(len(sheets) - 1, 0))
        dpg.set_value(self.slider, self.at)

    def _play(self, now: float) -> None:
        if self.playing and now >= self._due and self._loading is None:
            if self._due:
                self.at += 1
            self._due = now + 1 / PER_SECOND
            self.playing = self.at < len(self.sheets) - 1
            dpg.set_value(self.slider, self.at)

    def _request(self, sheet: Sheet) -> None:
        if self._loading is None and sheet not in (self.shown, self._failed):
            self._loading = Picture(sheet)

    def _receive(self) -> None:
        picture = self._loading
        if picture is None or not picture.ready.is_set():
            return
        self._loading = None
        self._failed = picture.sheet if picture.error else None
        self._say(picture.error)
        if not picture.error:
            self.shown = picture.sheet
            dpg.set_value(self.size, _size_words(picture))
            self._hang(picture)

    def _hang(self, picture: Picture) -> None:
        """Put the picture into the plot in place of the one before."""
        height, width, _ = picture.pixels.shape
        height, width = height * picture.reduced, width * picture.reduced
        before = self._texture
        with dpg.texture_registry():
            pixels = np.ascontiguousarray(picture.pixels)
            self._texture = dpg.add_static_texture(pixels.shape[1], pixels.shape[0], pixels.reshape(-1))  # type: ignore
        dpg.delete_item(self.y, children_only=True)
        dpg.add_image_series(self._texture, (0, -height), (width, 0), parent=self.y)
        if before:
            dpg.delete_item(before)
        if self._size != (height, width):
            self._size = (height, width)
            self.fit()

    def _hold_view(self) -> None:
        """Fit again when the room has changed; and let axes that were set be moved by hand again."""
        room = tuple(dpg.get_item_rect_size(self.plot))
        height, width = self._size
        if self.fitted and width and room != self._room:
            self._room = room
            self._look_at(width / 2, -height / 2, width, height)
        elif self._free:
            self._free -= 1
            if not self._free:
                for axis in (self.x, self.y):
                    dpg.set_axis_limits_auto(axis)

    def _look_at(self, x: float, y: float, width: float, height: float) -> None:
        """Limits of the axes that show so much around a place; then they are free again."""
        room = dpg.get_item_rect_size(self.plot)
        unit = max(width / max(room[0], 1), height / max(room[1], 1))
        across, down = room[0] * unit / 2, room[1] * unit / 2
        dpg.set_axis_limits(self.x, x - across, x + across)
        dpg.set_axis_limits(self.y, y - down, y + down)
        self._free = 2

    def _controls(self, run: Glimpse | None) -> None:
        dpg.configure_item(self.play, label="Pause" if self.playing else "Play", enabled=len(self.sheets) > 1)
        for item in (self.slider, self.zooms):
            dpg.configure_item(item, show=bool(self.sheets))
        dpg.set_value(self.when, f"{self.sheets[self.at].images / 1000:.1f} kimg" if self.sheets else "")
        if not self.sheets:
            every = run.config.get("sheet_kimg") if run else None
            when = f"; the trainer writes one every {every:g} kimg" if isinstance(every, int | float) else ""
            self._say(f"No sample sheet yet{when}.", DIM)

    def _say(self, words: str, theme: str = ERROR) -> None:
        """A line above the picture, or none."""
        dpg.set_value(self.note, words)
        dpg.bind_item_theme(self.note, theme)
        dpg.configure_item(self.note, show=bool(words))


def _size_words(picture: Picture) -> str:
    height, width, _ = picture.pixels.shape
    words = f"{width * picture.reduced} x {height * picture.reduced}"
    return words if picture.reduced == 1 else f"{words}, shown at 1/{picture.reduced}"
