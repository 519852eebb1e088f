"""The lab's window: a line about the network that plays, and four rooms in tabs. One loop, at the pace of its news."""

import os
import time
from pathlib import Path

import dearpygui.dearpygui as dpg

from app.lab import theme, viewport
from app.lab.analysis import Analysis
from app.lab.compare import Compare
from app.lab.link import Link
from app.lab.monitor import Monitor
from app.lab.networkroom import NetworkRoom
from app.lab.theme import em
from app.lab.timeplots import TimePlots
from app.lab.wishes import Wishes

ROOMS = ("Network", "Time", "Compare", "Training")
TOP = 5.2  # ems above the rooms
REST = (0.04, 0.1)  # seconds between frames: where the mouse moves, and where only numbers do
NICE = 5  # the window that plays comes first where both want the processor


class Lab:
    """Everything in the window. `frame` brings it up to date and draws it."""

    def __init__(self, link: Link, run: Path | None):
        self.link, self.wishes, self.analysis = link, Wishes(), Analysis()
        self.network = NetworkRoom(link, self.analysis, self.wishes)
        self.time = TimePlots(link, self.wishes)
        self.compare = Compare(link, self.analysis, self.wishes)
        self.monitor, self.run = Monitor(), run

    def build(self) -> None:
        """Make all widgets; the window is the primary one."""
        with dpg.window(tag="lab", no_scrollbar=True, no_scroll_with_mouse=True):
            self._build_top()
            with dpg.tab_bar() as self.tabs:
                self.rooms = {name: dpg.add_tab(label=name) for name in ROOMS}
        self.network.build(self.rooms["Network"])
        self.time.build(self.rooms["Time"])
        self.compare.build(self.rooms["Compare"])
        self.monitor.build(self.rooms["Training"])
        if self.run:
            self.monitor.open(self.run)
            dpg.set_value(self.tabs, self.rooms["Training"])
        with dpg.handler_registry():
            later = self.wishes.later
            dpg.add_key_press_handler(dpg.mvKey_Z, callback=later(self._undo))
            dpg.add_key_press_handler(dpg.mvKey_Y, callback=later(self._redo))

    def frame(self) -> None:
        """One frame."""
        self.wishes.grant()
        room = dpg.get_viewport_client_height() - em(TOP)
        shown = self.shown
        self._show_top()
        self.network.tick(shown == "Network", room)
        if shown == "Time":
            self.time.layout(room)
            self.time.tick()
        self.compare.layout(room)
        self.compare.tick(shown == "Compare")
        self.monitor.tick()
        dpg.render_dearpygui_frame()

    @property
    def shown(self) -> str:
        """The room that is open."""
        tab = dpg.get_value(self.tabs)
        return next((name for name, item in self.rooms.items() if item == tab or dpg.get_item_alias(item) == tab), "")

    @property
    def settled(self) -> bool:
        """Whether everything that was asked for is on screen."""
        if self.shown == "Training":
            return True
        seen = self.shown == "Time" or (bool(self.analysis.found) and not self.analysis.busy)
        return bool(self.link.update) and seen

    def close(self) -> None:
        self.link.close()
        self.analysis.close()
        self.monitor.close()

    # --- above the rooms ----------------------------------------------------------------------------------------

    def _build_top(self) -> None:
        with dpg.table(header_row=False, policy=dpg.mvTable_SizingStretchProp):
            dpg.add_table_column(init_width_or_weight=0.62)
            dpg.add_table_column(init_width_or_weight=0.38)
            with dpg.table_row():
                with dpg.group(horizontal=True):
                    dpg.bind_item_font(dpg.add_text("StyleScope lab"), theme.HEADING)
                    dpg.add_spacer(width=em(0.5))
                    self.name = dpg.add_text("")
                    self.facts = dpg.add_text("")
                    dpg.bind_item_theme(self.facts, theme.DIM)
                with dpg.group(horizontal=True):
                    later = self.wishes.later
                    for label, act in (("Undo", "undo"), ("Redo", "redo"), ("Play", "play")):
                        item = dpg.add_button(label=label, callback=later(lambda act=act: self.link.act(act)))
                        if act == "play":
                            self.play = item
                    self.state = dpg.add_text("")
                    dpg.bind_item_font(self.state, theme.MONO)

    def _show_top(self) -> None:
        network, update = self.link.network, self.link.update
        dpg.set_value(self.name, network.name if network else self.link.said)
        if network:
            H, W = network.resolution
            size = f"{network.parameters / 1e6:.2f} M parameters"
            dpg.set_value(self.facts, f"{network.family}   {W} × {H}   {network.num_ws} rows of w   {size}")
        if not self.link.attached or update is None:
            words, token = (self.link.said if network else "") or "attached" * self.link.attached, theme.DIM
        elif update.error or self.link.rejected:
            words, token = update.error or self.link.rejected, theme.ERROR
        else:
            words, token = f"{update.fps:3.0f} fps  {update.engine_ms:6.1f} ms  pid {self.link.pid}", theme.DIM
        dpg.set_value(self.state, words)
        dpg.bind_item_theme(self.state, token)
        if update:
            dpg.configure_item(self.play, label="Pause" if update.playing else "Play")

    def _undo(self) -> None:
        if dpg.is_key_down(dpg.mvKey_ModCtrl):
            self.link.act("redo" if dpg.is_key_down(dpg.mvKey_ModShift) else "undo")

    def _redo(self) -> None:
        if dpg.is_key_down(dpg.mvKey_ModCtrl):
            self.link.act("redo")


def run(
    folder: Path,
    note: Path | None = None,
    training: Path | None = None,
    room: str = "",
    frames: int | None = None,
    screenshot: Path | None = None,
    size: tuple[int, int] = (1280, 800),
    scale: float = 1.0,
) -> int:
    """Show the lab until it is closed; the exit code. `frames` ends it, `screenshot` is written before it ends."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    dpg.create_context()
    link = Link(folder, note)
    lab = Lab(link, training)
    try:
        theme.apply(scale)
        lab.build()
        if room:
            dpg.set_value(lab.tabs, lab.rooms[room])
        viewport.show("StyleScope lab", size, scale, "lab")
        link.start()
        _loop(lab, frames, screenshot is not None)
        if screenshot is not None:
            viewport.capture(lab.frame, screenshot)
    finally:
        lab.close()
        dpg.destroy_context()
    return 0


def _loop(lab: Lab, frames: int | None, patient: bool) -> None:
    """Draw until the window closes, or `frames` long; for a screenshot, frames count from when there is all to see."""
    drawn, mouse = 0, (0.0, 0.0)
    while dpg.is_dearpygui_running() and (frames is None or drawn < frames):
        lab.frame()
        drawn += 1 if not patient or lab.settled else 0
        at = tuple(dpg.get_mouse_pos(local=False))
        moved, mouse = at != mouse, at
        time.sleep(REST[0] if moved or dpg.is_mouse_button_down(dpg.mvMouseButton_Left) else REST[1])
