"""`dataset`: pictures made from numbers, to train on."""

from pathlib import Path
from typing import Annotated

import typer


def dataset(
    kind: Annotated[str, typer.Argument(help="furlings or planets.")],
    out: Annotated[Path, typer.Option(help="The .zip to write, or a .png for a contact sheet.")],
    n: Annotated[int, typer.Option(min=1, help="Number of pictures.")] = 10_000,
    res: Annotated[int, typer.Option(help="Width and height: 16, 32, 64, 128 or 256.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first picture; the others follow.")] = 0,
    pose: Annotated[float, typer.Option(min=0, max=1, help="How far furlings turn, all move and differ.")] = 1.0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that render.")] = 1,
    columns: Annotated[int, typer.Option(min=1, max=50, help="Columns and rows of a contact sheet.")] = 8,
) -> int:
    """Render a training set with labels and attributes. Free of rights (CC0)."""
    from rich.console import Console
    from rich.progress import Progress

    from engine.errors import StyleScopeError
    from engine.training.datasets import collection

    if out.suffix == ".png":
        from PIL import Image

        from engine import files

        with files.aside(out) as temporary:
            Image.fromarray(collection.sheet(kind, columns, columns, res, seed, pose)).save(temporary, "PNG")
    elif out.suffix == ".zip":
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task(kind, total=n)
            collection.write_collection(
                kind, out, n, resolution=res, seed=seed, pose=pose, jobs=jobs,
                progress=lambda done: bar.update(task, completed=done),
            )  # fmt: skip
    else:
        raise StyleScopeError(f"--out: expected a name that ends in .zip or .png, found {out.name!r}.")
    typer.echo(out)
    return 0
