"""`bench`: what a frame costs, by stage, by step of the network, and by the layer that changed."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.engines import frame_of, open_renderer
from app.cli.options import Device, Fp32, Settings, Source
from app.cli.paths import compare_paths
from app.cli.reports import FORMAT, Report, read_report, rows, save_report, show_comparison, summary, title
from app.cli.smoothness import show_window
from app.cli.start import measure_start, show_start
from app.cli.words import apply_settings, open_scene, require_writable

if TYPE_CHECKING:
    from engine.frame import Frame
    from engine.renderer import Renderer
    from engine.scene import Scene

REFERENCES = 4  # frames by the reference path, which may take a minute each


def bench(
    source: Source = None,
    frames: Annotated[int, typer.Option(min=3, help="Frames measured, for each line of the table.")] = 20,
    warmup: Annotated[int, typer.Option(min=0, help="Frames before that, not counted.")] = 3,
    settings: Settings = None,
    device: Device = "auto",
    fp32: Fp32 = False,
    reference: Annotated[bool, typer.Option(help="Measure the CPU's reference path beside it.")] = True,
    to_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Save the numbers.")] = None,
    paths: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK",
            help="Compare the CPU's paths on a file, on '' (the bundled network), or on random weights in a published "
            "shape: stylegan2-256, stylegan2-1024, stylegan3-t-256, stylegan3-r-256.",
        ),
    ] = None,
    start: Annotated[bool, typer.Option("--start", help="Time a start of the window instead.")] = False,
    window: Annotated[bool, typer.Option("--window", help="Measure how smooth the window is instead.")] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A.json B.json", help="Show two saved runs side by side instead."),
    ] = None,
) -> int:
    """Measure milliseconds per frame: median and 95th percentile, by stage, by step, and by what changed.

    MODEL_OR_SCENE may also be random weights in a published shape: stylegan2-256, stylegan2-1024, stylegan3-t-256,
    stylegan3-r-256.
    """
    if compare is not None:
        show_comparison(*(read_report(path) for path in compare))
        return 0
    if to_json is not None:
        require_writable("--json", to_json.parent)
    if paths is not None:
        report = compare_paths(paths, frames)
    elif window:
        report = show_window(source, max(frames, 100))
    elif start:
        report = show_start(measure_start(source))
    else:
        with network_file(source) as file:
            scene = apply_settings(open_scene(file), settings or [])
            report = measure(open_renderer(device), scene, frames, warmup, reference)
        show(report)
    if to_json is not None:
        save_report(report, to_json)
    return 0


@contextmanager
def network_file(source: str | None) -> Iterator[str | None]:
    """The file to open for `source`: itself, or random weights in the published shape of that name."""
    from engine import bench

    if source not in bench.NETWORKS:
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{source}.safetensors"
        bench.write_published(source, file)
        yield str(file)


def measure(renderer: "Renderer", scene: "Scene", frames: int, warmup: int, reference: bool = True) -> Report:
    """Render with a new seed each frame, then with one changing layer at a time; times in milliseconds.

    On a CPU the reference path takes its turn in the first few frames, and steps are told in GFLOP/s.
    """
    import torch

    from cuda_ops import cpu
    from engine import bench

    scene, on_cpu = scene.set("latent.mode", "seeds"), renderer.device.type == "cpu"
    frame_of(renderer, scene)
    if on_cpu:
        cpu.wait()
    path = cpu.status().path if on_cpu else "gpu" if renderer.device.type == "cuda" else "plain"
    whole, seen, plain = [], [], []
    for n in range(warmup + frames):
        took, frame = timed(renderer, scene.set("latent.seed", n))
        if n >= warmup:
            whole.append(took)
            seen.append(frame)
        if on_cpu and reference and n <= REFERENCES:
            plain.append(by_reference(renderer, scene.set("latent.seed", 10_000 + n)))
    facts = frame.model
    assert facts is not None  # a frame without an error names its network
    G = renderer.models.get(scene.model.path, scene.model.network).generator
    work = [bench.gflop(G, step) for step in G.synthesis.steps]
    plain = plain[1:]  # the first one warms up
    steps = [
        {"name": step.name, "shape": list(step.shape), "gflop": work[i], **summary([f.steps[i].ms for f in seen])}
        | ({"reference": summary([f.steps[i].ms for _, f in plain])["p50"]} if plain else {})
        for i, step in enumerate(seen[-1].steps)
    ]
    return {
        "stylescope.bench": FORMAT, "model": facts.name, "family": facts.family, "resolution": list(facts.resolution),
        "device": frame.device, "path": path, "precision": frame.precision, "torch": torch.__version__,
        "threads": torch.get_num_threads(), "load": bench.load(), "frames": frames,
        "peak": bench.gemm_peak(time.perf_counter) if on_cpu else None,
        "frame": {"gflop": sum(work), **summary(whole)}
        | ({"reference": summary([ms for ms, _ in plain])["p50"]} if plain else {}),
        "stages": {name: summary([f.timings[name] for f in seen]) for name in seen[-1].timings}, "steps": steps,
        "changes": [measure_change(renderer, scene, row, frames, warmup) for row in range(facts.num_ws)],
    }  # fmt: skip


def timed(renderer: "Renderer", scene: "Scene") -> "tuple[float, Frame]":
    """Milliseconds of a frame, and the frame."""
    began = time.perf_counter()
    frame = ended(frame_of(renderer, scene))
    return (time.perf_counter() - began) * 1e3, frame


def by_reference(renderer: "Renderer", scene: "Scene") -> "tuple[float, Frame]":
    """The same by the CPU's reference path."""
    from cuda_ops import cpu

    before = cpu.mode()
    cpu.use("reference")
    try:
        return timed(renderer, scene)
    finally:
        cpu.use(before)


def measure_change(renderer: "Renderer", scene: "Scene", row: int, frames: int, warmup: int) -> Report:
    """Cost of a frame in which nothing but row `row` of ws differs from the frame before."""
    times = []
    for n in range(warmup + frames):
        mixed = scene.set("mixing.sources", [{"seed": 1000 + n, "layers": [row]}])
        began = time.perf_counter()
        frame = ended(frame_of(renderer, mixed))
        if n >= max(warmup, 1):
            times.append((time.perf_counter() - began) * 1e3)
    first = next((step.name for step in frame.steps if not step.reused), "none")
    return {"row": row, "from": first, "reused": sum(step.reused for step in frame.steps), **summary(times)}


def ended(frame: "Frame") -> "Frame":
    """The frame once its picture is there: on a GPU it is only queued until then."""
    if frame.image is not None:
        frame.image.wait()
    return frame


def show(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    table, peak = Table(title=title(report), box=None, title_justify="left"), report.get("peak")
    table.add_column("ms")
    for heading in ("p50", "p95", "reference", "times faster", "GFLOP/s", "of peak"):
        table.add_column(heading, justify="right")
    for name, times in rows(report).items():
        table.add_row(name, f"{times['p50']:.2f}", f"{times['p95']:.2f}", *against(times, peak))
    console = Console(highlight=False)
    console.print(table)
    if peak:
        console.print(f"A matrix product reaches {peak:.0f} GFLOP/s; a step counts as the plain convolution it does.")


def against(times: dict[str, float], peak: float | None) -> list[str]:
    """A line's reference, how many times faster it is, its GFLOP/s and share of the peak; empty where not known."""
    p50, reference, gflop = times["p50"], times.get("reference"), times.get("gflop")
    compared = [f"{reference:.2f}", f"{reference / p50:.1f}"] if reference and p50 else ["", ""]
    if not (gflop and p50 and peak):
        return [*compared, "", ""]
    speed = gflop / p50 * 1e3
    return [*compared, f"{speed:.0f}", f"{100 * speed / peak:.0f} %"]
