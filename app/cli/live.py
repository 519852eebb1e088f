"""`live`: the window, or the same window without a screen."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.libraries import install_line, missing_libraries
from app.cli.options import Device, Fp32, Source
from app.cli.words import pair

OPENED = (".pkl", ".pt", ".pth", ".safetensors", ".json", ".png")  # a word ending so is a file, not a command


def live(
    source: Source = None,
    headless: Annotated[bool, typer.Option("--headless", help="Draw the window without a screen.")] = False,
    frames: Annotated[int | None, typer.Option(min=1, help="Close after so many frames (headless: 60).")] = None,
    screenshot: Annotated[Path | None, typer.Option(help="Save the window as a PNG before it closes.")] = None,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT; the last window's if absent.")] = None,
    scale: Annotated[float | None, typer.Option(min=0.5, max=4, help="Scale of text and controls.")] = None,
    device: Device = "auto",
    fp32: Fp32 = False,
) -> int:
    """Open the window with a network playing (what happens without a command)."""
    from engine.errors import StyleScopeError

    width_height = pair("--size", size, "WIDTHxHEIGHT such as 1280x800") if size else None
    lacking = missing_libraries()
    if lacking:
        line = install_line(lacking)
        raise StyleScopeError(f"The window needs {', '.join(lacking)}, not found; install with: {line}")
    if not headless:
        require_display()
    try:
        from app.live.main import run
    except (ImportError, OSError) as error:
        if not is_library_trouble(error):
            raise
        raise StyleScopeError(
            f"The window cannot be loaded ({error}); `main.py doctor` says what is missing."
        ) from error
    return run(source, headless, frames, screenshot, width_height, scale, device)


def require_display() -> None:
    """StyleScopeError when there is no screen to open a window on."""
    from engine.errors import StyleScopeError

    if sys.platform != "linux" or os.environ.get("DISPLAY"):
        return
    ways = "`main.py render --out FILE.png` or `main.py live --headless --screenshot FILE.png` work without one."
    if os.environ.get("WAYLAND_DISPLAY"):
        raise StyleScopeError(f"The window needs XWayland (DISPLAY is not set); install xwayland, log in again. {ways}")
    raise StyleScopeError(f"There is no display to open a window on (DISPLAY is not set); {ways}")


def is_library_trouble(error: Exception) -> bool:
    """Whether an import failed for a native library of the system rather than for a mistake in the program."""
    words = (".so", ".dylib", "DLL", "shared object", "undefined symbol")
    return any(word in str(error) for word in words)
