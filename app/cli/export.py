"""`export`: the network of a training run as one file with a card."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.measuring import Inception, Samples, chosen, opened, shown
from app.cli.options import Device


def export(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[Path, typer.Argument(help="The .safetensors to write; its card and sheets go beside it.")],
    remarks: Annotated[
        str, typer.Option(help="What is wrong with the network, in a sentence or two.")
    ] = "Not judged yet.",
    licence: Annotated[str, typer.Option(help="Licence of the network and its data.")] = "not stated.",
    samples: Samples = 2000,
    inception: Inception = None,
    device: Device = "auto",
) -> int:
    """Write the newest network of a run with its card: data, recipe, metrics, sample sheets."""
    from engine.errors import StyleScopeError
    from engine.training import runs
    from engine.training.card import export as write

    if out.suffix != ".safetensors":
        raise StyleScopeError(f"{out}: expected a name that ends in .safetensors; choose another.")
    features = opened(inception)
    trainer, folder, _ = runs.look(run, {"device": chosen(device)})
    with shown() as progress:
        write(folder, trainer, out, remarks, licence, samples, features, progress)
    typer.echo(out)
    return 0
