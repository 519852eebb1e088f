"""The training monitor in a window of its own."""

import time
from pathlib import Path

import dearpygui.dearpygui as dpg

from app.lab import theme
from app.lab.monitor import Monitor
from engine.errors import StyleScopeError

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
            capture(monitor, screenshot)
    finally:
        monitor.close()
        dpg.destroy_context()
    return 0


def open_window(monitor: Monitor, title: str, size: tuple[int, int], scale: float) -> None:
    """A window of `size` at scale 1 with the monitor in it."""
    theme.apply(scale)
    with dpg.window(no_scrollbar=True, no_scroll_with_mouse=True) as window:
        monitor.build(window)
    dpg.create_viewport(title=title, width=round(size[0] * scale), height=round(size[1] * scale))
    dpg.setup_dearpygui()
    dpg.show_viewport()
    dpg.set_primary_window(window, True)


def _loop(monitor: Monitor, frames: int | None) -> None:
    """Draw; seldom when nobody touches anything, for the training beside it wants the processor."""
    drawn, mouse, touched = 0, (0.0, 0.0), time.monotonic()
    while dpg.is_dearpygui_running() and (frames is None or drawn < frames):
        monitor.tick()
        dpg.render_dearpygui_frame()
        drawn += 1
        now, at = time.monotonic(), tuple(dpg.get_mouse_pos(local=False))
        if at != mouse or dpg.is_mouse_button_down(dpg.mvMouseButton_Left) or monitor.busy:
            mouse, touched = at, now
        else:
            time.sleep(REST[0] if now - touched < REST[2] else REST[1])


def capture(monitor: Monitor, path: Path) -> None:
    """Write what the window shows as a PNG; StyleScopeError when that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    dpg.output_frame_buffer(str(path))
    for _ in range(3):  # it is written with one of the next frames
        monitor.tick()
        dpg.render_dearpygui_frame()
    if not path.exists():
        raise StyleScopeError(f"{path}: the screenshot was not written; choose a .png in a folder you may write to.")
