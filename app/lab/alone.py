"""The training monitor in a window of its own."""

import time
from pathlib import Path

import dearpygui.dearpygui as dpg

from app.lab import theme, viewport
from app.lab.monitor import Monitor

REST = (0.04, 0.3, 10.0)  # seconds between frames: right after a touch, later; and when "later" begins


def run(
    runs: list[Path],
    frames: int | None = None,
    screenshot: Path | None = None,
    size: tuple[int, int] = (1280, 800),
    scale: float = 1.0,
) -> int:
    """Show runs until the window is closed; the exit code. `frames` ends it, `screenshot` is written before it ends."""
    dpg.create_context()
    monitor = Monitor()
    try:
        open_window(monitor, f"{runs[0].name} – StyleScope monitor", size, scale)
        monitor.open(runs[0])
        for more in runs[1:]:
            monitor.add(more)
        _loop(monitor, frames)
        if screenshot is not None:
            viewport.capture(lambda: draw(monitor), screenshot)
    finally:
        monitor.close()
        dpg.destroy_context()
    return 0


def open_window(monitor: Monitor, title: str, size: tuple[int, int], scale: float) -> None:
    """A window of `size` at scale 1 with the monitor in it."""
    theme.apply(scale)
    with dpg.window(no_scrollbar=True, no_scroll_with_mouse=True) as window:
        monitor.build(window)
    viewport.show(title, size, scale, window)


def draw(monitor: Monitor) -> None:
    """One frame."""
    monitor.tick()
    dpg.render_dearpygui_frame()


def _loop(monitor: Monitor, frames: int | None) -> None:
    """Draw; seldom when nobody touches anything, for the training beside it wants the processor."""
    drawn, mouse, touched = 0, (0.0, 0.0), time.monotonic()
    while dpg.is_dearpygui_running() and (frames is None or drawn < frames):
        draw(monitor)
        drawn += 1
        now, at = time.monotonic(), tuple(dpg.get_mouse_pos(local=False))
        if at != mouse or dpg.is_mouse_button_down(dpg.mvMouseButton_Left) or monitor.busy:
            mouse, touched = at, now
        else:
            time.sleep(REST[0] if now - touched < REST[2] else REST[1])
