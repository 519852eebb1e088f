"""`inspect`: what a step of the network makes, for many seeds: as arrays, as a table of statistics, or as a picture."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Device, Network, Settings, Source
from app.cli.words import apply_settings, open_scene, require_writable, seed_list

if TYPE_CHECKING:
    import numpy as np

    from engine.renderer import Renderer
    from engine.scene import Scene

OUT = (
    "FILE.npy (with FILE.json beside it) or FILE.safetensors: activations [seeds, C, H, W]; FILE.csv: statistics; "
    "FILE.png: the view of one seed. Without it, statistics are printed."
)
STEP = "Step by its name, such as b32.conv1; without it, .csv and the printed table have every step."
ENDINGS = (".npy", ".safetensors", ".csv", ".png")
FIELDS = ("seed", "step", "channel", "channels", "height", "width",
          "mean", "std", "low", "high", "clipped", "nan", "inf")  # fmt: skip


def inspect(
    source: Source = None,
    step: Annotated[str | None, typer.Option(help=STEP)] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds such as 1-9,12; the scene's own if absent.")] = None,
    out: Annotated[Path | None, typer.Option(help=OUT)] = None,
    settings: Settings = None,
    network: Network = None,
    device: Device = "auto",
) -> int:
    """Write or print what steps of a network make."""
    from app.cli.engines import frame_of, open_renderer
    from engine.errors import StyleScopeError

    scene = open_scene(source)
    if network is not None:
        scene = scene.set("model.network", network)
    scene = apply_settings(scene, settings or [])
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
        show(table(renderer, scenes, [chosen] if chosen else known, each=False))
    else:
        write(renderer, scenes, chosen, known, out)
        typer.echo(out)
    return 0


def write(
    renderer: "Renderer", scenes: "tuple[Scene, ...]", step: str | None, known: list[str], out: Path
) -> None:
    """The file, complete or not at all."""
    ending = out.suffix.lower()
    if ending == ".csv":
        write_table(table(renderer, scenes, [step] if step else known, each=step is not None), out)
    elif ending == ".png":
        from app.cli.engines import picture_of
        from app.cli.render import save

        scene = scenes[0].set("view.step", step)
        save(picture_of(renderer, scene), scene, out)
    elif step is not None:
        write_arrays(renderer, scenes, step, out)


def write_arrays(renderer: "Renderer", scenes: "tuple[Scene, ...]", step: str, out: Path) -> None:
    """Activations [N, C, H, W] of a step, one seed after the other, with the scene and the seeds as metadata."""
    import json

    import numpy as np

    from engine import files, scenefile

    facts = {
        "step": step,
        "seeds": [scene.latent.seed for scene in scenes],
        "axes": "seed, channel, row, column",
        "scene": json.loads(scenefile.to_json(scenes[0])),
    }
    first = renderer.activation(scenes[0], step)
    shape = (len(scenes), *first.shape)
    with temporary(out) as path:
        if out.suffix.lower() == ".npy":
            array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
            fill(array, renderer, scenes, step)
            array.flush()
        else:
            from safetensors.numpy import save_file

            array = np.empty(shape, np.float32)
            fill(array, renderer, scenes, step)
            save_file({"activation": array}, path, {"stylescope.inspect": json.dumps(facts)})
    if out.suffix.lower() == ".npy":
        files.write(out.with_suffix(".json"), json.dumps(facts, indent=2).encode())


def fill(array: "np.ndarray", renderer: "Renderer", scenes: "tuple[Scene, ...]", step: str) -> None:
    for i, scene in enumerate(scenes):
        array[i] = renderer.activation(scene, step).numpy()


def table(
    renderer: "Renderer", scenes: "tuple[Scene, ...]", steps: list[str], each: bool
) -> Iterator[dict[str, object]]:
    """A row of statistics for each seed and step; `each` adds one for every channel."""
    from engine.inspect.statistics import measure

    for scene in scenes:
        for step in steps:
            x, clamp = renderer.activation(scene, step), renderer.step(scene, step).clamp
            head = {"seed": scene.latent.seed, "step": step, "channels": x.shape[0], "height": x.shape[1]}
            head["width"] = x.shape[2]
            yield {**head, "channel": "all", **asdict(measure(x, clamp))}
            for c in range(x.shape[0] if each else 0):
                yield {**head, "channel": c, **asdict(measure(x[c], clamp))}


def write_table(rows: Iterator[dict[str, object]], out: Path) -> None:
    with temporary(out) as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer: csv.DictWriter[str] = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)


def show(rows: Iterator[dict[str, object]]) -> None:
    """The statistics as lines of text."""
    fields = ("seed", "step", "channels", "height", "width", "mean", "std", "low", "high", "clipped", "nan", "inf")
    typer.echo(" ".join(f"{field:>9}" for field in fields))
    for row in rows:
        typer.echo(" ".join(f"{_spelled(row[field]):>9}" for field in fields))


def _spelled(value: object) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


@contextmanager
def temporary(out: Path) -> Iterator[Path]:
    """A file beside `out` that becomes it; StyleScopeError when the place cannot be written."""
    from engine import files
    from engine.errors import StyleScopeError

    try:
        with files.aside(out) as path:
            yield path
    except OSError as error:
        raise StyleScopeError(
            f"{out}: cannot be written ({error.strerror or error}); choose another --out."
        ) from error
