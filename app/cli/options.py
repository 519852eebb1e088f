"""Options that several commands share, declared once."""

from typing import Annotated

import typer

SOURCE = "Checkpoint, run folder, scene .json or saved .png; the bundled network if absent."
NETWORK = "Network of the file: G_ema (the running average) or G."



def use_fp32(on: bool) -> bool:
    """What --fp32 does, as soon as it is read: the precision is the whole program's."""
    if on:
        from engine import precision

        precision.use("fp32")
    return on


Source = Annotated[str | None, typer.Argument(metavar="[MODEL_OR_SCENE]", help=SOURCE)]
Network = Annotated[str | None, typer.Option(help=NETWORK)]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Fp32 = Annotated[
    bool,
    typer.Option("--fp32", callback=use_fp32, help="Single precision in every layer, whatever the checkpoint says."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Any parameter, such as noise.mode=none; may be repeated."),
]
