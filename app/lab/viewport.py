"""What the windows of this room share: how one opens, and a picture of it."""

from collections.abc import Callable
from pathlib import Path

import dearpygui.dearpygui as dpg

from engine.errors import StyleScopeError

FRAMES_TO_SAVE = 3  # until Dear PyGui has written a picture of itself


def show(title: str, size: tuple[int, int], scale: float, window: int | str) -> None:
    """Open a window of `size` at scale 1, filled by the Dear PyGui window `window`."""
    dpg.create_viewport(title=title, width=round(size[0] * scale), height=round(size[1] * scale))
    dpg.setup_dearpygui()
    dpg.show_viewport()
    dpg.set_primary_window(window, True)


def capture(frame: Callable[[], None], path: Path) -> None:
    """Write what the window shows as a PNG, while `frame` draws; StyleScopeError when that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    dpg.output_frame_buffer(str(path))
    for _ in range(FRAMES_TO_SAVE):
        frame()
    if not path.exists():
        raise StyleScopeError(f"{path}: the screenshot was not written; choose a .png in a folder you may write to.")
