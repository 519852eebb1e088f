"""A finished or unfinished run as a file for others: the network, its card, and two sample sheets."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from engine import files
from engine.checkpoints.native import write_native
from engine.training.files import RunFolder, tile
from engine.training.inception import Inception
from engine.training.loop import SHEET_COLUMNS, Trainer
from engine.training.measure import Progress, counted, measure, remark
from engine.training.players import contents
from engine.training.settings import Settings


@dataclass(frozen=True)
class Stage:
    """One run of the chain that led to a network."""

    settings: Settings
    images: int
    seconds: float
    command: str


def export(
    folder: RunFolder,
    trainer: Trainer,
    path: Path,
    remarks: str,
    licence: str,
    samples: int = 2000,
    inception: Inception | None = None,
    progress: Progress = lambda done, total: None,
) -> None:
    """Write the running mean of G to `path`, its card beside it as .md, and sample sheets at psi 0.7 and 1.

    The measures are noted in the run folder, too. `progress` is that of the pictures that `inception` has seen.
    """
    write_native({"G_ema": contents(trainer.players, trainer.lod)["G_ema"]}, path)
    for psi in (0.7, 1.0):
        with files.aside(path.with_name(f"{path.stem}-psi{psi:g}.png")) as aside:
            Image.fromarray(tile(trainer.sheet(psi), SHEET_COLUMNS)).save(aside, "PNG")
    values = measured(folder, trainer, samples, inception, progress)
    count = counted(trainer.dataset, samples)
    compared = f"Metrics compare {count:,} pictures at psi 1 with as many of the data."
    compared += f" {remark(inception, count)}" if inception else ""
    text = card(path.stem, lineage(folder, trainer), values, compared, remarks, licence)
    files.write(path.with_suffix(".md"), text.encode())


def measured(
    folder: RunFolder, trainer: Trainer, samples: int, inception: Inception | None, progress: Progress
) -> dict[str, float]:
    """Measures of a run's newest network, which are noted in its folder, too."""
    values = measure(
        trainer.players.G_ema, trainer.dataset, samples,
        seed=trainer.settings.seed, lod=trainer.lod, inception=inception, progress=progress,
    )  # fmt: skip
    folder.note({"images": trainer.images, "samples": counted(trainer.dataset, samples), **values})
    return values


def lineage(folder: RunFolder, trainer: Trainer) -> list[Stage]:
    """The runs that led here, oldest first: each `init` that is a run folder is followed."""
    stages = [Stage(trainer.settings, trainer.images, trainer.seconds, folder.command())]
    source = trainer.settings.init
    while source is not None and (Path(source) / "config.json").exists():
        earlier = RunFolder(Path(source))
        state = earlier.load()[0]
        settings = earlier.settings()
        stages.insert(0, Stage(settings, state["images"], state["seconds"], earlier.command()))
        source = settings.init
    return stages


def card(
    name: str, stages: list[Stage], values: dict[str, float], compared: str, remarks: str, licence: str
) -> str:
    """The card as Markdown; `compared` says what the metrics are of."""
    last = stages[-1].settings
    seen = [
        f"{s.images:,} at {s.settings.resolution}x{s.settings.resolution}"
        + (f" as {s.settings.cfg}" if s.settings.cfg != last.cfg else "")
        for s in stages
    ]
    hours, images = sum(stage.seconds for stage in stages) / 3600, sum(stage.images for stage in stages)
    lines = [
        f"# {name}", "",
        f"A {last.cfg} generator, {last.resolution}x{last.resolution}, trained with StyleScope. Licence: {licence}", "",
        "| | |", "|---|---|",
        f"| data | {Path(last.data).name}{', mirrored' if last.mirror else ''} |",
        f"| channels of G | {', '.join(map(str, last.channels))}; z and w {last.z_dim} |",
        f"| pictures seen | {images:,}: {', '.join(seen)} |",
        f"| hours on the clock | {hours:.1f} on a CPU, beside other work |",
        f"| seed | {last.seed} |",
        *(f"| {metric} | {value:.4g} |" for metric, value in values.items()), "",
        compared, "",
        "## Recipe", "", "```", *(stage.command for stage in stages), "```", "",
        "## What is wrong with it", "", remarks, "",
        f"![psi 0.7]({name}-psi0.7.png)", "", f"![psi 1]({name}-psi1.png)", "",
    ]  # fmt: skip
    return "\n".join(lines)
