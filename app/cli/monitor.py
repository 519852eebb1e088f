"""`monitor`: the curves, sample sheets and settings of training runs, while they train or afterwards."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.words import pair


def monitor(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN]...", help="Run folders; the newest one under the present folder if absent."),
    ] = None,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT at scale 1.")] = "1280x800",
    scale: Annotated[float, typer.Option(min=0.5, max=4, help="Scale of text and controls.")] = 1.0,
    frames: Annotated[int | None, typer.Option(min=1, help="Close after so many frames.")] = None,
    screenshot: Annotated[Path | None, typer.Option(help="Save the window as a PNG before it closes.")] = None,
) -> int:
    """Follow training runs, one or several beside each other: curves, sample sheets, settings and measures."""
    from app.lab import display
    from engine.training.watching import newest_run

    width_height = pair("--size", size, "WIDTHxHEIGHT such as 1280x800")
    folders = [usable(run) for run in runs] if runs else [newest_run(Path.cwd())]
    display.require("The monitor")
    from app.lab.alone import run

    return run(folders, frames, screenshot, width_height, scale)


def usable(run: Path) -> Path:
    """The folder, which may not be there yet; StyleScopeError for a file."""
    from engine.errors import StyleScopeError

    if run.exists() and not run.is_dir():
        raise StyleScopeError(f"{run}: expected a run folder, found a file; name the folder that --out named.")
    return run.expanduser().absolute()
