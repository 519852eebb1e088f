"""`train`: train a network on a folder or zip of pictures, or continue a run."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from engine.training.loop import Report, Trainer
    from engine.training.settings import Settings


def train(
    data: Annotated[Path | None, typer.Option(help="Folder or zip of pictures.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to create.")] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Run folder to continue.")] = None,
    cfg: Annotated[str | None, typer.Option(help="stylegan2, stylegan3-t or stylegan3-r.")] = None,
    res: Annotated[int | None, typer.Option(help="Width and height in pixels, a power of two.")] = None,
    kimg: Annotated[float | None, typer.Option(help="Length: thousands of pictures shown to D.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures in a batch, over all processes.")] = None,
    micro_batch: Annotated[int | None, typer.Option(help="Pictures at once, if fewer than the batch.")] = None,
    channels: Annotated[str | None, typer.Option(help="Channels of G at 4x4, 8x8 ..., such as 64,64,48,32,16; base,max for StyleGAN3.")] = None,
    d_channels: Annotated[str | None, typer.Option(help="Channels of D; as G's if absent.")] = None,
    d_architecture: Annotated[str | None, typer.Option(help="resnet, skip or orig. skip can grow without a jump.")] = None,
    latent: Annotated[int | None, typer.Option(help="Size of z and w.")] = None,
    mapping_layers: Annotated[int | None, typer.Option(help="Layers of the mapping network.")] = None,
    cond: Annotated[bool | None, typer.Option("--cond", help="Condition on the labels of dataset.json or subfolders.")] = None,
    mirror: Annotated[bool | None, typer.Option("--mirror", help="Show pictures mirrored half of the time.")] = None,
    max_images: Annotated[int | None, typer.Option(help="Use only so many pictures.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of G and D.")] = None,
    gamma: Annotated[float | None, typer.Option(help="Weight of R1; more for more pixels or fewer pictures.")] = None,
    path_weight: Annotated[float | None, typer.Option(help="Weight of path length regularisation; 0 = off.")] = None,
    mixing: Annotated[float | None, typer.Option(help="Probability of style mixing.")] = None,
    ema_kimg: Annotated[float | None, typer.Option(help="Half life of the running mean of G.")] = None,
    init: Annotated[Path | None, typer.Option(help="Run or checkpoint to start from; half the resolution grows.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of everything.")] = None,
    sheet_kimg: Annotated[float | None, typer.Option(help="Between sample sheets.")] = None,
    save_kimg: Annotated[float | None, typer.Option(help="Between checkpoints.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps.")] = None,
) -> int:
    """Train a network; Ctrl-C saves, --resume RUN continues."""
    import torch

    from engine.training.world import join, leave

    if threads is not None:
        torch.set_num_threads(threads)
    given = {
        "data": str(data.resolve()) if data else None, "cfg": cfg, "resolution": res, "kimg": kimg, "batch": batch,
        "micro_batch": micro_batch, "channels": numbers("--channels", channels),
        "d_channels": numbers("--d-channels", d_channels), "d_architecture": d_architecture, "z_dim": latent,
        "w_dim": latent, "mapping_layers": mapping_layers, "conditional": cond, "mirror": mirror,
        "max_images": max_images, "g_lr": lr, "d_lr": lr, "gamma": gamma, "path_weight": path_weight,
        "mixing": mixing, "ema_kimg": ema_kimg, "init": str(init.resolve()) if init else None, "seed": seed,
        "sheet_kimg": sheet_kimg, "save_kimg": save_kimg, "device": device,
    }  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None}
    world = join(device or "cpu")
    try:
        return run(changes, out, resume, world)
    finally:
        leave()


def run(changes: dict[str, Any], out: Path | None, resume: Path | None, world: Any) -> int:
    """Start or continue, show how it goes, and save when asked to stop."""
    from engine.training import run as runs

    if resume is not None:
        trainer, folder, notes = runs.resume(resume, changes, world)
    else:
        trainer, folder, notes = runs.start(make_settings(changes, out), required("--out", out), world)
    stopping = Stopping()
    if world.rank == 0:
        for note in notes:
            typer.echo(note)
    trainer.train(folder, stopping.asked, lambda report: show(trainer, report))
    return 0


def make_settings(changes: dict[str, Any], out: Path | None) -> "Settings":
    """Settings of a new run: a preset of its cfg and resolution, then what was given."""
    from engine.training.settings import from_json, to_json
    import msgspec

    required("--data", changes.get("data"))
    required("--out", out)
    return from_json(msgspec.json.encode(changes), "The command line")


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


def show(trainer: "Trainer", report: "Report") -> None:
    """One line of progress: pictures, speed, time left, losses."""
    line = report.line
    left = (trainer.settings.kimg * 1000 - line["images"]) / max(line["images_per_second"], 1e-9)
    values = "  ".join(f"{name} {line[name]:.3f}" for name in ("loss_g", "loss_d", "r_t", "p") if name in line)
    typer.echo(
        f"{line['images'] / 1000:.1f} kimg  {line['images_per_second']:.1f} img/s  {left / 3600:.1f} h left  {values}"
    )


def required(option: str, value: Any) -> Any:
    """The value, or a sentence that it is missing."""
    from engine.errors import StyleScopeError

    if value is None:
        raise StyleScopeError(f"{option}: expected for a new run, found none; or continue one with --resume RUN.")
    return value


def numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    """`64,32` as (64, 32)."""
    from engine.errors import StyleScopeError

    if text is None:
        return None
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = ()
    if not values or min(values) < 1:
        raise StyleScopeError(f"{option}: expected positive whole numbers such as 64,32, found {text!r}.")
    return values
