"""`bench --start`: from the command to the first picture, by milestone and by import."""

import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from app.cli.bootstrap import ROOT
from app.cli.reports import Report, lines_report

LEAST_MS = 5.0  # packages below this are summed up in one line


@dataclass(frozen=True)
class Start:
    """`reached` are milliseconds from the command to each milestone, medians of several starts; `imports` those that
    each package's own modules took to load in one more, slowed down by the clock that is looked at for each module."""

    reached: dict[str, float]
    imports: dict[str, float]


def measure_start(source: str | None, times: int = 5) -> Start:
    """Start the window `times` times without a screen, after one start that is not counted; StyleScopeError if it
    fails."""
    from engine.errors import StyleScopeError

    if source is not None and not Path(source).exists():
        raise StyleScopeError(f"{source}: no such file; name one, or leave it out for the bundled network.")
    runs = [_run(source) for _ in range(times + 1)][1:]
    reached = {what: statistics.median(run[what] for run in runs) for what in runs[0]}
    return Start(reached, _imports(source))


def show_start(start: Start) -> Report:
    """Print, and return the same numbers."""
    from rich.console import Console
    from rich.table import Table

    console, before = Console(highlight=False), 0.0
    table = Table(box=None)
    for heading in ("milestone", "ms", "since the command"):
        table.add_column(heading, justify="left" if heading == "milestone" else "right")
    for what, ms in start.reached.items():
        table.add_row(what, f"{ms - before:.0f}", f"{ms:.0f}")
        before = ms
    console.print(table)
    table = Table(box=None)
    table.add_column("imports of")
    table.add_column("ms", justify="right")
    for package, ms in start.imports.items():
        table.add_row(package, f"{ms:.0f}")
    console.print(table)
    reached = {what: {"p50": ms} for what, ms in start.reached.items()}
    return lines_report("a start", reached | {f"imports of {name}": {"p50": ms} for name, ms in start.imports.items()})


def _run(source: str | None) -> dict[str, float]:
    from engine.errors import StyleScopeError

    began = time.monotonic()
    marks = dict(json.loads(_probe([], source).stdout.splitlines()[-1]))
    if "first picture" not in marks:
        raise StyleScopeError(f"The window opened without a picture; `main.py info {source or ''}` says why.")
    return {what: (at - began) * 1e3 for what, at in marks.items()}


def _imports(source: str | None) -> dict[str, float]:
    """Milliseconds of each package's modules, the slowest first."""
    return by_package(_probe(["-X", "importtime"], source).stderr)


def by_package(log: str) -> dict[str, float]:
    """What `python -X importtime` wrote, as milliseconds of each package's own modules, the slowest first."""
    spent: dict[str, float] = defaultdict(float)
    for line in log.splitlines():
        head, _, rest = line.partition("import time:")
        own, _, rest = rest.partition("|")
        if not head and own.strip().isdigit():
            spent[rest.rpartition("|")[2].strip().split(".")[0]] += int(own) / 1e3
    large = {name: ms for name, ms in sorted(spent.items(), key=lambda item: -item[1]) if ms >= LEAST_MS}
    return large | {"all others": sum(spent.values()) - sum(large.values())}


def _probe(options: list[str], source: str | None) -> subprocess.CompletedProcess[str]:
    from engine.errors import StyleScopeError

    command = [sys.executable, *options, "-m", "app.cli.startprobe", *([str(Path(source).resolve())] if source else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines() or ["no reason given"]
        raise StyleScopeError(f"The window did not start: {reason[-1]}")
    return done
