"""`lab`: the researchers' bench beside a live window."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.words import pair


def lab(
    run: Annotated[Path | None, typer.Argument(metavar="[RUN]", help="Training run to watch.")] = None,
    attach: Annotated[Path | None, typer.Option(help="The window's note; the newest window's if absent.")] = None,
    room: Annotated[str, typer.Option(help="network, time, compare or training: what is open at first.")] = "",
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT.")] = "1280x800",
    scale: Annotated[float | None, typer.Option(min=0.5, max=4, help="Scale; the window's if absent.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Close after so many frames.")] = None,
    screenshot: Annotated[Path | None, typer.Option(help="Save the lab as a PNG before it closes.")] = None,
) -> int:
    """Open the lab: the network as a graph, plots over time, spectra side by side, the training monitor."""
    from app.lab import needs

    width_height = pair("--size", size, "WIDTHxHEIGHT such as 1280x800")
    needs.check()
    from app.lab.main import ROOMS
    from app.lab.main import run as show
    from app.live.session import default_folder
    from engine.errors import StyleScopeError

    if room and room.capitalize() not in ROOMS:
        raise StyleScopeError(f"--room: expected one of {', '.join(ROOMS).lower()}, found {room!r}.")
    if scale is None:
        scale = _scale_of(default_folder(), attach)
    return show(default_folder(), attach, run, room.capitalize(), frames, screenshot, width_height, scale)


def _scale_of(folder: Path, attach: Path | None) -> float:
    """The scale of the window that the lab will attach to; 1 where there is none yet."""
    from app.lab import door
    from engine.errors import StyleScopeError

    for path in [attach] if attach else door.find(folder):
        try:
            return door.read(path).scale
        except StyleScopeError:
            continue
    return 1.0
