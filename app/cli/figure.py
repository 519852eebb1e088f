"""`figure`: the papers' figures for any network, as one PNG each that carries the scene of its first picture."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Device, Network, Settings, Source
from app.cli.words import apply_settings, open_scene, require_writable, seed_list

if TYPE_CHECKING:
    from app.figures.boxes import Box
    from app.figures.look import Look
    from app.figures.studio import Studio
    from engine.scene import Scene

HELP = "Draw the papers' figures for any network: mixing, truncation, noise, texture sticking, training curves."
SOURCES = "Checkpoints, scenes or saved pictures, one or several; the bundled network if absent."
MOST_PICTURES = 100_000  # that one figure renders

Sources = Annotated[list[str] | None, typer.Argument(metavar="[MODEL_OR_SCENE]...", help=SOURCES)]
Out = Annotated[Path, typer.Option(help="The .png to write; an existing one is replaced.")]
Psi = Annotated[float | None, typer.Option(help="Truncation, -1 to 2.")]
Seeds = Annotated[str, typer.Option(help="Seeds such as 1-4,12.")]
Cell = Annotated[int | None, typer.Option(min=16, max=2048, help="Width of a picture in points; chosen if absent.")]
Scale = Annotated[float, typer.Option(min=0.5, max=8, help="Pixels per point, for text and pictures.")]
Dark = Annotated[bool, typer.Option("--dark", help="Light on dark.")]
Captions = Annotated[
    list[str] | None, typer.Option("--caption", help="Name of a network in the figure; repeated, in their order.")
]


def commands() -> typer.Typer:
    """One command for each figure."""
    group = typer.Typer(help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
    group.callback(invoke_without_command=True)(kinds)
    for command in (mixing, truncation, noise, sticking, interpolation, compare, curves, overfitting):
        group.command(command.__name__)(command)
    return group


def kinds(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def mixing(
    source: Source = None,
    sources: Annotated[str, typer.Option(help="Seeds across: they lend styles.")] = "1-5",
    destinations: Annotated[str, typer.Option(help="Seeds down: they keep the rest.")] = "11-12",
    psi: Psi = None, out: Out = Path("mixing.png"), cell: Cell = None, scale: Scale = 1, dark: Dark = False,
    captions: Captions = None, settings: Settings = None, network: Network = None, device: Device = "auto",
) -> int:  # fmt: skip
    """Style mixing: coarse, middle and fine styles of one picture in another (Karras et al. 2019, Fig. 3)."""
    from app.figures.mixing import mixing as draw

    across, down = seed_list(sources, "--sources"), seed_list(destinations, "--destinations")
    pictures = len(across) + len(down) + 3 * len(across) * len(down)
    scenes = scenes_of([source], psi, settings, network)
    with studio_of(scenes, pictures, captions, device, look(scale, dark), cell, out) as studio:
        finish(draw(studio, scenes[0], across, down), studio, out)
    return 0


def truncation(
    source: Source = None, seeds: Seeds = "1-4",
    columns: Annotated[int, typer.Option(min=2, max=101, help="Values of psi.")] = 9,
    low: Annotated[float, typer.Option(min=-1, max=2, help="The first psi.")] = -1,
    high: Annotated[float, typer.Option(min=-1, max=2, help="The last psi.")] = 1,
    out: Out = Path("truncation.png"), cell: Cell = None, scale: Scale = 1, dark: Dark = False,
    captions: Captions = None, settings: Settings = None, network: Network = None, device: Device = "auto",
) -> int:  # fmt: skip
    """The truncation sweep, with the average of W at psi 0 (Karras et al. 2019, Fig. 8)."""
    from app.figures.truncation import sweep
    from app.figures.truncation import truncation as draw

    chosen = seed_list(seeds)
    pictures = columns * len(chosen)
    scenes = scenes_of([source], None, settings, network)
    with studio_of(scenes, pictures, captions, device, look(scale, dark), cell, out) as studio:
        finish(draw(studio, scenes[0], chosen, sweep(low, high, columns)), studio, out)
    return 0


def noise(
    source: Source = None, seeds: Seeds = "1-2",
    draws: Annotated[int, typer.Option(min=2, max=10_000, help="Realisations that the deviation is taken over.")] = 100,
    psi: Psi = None, out: Out = Path("noise.png"), cell: Cell = None, scale: Scale = 1, dark: Dark = False,
    captions: Captions = None, settings: Settings = None, network: Network = None, device: Device = "auto",
) -> int:  # fmt: skip
    """What noise inputs do: realisations, their deviation, layers with and without (Karras et al. 2019, Fig. 4, 5)."""
    from app.figures.noise import noise as draw

    chosen = seed_list(seeds)
    pictures = (draws + 8) * len(chosen)  # 3 realisations again, the picture, 4 kinds of layers
    scenes = scenes_of([source], psi, settings, network)
    with studio_of(scenes, pictures, captions, device, look(scale, dark), cell, out) as studio:
        finish(draw(studio, scenes[0], chosen, draws), studio, out)
    return 0


def sticking(
    sources: Sources = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the central picture.")] = 0,
    to: Annotated[int, typer.Option(min=0, help="Seed at the end of the walk.")] = 1,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Latents that the mean is taken over.")] = 100,
    radius: Annotated[float, typer.Option(min=0, max=1, help="How far from z they lie: 0 at z, 1 anywhere.")] = 0.3,
    frames: Annotated[int, typer.Option(min=2, max=10_000, help="Pictures of the walk.")] = 128,
    at: Annotated[float, typer.Option(min=0, max=1, help="Place of the column, in picture widths.")] = 0.5,
    over: Annotated[str, typer.Option(help="walk, or translation (StyleGAN3 alone).")] = "walk",
    distance: Annotated[float, typer.Option(min=0, max=10, help="Of the translation, in picture widths.")] = 0.5,
    psi: Psi = None, out: Out = Path("sticking.png"), cell: Cell = None, scale: Scale = 1, dark: Dark = False,
    captions: Captions = None, settings: Settings = None, network: Network = None, device: Device = "auto",
) -> int:  # fmt: skip
    """Texture sticking: the mean around a latent, and a column of pixels over time (Karras et al. 2021, Fig. 1)."""
    from app.figures.sticking import Sticking
    from app.figures.sticking import sticking as draw
    from engine.errors import StyleScopeError

    if over not in ("walk", "translation"):
        raise StyleScopeError(f"--over: expected walk or translation, found {over!r}.")
    scenes = scenes_of(sources or [None], psi, settings, network)
    pictures = (1 + count + frames) * len(scenes)
    shown = Sticking(seed, to, count, radius, frames, at, over, distance)
    with studio_of(scenes, pictures, captions, device, look(scale, dark), cell, out) as studio:
        finish(draw(studio, scenes, shown), studio, out)
    return 0


def interpolation(
    source: Source = None, seeds: Seeds = "1-4",
    columns: Annotated[int, typer.Option(min=2, max=1000, help="Pictures from one seed to the next.")] = 8,
    psi: Psi = None, out: Out = Path("interpolation.png"), cell: Cell = None, scale: Scale = 1, dark: Dark = False,
    captions: Captions = None, settings: Settings = None, network: Network = None, device: Device = "auto",
) -> int:  # fmt: skip
    """Straight lines in W from each seed to the next."""
    from app.figures.walk import interpolation as draw
    from engine.errors import StyleScopeError

    chosen = seed_list(seeds)
    if len(chosen) < 2:
        raise StyleScopeError(f"--seeds: expected at least two to walk between, found {seeds!r}.")
    pictures = columns * (len(chosen) - 1)
    scenes = scenes_of([source], psi, settings, network)
    with studio_of(scenes, pictures, captions, device, look(scale, dark), cell, out) as studio:
        finish(draw(studio, scenes[0], chosen, columns), studio, out)
    return 0


def compare(
    sources: Sources = None, seeds: Seeds = "1-6",
    step: Annotated[
        str | None, typer.Option(help="Also the activations after this step; auto is the last one at 64x64.")
    ] = None,
    psi: Psi = None, out: Out = Path("compare.png"), cell: Cell = None, scale: Scale = 1, dark: Dark = False,
    captions: Captions = None, settings: Settings = None, network: Network = None, device: Device = "auto",
) -> int:  # fmt: skip
    """The same seeds in several networks, with activations where droplets show (Karras et al. 2020, Fig. 1)."""
    from app.figures.compare import compare as draw

    chosen = seed_list(seeds)
    scenes = scenes_of(sources or [None], psi, settings, network)
    pictures = len(chosen) * len(scenes) * (1 if step is None else 2)
    with studio_of(scenes, pictures, captions, device, look(scale, dark), cell, out) as studio:
        finish(draw(studio, scenes, chosen, step), studio, out)
    return 0


def curves(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, or their stats.jsonl.")],
    smooth: Annotated[int, typer.Option(min=1, help="Lines of stats.jsonl that a strong line is the mean of.")] = 5,
    out: Out = Path("curves.png"), scale: Scale = 1, dark: Dark = False, captions: Captions = None,
) -> int:  # fmt: skip
    """Training runs over each other: r_t, p, logits, losses."""
    from app.figures.curves import curves as box
    from app.figures.curves import read

    require_png(out)
    names = matched(captions, len(runs), "runs") or [""] * len(runs)
    chosen = look(scale, dark)
    finish_plain(box(chosen, [read(run, name) for run, name in zip(runs, names)], smooth), chosen, out)
    return 0


def overfitting(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    data: Annotated[Path | None, typer.Option(help="Where their pictures are now, if not where they were.")] = None,
    unseen: Annotated[
        Path | None, typer.Option(help="Folder or zip of others; if absent, those that --max-images left out.")
    ] = None,
    count: Annotated[int, typer.Option(min=8, max=100_000, help="Pictures of each kind.")] = 500,
    out: Out = Path("overfitting.png"), scale: Scale = 1, dark: Dark = False, captions: Captions = None,
) -> int:  # fmt: skip
    """What D knows by heart: its logits of training, unseen and generated pictures, r_v (ADA, Fig. 1, eq. 1)."""
    from app.figures.overfitting import overfitting as box
    from engine.training.overfitting import logits

    require_png(out)
    names = matched(captions, len(runs), "runs") or [run.resolve().name for run in runs]
    found = [logits(run, count, data, unseen) for run in runs]
    finish_plain(box(list(zip(names, found))), look(scale, dark), out)
    return 0


# --- what they share ----------------------------------------------------------------------------------------------


def scenes_of(
    sources: Sequence[str | None], psi: float | None, settings: list[str] | None, network: str | None
) -> "list[Scene]":
    """A scene for each source, with the options that all figures have."""
    scenes = [open_scene(source) for source in sources]
    if network is not None:
        scenes = [scene.set("model.network", network) for scene in scenes]
    if psi is not None:
        scenes = [scene.set("truncation.psi", psi) for scene in scenes]
    return [apply_settings(scene, settings or []) for scene in scenes]


def look(scale: float, dark: bool) -> "Look":
    from app.figures.look import Look
    from app.tokens import DARK, LIGHT

    return Look(DARK if dark else LIGHT, scale)


@contextmanager
def studio_of(
    scenes: "list[Scene]", pictures: int, captions: list[str] | None, device: str, chosen: "Look", cell: int | None,
    out: Path,
) -> "Iterator[Studio]":  # fmt: skip
    """A studio that shows on a terminal how many of its pictures are taken; first, what can be refused is refused."""
    from functools import partial

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from app.cli.engines import frame_of, open_renderer
    from app.figures.studio import Studio
    from engine.errors import StyleScopeError

    if pictures > MOST_PICTURES:
        raise StyleScopeError(f"Figure: expected at most {MOST_PICTURES} pictures, found {pictures}; ask for fewer.")
    require_png(out)
    names = matched(captions, len(scenes), "networks")
    renderer, console = open_renderer(device), Console(stderr=True)
    columns = (MofNCompleteColumn(), TextColumn("pictures"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("pictures", total=pictures)
        yield Studio(partial(frame_of, renderer), chosen, cell, names, lambda: bar.advance(task))


def finish(box: "Box", studio: "Studio", out: Path) -> None:
    """Draw the figure and write it with the scene of its first picture."""
    from app.cli.render import save
    from app.figures.boxes import draw

    assert studio.first is not None  # there is no figure without a picture
    typer.echo(save(draw(box, studio.look).pixels, studio.first, out))


def finish_plain(box: "Box", chosen: "Look", out: Path) -> None:
    """Draw a figure that shows no scene and write it."""
    from PIL import Image

    from app.figures.boxes import draw
    from engine import files

    page = draw(box, chosen)
    with files.aside(out) as temporary:
        Image.fromarray(page.pixels).save(temporary, "PNG")
    typer.echo(out)


def require_png(out: Path) -> None:
    """StyleScopeError unless `out` is a .png in a place that can be written."""
    from engine.errors import StyleScopeError

    if out.suffix.lower() != ".png" or out.is_dir():
        raise StyleScopeError(f"--out: expected a .png file, found {str(out)!r}.")
    require_writable("--out", out.parent)


def matched(captions: list[str] | None, count: int, what: str) -> list[str]:
    """The captions, one for each of `count`, or none at all."""
    from engine.errors import StyleScopeError

    if captions and len(captions) != count:
        raise StyleScopeError(f"--caption: expected one for each of {count} {what}, found {len(captions)}.")
    return captions or []
