"""`inspect`: what a step of the network makes, for many seeds: as arrays, as a table of statistics, or as a picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Device, Network, Settings, Source
from app.cli.words import apply_settings, open_scene, require_writable, seed_list

if TYPE_CHECKING:
    from engine.renderer import Renderer
    from engine.scene import Scene

OUT = (
    "FILE.npy (with FILE.json beside it) or FILE.safetensors: activations [seeds, C, H, W]; FILE.csv: statistics; "
    "FILE.png: the view of one seed. Without it, statistics are printed."
)
STEP = "Step by its name, such as b32.conv1; without it, .csv and the printed table have every step."
ENDINGS = (".npy", ".safetensors", ".csv", ".png")
PART = "output: what the step makes; weight: [O, I, k, k] as stored; styles: what it reads. For arrays and pictures."


def inspect(
    source: Source = None,
    step: Annotated[str | None, typer.Option(help=STEP)] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds such as 1-9,12; the scene's own if absent.")] = None,
    out: Annotated[Path | None, typer.Option(help=OUT)] = None,
    part: Annotated[str | None, typer.Option(help=PART)] = None,
    settings: Settings = None,
    network: Network = None,
    device: Device = "auto",
) -> int:
    """Write or print what steps of a network make."""
    from app.cli.engines import frame_of, open_renderer
    from engine.errors import StyleScopeError
    from engine.inspect.export import table

    scene = open_scene(source)
    if network is not None:
        scene = scene.set("model.network", network)
    scene = apply_settings(scene, settings or [])
    if part is not None:
        scene = scene.set("view.part", part)
    scenes: tuple[Scene, ...] = (scene,)
    if seeds:
        scenes = tuple(scene.set("latent.mode", "seeds").set("latent.seed", s) for s in seed_list(seeds))
    ending = out.suffix.lower() if out else ""
    if out is not None:
        if ending not in ENDINGS:
            raise StyleScopeError(f"--out: expected a file ending in {', '.join(ENDINGS)}, found {str(out)!r}.")
        if ending != ".csv" and step is None and not (ending == ".png" and scene.view.step):
            raise StyleScopeError(f"--step: expected the name of a step for {ending}; without --out they are listed.")
        if ending == ".png" and len(scenes) > 1:
            raise StyleScopeError(f"--out: a .png shows one seed, found {len(scenes)}; use .npy or .csv for many.")
        require_writable("--out", out.parent)
    renderer = open_renderer(device)
    known = [report.name for report in frame_of(renderer, scene).steps]
    chosen = step if step is not None else scene.view.step if ending == ".png" else None
    if chosen is not None and chosen not in known:
        raise StyleScopeError(f"--step: expected one of {', '.join(known)}; found {chosen!r}.")
    if out is None:
        show(table(renderer, scenes, [chosen] if chosen else known))
    else:
        write(renderer, scenes, chosen, known, out, scene.view.part)
        typer.echo(out)
    return 0


def write(
    renderer: "Renderer", scenes: "tuple[Scene, ...]", step: str | None, known: list[str], out: Path, part: str
) -> None:
    """The file, complete or not at all."""
    from engine.errors import StyleScopeError
    from engine.inspect import export

    ending = out.suffix.lower()
    try:
        if ending == ".csv":
            export.write_table(export.table(renderer, scenes, [step] if step else known, step or ""), out)
        elif ending == ".png":
            from app.cli.engines import picture_of
            from app.cli.render import save

            scene = scenes[0].set("view.step", step)
            save(picture_of(renderer, scene), scene, out)
        elif step is not None:
            export.write_arrays(renderer, scenes, step, out, part)
    except OSError as error:
        why = error.strerror or error
        raise StyleScopeError(f"{out}: cannot be written ({why}); choose another --out.") from error


def show(rows: Iterator[dict[str, object]]) -> None:
    """The statistics as lines of text."""
    fields = ("seed", "step", "channels", "height", "width", "mean", "std", "low", "high", "clipped", "nan", "inf")
    typer.echo(" ".join(f"{field:>9}" for field in fields))
    for row in rows:
        typer.echo(" ".join(f"{_spelled(row[field]):>9}" for field in fields))


def _spelled(value: object) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
