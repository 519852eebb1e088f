"""`bench --window`: the window's frame times beside an idle, a compiling and a busy engine; from control to picture."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.reports import Report, lines_report, summary

if TYPE_CHECKING:
    from app.live.measure import Smoothness

HEAVY = "stylegan2-256"  # what keeps the engine busy


def show_window(source: str | None, frames: int) -> Report:
    """Measure in this process, which must not have rendered yet, print, and return the numbers."""
    from app.live.measure import measure_window
    from engine import bench

    with tempfile.TemporaryDirectory() as folder:
        heavy = Path(folder) / f"{HEAVY}.safetensors"
        bench.write_published(HEAVY, heavy)
        return show(measure_window(source, heavy, frames, Path(folder)))


def show(s: "Smoothness") -> Report:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"1280x800 at 60 frames a second, drawn by {s.renderer}; the engine has {s.threads} threads")
    table = Table(box=None)
    for heading in ("ms", "count", "p50", "p95", "longest", "p95 / idle"):
        table.add_column(heading, justify="left" if heading == "ms" else "right")
    idle = summary(s.idle)["p95"]
    phases = {
        "frame, engine idle": s.idle, "frame, kernels compiling": s.compiling,
        f"frame, {HEAVY} all the time": s.busy, "from control to picture": s.control,
    }  # fmt: skip
    for name, times in phases.items():
        p = summary(times)
        ratio = "" if times is s.control else f"{p['p95'] / idle:.2f}"
        table.add_row(name, str(len(times)), f"{p['p50']:.1f}", f"{p['p95']:.1f}", f"{max(times):.1f}", ratio)
    console.print(table)
    return lines_report(f"a window drawn by {s.renderer}", {name: summary(times) for name, times in phases.items()})
