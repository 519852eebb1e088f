"""What `bench` measured, as a file: saved, read again, and two of them side by side."""

import json
import statistics
from pathlib import Path
from typing import Any

FORMAT = 1  # of the JSON file

Report = dict[str, Any]


def lines_report(title: str, lines: dict[str, dict[str, float]]) -> Report:
    """A report of named lines, each with its median "p50" in milliseconds and whatever else was measured of it."""
    return {"stylescope.bench": FORMAT, "title": title, "lines": lines}


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
    if "lines" in report:
        return report["lines"]
    lines = {"whole frame": report["frame"]}
    lines |= {f"stage {name}": times for name, times in report["stages"].items()}
    lines |= {f"step {step['name']}": step for step in report["steps"]}
    lines |= {f"change of ws row {c['row']} (from {c['from']})": c for c in report["changes"]}
    return lines


def title(report: Report) -> str:
    if "title" in report:
        return report["title"]
    height, width = report["resolution"]
    where = f"{report['device']} {report['precision']}, {report['threads']} threads, torch {report['torch']}"
    path = f", path {report['path']}" if "path" in report else ""
    return f"{report['model']}: {report['family']} {width}x{height} on {where}{path}, {report['frames']} frames"


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
