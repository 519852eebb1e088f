"""A finished or unfinished run as a file for others: the network, its card, and two sample sheets."""

from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from engine import files
from engine.checkpoints.native import write_native
from engine.training import metrics
from engine.training.data import Dataset, pictures
from engine.training.equivariance import equivariance
from engine.training.files import RunFolder, tile
from engine.training.loop import SHEET_COLUMNS, Trainer
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
    folder: RunFolder, trainer: Trainer, path: Path, remarks: str, licence: str, samples: int = 2000
) -> None:
    """Write the running mean of G to `path`, its card beside it as .md, and sample sheets at psi 0.7 and 1.

    The measures are noted in the run folder, too.
    """
    write_native({"G_ema": contents(trainer.players, trainer.lod)["G_ema"]}, path)
    for psi in (0.7, 1.0):
        with files.aside(path.with_name(f"{path.stem}-psi{psi:g}.png")) as aside:
            Image.fromarray(tile(trainer.sheet(psi), SHEET_COLUMNS)).save(aside, "PNG")
    values = measure(trainer, samples)
    text = card(path.stem, lineage(folder, trainer), values, samples, remarks, licence)
    files.write(path.with_suffix(".md"), text.encode())
    folder.note({"images": trainer.images, "samples": samples, **values})


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


@torch.no_grad()
def measure(trainer: Trainer, samples: int) -> dict[str, float]:
    """Metrics by name, of `samples` generated pictures at psi 1 with random noise."""
    real = first(trainer.dataset, samples)
    generator = torch.Generator().manual_seed(trainer.settings.seed)
    G, count = trainer.players.G_ema, len(real)
    labels = trainer.dataset.labels[:count]
    parts = []
    for start in range(0, count, 32):
        c = labels[start : start + 32].to(trainer.device)
        z = torch.randn(len(c), G.z_dim, generator=generator).to(trainer.device)
        parts.append(G(z, c, noise_mode="random", lod=trainer.lod or None).cpu())
    distances = metrics.sliced_wasserstein(real, torch.cat(parts))
    values = {
        f"sliced Wasserstein distance x 1000 at {size}x{size}": value for size, value in distances.items()
    }
    values["sliced Wasserstein distance x 1000, mean"] = sum(distances.values()) / len(distances)
    values["path length in w (mean square difference of bytes)"] = metrics.path_length(
        G, metrics.rgb_distance, 500
    )
    if G.synthesis.has_input_transform:
        names = {"eq_t": "EQ-T, dB", "eq_t_frac": "EQ-T at fractions of pixels, dB", "eq_r": "EQ-R, dB"}
        values |= {names[name]: value for name, value in equivariance(G, samples // 10).items()}
    return values


def first(dataset: Dataset, count: int) -> torch.Tensor:
    """The first `count` pictures [N, 3, R, R] in -1..1."""
    numbers = torch.arange(min(count, len(dataset)))
    return pictures(dataset, numbers, torch.zeros(len(numbers), dtype=torch.bool))[0]


def card(
    name: str, stages: list[Stage], values: dict[str, float], samples: int, remarks: str, licence: str
) -> str:
    """The card as Markdown."""
    last = stages[-1].settings
    seen = [f"{s.images:,} at {s.settings.resolution}x{s.settings.resolution}" for s in stages]
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
        f"Metrics compare {samples:,} pictures at psi 1 with as many of the data.", "",
        "## Recipe", "", "```", *(stage.command for stage in stages), "```", "",
        "## What is wrong with it", "", remarks, "",
        f"![psi 0.7]({name}-psi0.7.png)", "", f"![psi 1]({name}-psi1.png)", "",
    ]  # fmt: skip
    return "\n".join(lines)
