"""`info`: the facts of a checkpoint."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import NETWORK

if TYPE_CHECKING:
    from engine.models import LoadedModel

MODEL = "Checkpoint; the bundled network if absent."


def info(
    source: Annotated[str | None, typer.Argument(metavar="[MODEL]", help=MODEL)] = None,
    network: Annotated[str, typer.Option(help=NETWORK)] = "G_ema",
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> int:
    """Show what is inside a checkpoint: family, sizes, layers, parameters, and what was ignored."""
    from engine.models import ModelStore

    model = ModelStore().get(str(Path(source).resolve()) if source else "", network)
    layers = layers_of(model)
    if as_json:
        typer.echo(json.dumps(asdict(model.facts) | {"layers": layers}, indent=2))
    else:
        show(model, layers)
    return 0


def layers_of(model: "LoadedModel") -> list[dict[str, Any]]:
    """The steps of the synthesis network in order: name, [C, H, W], rows of ws, whether noise enters, parameters."""
    synthesis = model.generator.synthesis
    modules = dict(synthesis.named_modules())
    return [
        {
            "name": step.name,
            "shape": list(step.shape),
            "ws": list(step.ws),
            "noise": step.noise is not None,
            "parameters": sum(p.numel() for p in modules[step.name].parameters()) if step.name in modules else 0,
        }
        for step in synthesis.steps
    ]


def show(model: "LoadedModel", layers: list[dict[str, Any]]) -> None:
    """Two tables: the network as a whole, then its layers."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    facts, console = model.facts, Console(highlight=False)
    height, width = facts.resolution
    lines = {
        "file": facts.path or f"{facts.name} (bundled)",
        "format": facts.format,
        "family": facts.family,
        "network": f"{facts.network} (the file has {', '.join(facts.networks)})",
        "trained": "yes" if facts.trained else "no: its weights are random",
        "picture": f"{width} x {height}, {facts.channels} channels",
        "z, w": f"{facts.z_dim}, {facts.w_dim} ({facts.num_ws} rows of w)",
        "classes": str(facts.c_dim) if facts.c_dim else "none (unconditional)",
        "input transform": "yes" if facts.has_input_transform else "no",
        "parameters": f"{facts.parameters:,}",
    }
    whole = Table(box=None, show_header=False, pad_edge=False)
    for name, text in lines.items():
        whole.add_row(name, escape(text))
    for note in facts.notes:
        whole.add_row("note", escape(note))
    console.print(whole)
    table = Table(box=None, pad_edge=False)
    for heading in ("layer", "channels", "size", "ws", "noise", "parameters"):
        table.add_column(heading, justify="left" if heading == "layer" else "right")
    for layer in layers:
        c, h, w = layer["shape"]
        rows, noise = ",".join(map(str, layer["ws"])), "yes" if layer["noise"] else ""
        table.add_row(layer["name"], str(c), f"{w}x{h}", rows, noise, f"{layer['parameters']:,}")
    console.print()
    console.print(table)
