"""`train`: train a network on a folder or zip of pictures, or continue a run."""

import shlex
import signal
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from engine.training.loop import Report, Trainer
    from engine.training.settings import Settings
    from engine.training.world import World

LATEST = 20  # lines that the time left is judged by


def train(
    data: Annotated[Path | None, typer.Option(help="Folder or zip of pictures.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to create.")] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Run folder to continue.")] = None,
    cfg: Annotated[str | None, typer.Option(help="stylegan1, stylegan2, stylegan3-t or stylegan3-r.")] = None,
    res: Annotated[int | None, typer.Option(help="Width and height in pixels, a power of two.")] = None,
    kimg: Annotated[float | None, typer.Option(help="Length: thousands of pictures shown to D.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures in a batch, over all processes.")] = None,
    channels: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Channels of G at 4x4, 8x8 ...; base,max for StyleGAN3."),
    ] = None,
    d_channels: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Channels of D; as G's if absent.")
    ] = None,
    cond: Annotated[
        bool | None, typer.Option("--cond", help="Condition on the labels of dataset.json or subfolders.")
    ] = None,
    mirror: Annotated[
        bool | None, typer.Option("--mirror", help="Show pictures mirrored half of the time.")
    ] = None,
    max_images: Annotated[int | None, typer.Option(help="Use only so many pictures.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of G and D.")] = None,
    gamma: Annotated[
        float | None, typer.Option(help="Weight of R1; more for more pixels or fewer pictures.")
    ] = None,
    augment: Annotated[
        str | None, typer.Option(help="none, ada or fixed: augmentation of what D sees.")
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(metavar="MODEL_OR_RUN", help="Where to start from; half the resolution grows."),
    ] = None,
    freeze_d: Annotated[
        int | None, typer.Option(help="Layers of D, from the picture on, that do not learn.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of everything.")] = None,
    set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Any setting of config.json, such as path_weight=0; may be repeated."
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps.")] = None,
) -> int:
    """Train a network. Ctrl-C saves; --resume continues exactly. Under torchrun several processes share the batch."""
    import torch

    from cuda_ops.cpu.heap import keep_freed_memory
    from engine.training.world import join, leave

    keep_freed_memory()
    if threads is not None:
        torch.set_num_threads(threads)
    given = {
        "data": str(data.resolve()) if data else None, "cfg": cfg, "resolution": res, "kimg": kimg, "batch": batch,
        "channels": channels, "d_channels": d_channels, "conditional": cond, "mirror": mirror,
        "max_images": max_images, "g_lr": lr, "d_lr": lr, "gamma": gamma, "augment": augment,
        "init": str(init.resolve()) if init else None, "freeze_d": freeze_d, "seed": seed, "device": device,
    }  # fmt: skip
    changes = typed({name: value for name, value in given.items() if value is not None} | pairs(set or []))
    world = join(device or "cpu")
    try:
        return run(changes, out, resume, world)
    finally:
        leave()


def run(changes: dict[str, Any], out: Path | None, resume: Path | None, world: "World") -> int:
    """Start or continue, show how it goes, and save when asked to stop."""
    from engine.training import runs

    stopping = Stopping()
    if resume is not None:
        trainer, folder, notes = runs.resume(resume, changes, world)
    else:
        command = shlex.join(["main.py", *sys.argv[1:]])
        trainer, folder, notes = runs.start(
            make_settings(changes, out), required("--out", out), world, command
        )
    if world.rank == 0:
        for note in notes:
            typer.echo(note, err=True)
    with Screen(trainer, world) as screen:
        trainer.train(folder, stopping.asked, screen.show)
    return 0


def make_settings(changes: dict[str, Any], out: Path | None) -> "Settings":
    """Settings of a new run: what the papers choose for its configuration and size, then what was given."""
    from engine.training.inheritance import inherit
    from engine.training.settings import convert, preset

    required("--data", changes.get("data"))
    required("--out", out)
    if "init" in changes:
        changes = inherit(Path(changes["init"]), changes) | changes
    plain = convert(changes)
    return convert(preset(plain.cfg, plain.resolution, plain.batch, plain.init is not None) | changes)


class Stopping:
    """Ctrl-C and SIGTERM ask to save and leave; a second one leaves at once."""

    def __init__(self) -> None:
        self.wanted = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def asked(self) -> bool:
        return self.wanted

    def _ask(self, number: int, frame: object) -> None:
        if self.wanted:
            sys.exit(130)
        self.wanted = True


class Screen:
    """A progress bar with speed, time left, losses, r_t and p; lines where there is no terminal."""

    def __init__(self, trainer: "Trainer", world: "World"):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.completed:.1f} of {task.total:g} kimg"),
            BarColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.description}"),
        )
        console = Console(stderr=True)
        self.bar = Progress(*columns, console=console, disable=world.rank != 0 or not console.is_terminal)
        self.lines = world.rank == 0 and not console.is_terminal
        self.task = self.bar.add_task("starting", total=trainer.settings.kimg, left="")
        self.bar.update(self.task, completed=trainer.images / 1000)
        self.goal = trainer.settings.kimg * 1000
        self.latest = deque([(trainer.images, trainer.seconds)], maxlen=LATEST)

    def __enter__(self) -> "Screen":
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def show(self, report: "Report") -> None:
        """Say how far the run is."""
        line = report.line
        names = ("loss_imitation", "loss_g", "loss_d", "r_t", "p")
        values = "  ".join(f"{name} {line[name]:.3f}" for name in names if name in line)
        text = f"{line['images_per_second']:.1f} img/s  {values}"
        self.latest.append((line["images"], line["seconds"]))
        self.bar.update(self.task, completed=line["images"] / 1000, description=text, left=self.left())
        if self.lines:
            typer.echo(f"{line['images'] / 1000:.1f} kimg  {text}")


    def left(self) -> str:
        """How long the run still takes, at the speed of its latest lines."""
        from engine.training.watching import duration

        (first, since), (images, seconds) = self.latest[0], self.latest[-1]
        if images <= first or images >= self.goal:
            return ""
        return f"{duration((self.goal - images) * (seconds - since) / (images - first))} left"


def typed(changes: dict[str, Any]) -> dict[str, Any]:
    """Settings with their own types; a sentence for one that is unknown or does not fit."""
    from engine.training.settings import convert

    whole = convert(
        {
            "data": "",
            **{
                name: tuple(v.split(",")) if name in ("channels", "d_channels") else v
                for name, v in changes.items()
            },
        }
    )
    return {name: getattr(whole, name) for name in changes}


def pairs(settings: list[str]) -> dict[str, str]:
    """`name=value` as typed."""
    from engine.errors import StyleScopeError

    for setting in settings:
        if "=" not in setting:
            raise StyleScopeError(f"--set: expected name=value such as path_weight=0, found {setting!r}.")
    return {
        name.strip(): value.strip() for name, _, value in (setting.partition("=") for setting in settings)
    }


def required(option: str, value: Any) -> Any:
    """The value, or a sentence that it is missing."""
    from engine.errors import StyleScopeError

    if value is None:
        raise StyleScopeError(
            f"{option}: expected for a new run, found none; or continue one with --resume RUN."
        )
    return value
