"""`bench`: what a frame costs, by stage, by step of the network, and by the layer that changed."""

import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.engines import frame_of, open_renderer
from app.cli.options import Device, Fp32, Settings, Source
from app.cli.paths import compare_paths
from app.cli.smoothness import show_window
from app.cli.start import measure_start, show_start
from app.cli.words import apply_settings, open_scene, require_writable

if TYPE_CHECKING:
    from engine.frame import Frame
    from engine.renderer import Renderer
    from engine.scene import Scene

FORMAT = 1  # of the JSON file

Report = dict[str, Any]


def bench(
    source: Source = None,
    frames: Annotated[int, typer.Option(min=3, help="Frames measured, for each line of the table.")] = 20,
    warmup: Annotated[int, typer.Option(min=0, help="Frames before that, not counted.")] = 3,
    settings: Settings = None,
    device: Device = "auto",
    fp32: Fp32 = False,
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
    """Measure milliseconds per frame: median and 95th percentile."""
    if compare is not None:
        show_comparison(*(read_report(path) for path in compare))
        return 0
    if paths is not None:
        compare_paths(paths, frames)
        return 0
    if window:
        show_window(source, max(frames, 100))
        return 0
    if start:
        show_start(measure_start(source))
        return 0
    scene = apply_settings(open_scene(source), settings or [])
    if to_json is not None:
        require_writable("--json", to_json.parent)
    report = measure(open_renderer(device), scene, frames, warmup)
    show(report)
    if to_json is not None:
        save_report(report, to_json)
    return 0


def measure(renderer: "Renderer", scene: "Scene", frames: int, warmup: int) -> Report:
    """Render with a new seed each frame, then with one changing layer at a time; times in milliseconds."""
    import torch

    scene = scene.set("latent.mode", "seeds")
    whole, seen = [], []
    for n in range(warmup + frames):
        began = time.perf_counter()
        frame = ended(frame_of(renderer, scene.set("latent.seed", n)))
        if n >= warmup:
            whole.append((time.perf_counter() - began) * 1e3)
            seen.append(frame)
    facts = frame.model
    assert facts is not None  # a frame without an error names its network
    stages = {name: summary([f.timings[name] for f in seen]) for name in seen[-1].timings}
    steps = [
        {"name": step.name, "shape": list(step.shape), **summary([f.steps[i].ms for f in seen])}
        for i, step in enumerate(seen[-1].steps)
    ]
    return {
        "stylescope.bench": FORMAT, "model": facts.name, "family": facts.family, "resolution": list(facts.resolution),
        "device": frame.device, "precision": frame.precision, "torch": torch.__version__,
        "threads": torch.get_num_threads(), "frames": frames, "frame": summary(whole), "stages": stages, "steps": steps,
        "changes": [measure_change(renderer, scene, row, frames, warmup) for row in range(facts.num_ws)],
    }  # fmt: skip


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


def summary(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    last = sorted(times)[min(len(times) - 1, round(0.95 * (len(times) - 1)))]
    return {"p50": round(statistics.median(times), 4), "p95": round(last, 4)}


def save_report(report: Report, path: Path) -> None:
    from engine import files
    from engine.errors import StyleScopeError

    try:
        files.write(path, json.dumps(report, indent=2).encode())
    except OSError as error:
        reason = error.strerror or error
        raise StyleScopeError(f"{path}: cannot be written ({reason}); choose another --json.") from error


def read_report(path: Path) -> Report:
    """A saved run; StyleScopeError when the file is something else."""
    from engine.errors import StyleScopeError

    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StyleScopeError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except ValueError:
        report = None
    if not isinstance(report, dict) or report.get("stylescope.bench") != FORMAT:
        raise StyleScopeError(f"{path}: expected a file saved by `main.py bench --json`, found something else.")
    return report


def rows(report: Report) -> dict[str, dict[str, float]]:
    """Every measured line of a report by its name, in the order of the table."""
    lines = {"whole frame": report["frame"]}
    lines |= {f"stage {name}": times for name, times in report["stages"].items()}
    lines |= {f"step {step['name']}": step for step in report["steps"]}
    lines |= {f"change of ws row {c['row']} (from {c['from']})": c for c in report["changes"]}
    return lines


def title(report: Report) -> str:
    height, width = report["resolution"]
    where = f"{report['device']} {report['precision']}, {report['threads']} threads, torch {report['torch']}"
    return f"{report['model']}: {report['family']} {width}x{height} on {where}, {report['frames']} frames"


def show(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title(report), box=None, title_justify="left")
    table.add_column("ms")
    for heading in ("p50", "p95"):
        table.add_column(heading, justify="right")
    for name, times in rows(report).items():
        table.add_row(name, f"{times['p50']:.2f}", f"{times['p95']:.2f}")
    Console(highlight=False).print(table)


def show_comparison(a: Report, b: Report) -> None:
    """Medians of two runs side by side; a ratio below 1 means that B is faster."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"A  {title(a)}\nB  {title(b)}", box=None, title_justify="left")
    table.add_column("ms (p50)")
    for heading in ("A", "B", "B / A"):
        table.add_column(heading, justify="right")
    lines_a, lines_b = rows(a), rows(b)
    for name in dict.fromkeys([*lines_a, *lines_b]):
        before, after = (lines.get(name, {}).get("p50") for lines in (lines_a, lines_b))
        shown = [f"{value:.2f}" if value is not None else "-" for value in (before, after)]
        table.add_row(name, *shown, f"{after / before:.2f}" if before and after is not None else "-")
    Console(highlight=False).print(table)
