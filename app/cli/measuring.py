"""What `measure` and `export` share: their options, the file of features, and a bar for the pictures looked at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.training import inception

Samples = Annotated[int, typer.Option(min=16, help="Pictures that the metrics compare.")]
Inception = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Weights of Inception-v3, pt_inception-2015-12-05-6726825d.pth: adds FID, KID, precision and recall.",
    ),
]


def chosen(device: str) -> str:
    """The device for `auto` and other words; a sentence for one that this machine lacks."""
    from engine import devices

    return devices.pick(device)


def opened(file: Path | None) -> "inception.Inception | None":
    """The network that the features come from, if there is one."""
    from engine.training.inception import open_inception

    return None if file is None else open_inception(file)


@contextmanager
def shown() -> Iterator[Callable[[int, int], None]]:
    """A progress bar, from the first picture that is looked at."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("features", visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
