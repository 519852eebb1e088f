"""`measure`: how far the pictures of a network are from its data."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.measuring import Inception, Samples, chosen, opened, shown
from app.cli.options import Device


def measure(
    source: Annotated[Path, typer.Argument(metavar="MODEL_OR_RUN", help="Network file or run folder.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder or zip of pictures to compare with; a run has its own.")
    ] = None,
    samples: Samples = 2000,
    inception: Inception = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the latents; a run has its own.")] = 0,
    device: Device = "auto",
) -> int:
    """Compare a network's pictures with data: sliced Wasserstein, path length, EQ; FID and others with --inception."""
    from engine.errors import StyleScopeError
    from engine.models import ModelStore
    from engine.training import card, runs
    from engine.training import measure as measures
    from engine.training.data import open_dataset

    features = opened(inception)
    if data is None and (source / "config.json").exists():
        trainer, folder, _ = runs.look(source, {"device": chosen(device)})
        dataset = trainer.dataset
        with shown() as progress:
            values = card.measured(folder, trainer, samples, features, progress)
    elif data is None:
        raise StyleScopeError("--data: expected pictures to compare with, found none; a run folder alone has its own.")
    else:
        G = ModelStore(chosen(device)).get(str(source)).generator
        dataset = open_dataset(data, G.img_resolution, conditional=G.c_dim > 0)
        with shown() as progress:
            values = measures.measure(G, dataset, samples, seed=seed, inception=features, progress=progress)
    for name, value in values.items():
        typer.echo(f"{value:10.4g}  {name}")
    count = measures.counted(dataset, samples)
    typer.echo(measures.remark(features, count) if features else f"{count:,} pictures on each side.", err=True)
    return 0
