"""`bench --paths`: the CPU's paths against each other on one network, by step and against the machine's own peak."""

from typing import TYPE_CHECKING

from app.cli.reports import Report, lines_report

if TYPE_CHECKING:
    from engine.bench import Comparison
    from engine.networks.common import Generator


def compare_paths(name: str, frames: int) -> Report:
    """Measure, print, and return the numbers.

    `name` is one of `engine.bench.NETWORKS` or a network's file, empty for the bundled one.
    """
    from engine import bench

    c = bench.compare(name or "bundled", _generator(name), frames=frames)
    show(c)
    return report(c)


def report(c: "Comparison") -> Report:
    """Milliseconds of a frame and of its steps on each path; those of steps are processor time."""
    lines = {}
    for p in c.paths:
        lines[p.path] = {"p50": p.times.p50, "p95": p.times.p95, "cpu": p.times.cpu, "difference": p.error}
        lines |= {f"{p.path} {step}": {"p50": ms} for step, ms in zip(c.steps, p.steps)}
    return lines_report(f"{c.network}: paths of the CPU, {c.threads} threads, load {c.load:.1f}", lines)


def _generator(name: str) -> "Generator":
    from engine import bench
    from engine.models import ModelStore

    if name in bench.NETWORKS:
        return bench.NETWORKS[name]()
    return ModelStore().get(name).generator


def show(c: "Comparison") -> None:
    from rich.console import Console
    from rich.table import Table

    console, total = Console(highlight=False), sum(c.gflop)
    console.print(
        f"{c.network}: {c.threads} threads, load {c.load:.1f} before the run; a matrix product reaches "
        f"{c.peak:.0f} GFLOP/s a core; plain convolutions would take {total:.1f} GFLOP a frame"
    )
    paths = Table(box=None)
    for heading in ("path", "p50 ms", "p95 ms", "CPU ms", "times faster", "GFLOP/s", "of peak", "largest difference"):
        paths.add_column(heading, justify="left" if heading == "path" else "right")
    for p in c.paths:
        speed = total / p.times.cpu * 1e3
        paths.add_row(
            p.path, f"{p.times.p50:.1f}", f"{p.times.p95:.1f}", f"{p.times.cpu:.1f}",
            f"{c.ratio(p.path, c.paths[0].path):.2f}", f"{speed:.0f}", f"{100 * speed / c.peak:.0f} %",
            f"{p.error:.1e}",
        )  # fmt: skip
    console.print(paths)
    steps = Table(box=None)
    steps.add_column("CPU ms of a step")
    for heading in [p.path for p in c.paths] + ["GFLOP", "of peak"]:
        steps.add_column(heading, justify="right")
    for i, name in enumerate(c.steps):
        times = [p.steps[i] for p in c.paths]
        share = 100 * c.gflop[i] / times[-1] * 1e3 / c.peak
        steps.add_row(name, *(f"{ms:.2f}" for ms in times), f"{c.gflop[i]:.2f}", f"{share:.0f} %")
    console.print(steps)
