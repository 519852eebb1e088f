"""Training runs over each other: overfitting r_t, ADA's p, logits, losses (Karras et al. 2020, ADA, Fig. 1 and 6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.figures.boxes import Box
from app.figures.look import Look
from app.figures.plot import Line, Plot, plots_page
from engine.errors import StyleScopeError
from engine.training.curves import StatsFile

PANELS = (  # title, keys of stats.jsonl: a full line, then a dashed one
    ("r_t", ("r_t",)),
    ("p", ("p",)),
    ("logits (dashed: generated)", ("real_logit", "fake_logit")),
    ("loss of D", ("loss_d",)),
    ("loss of G", ("loss_g",)),
    ("path length", ("path_length",)),
)
COLOURS = ("teal", "accent", "violet", "green", "red", "dim")


@dataclass(frozen=True, eq=False)
class Run:
    """What a run wrote down: by key, thousands of pictures [n] and values [n]."""

    name: str
    values: dict[str, tuple[np.ndarray, np.ndarray]]


def read(path: Path, name: str = "") -> Run:
    """A run folder's stats.jsonl, or that file; StyleScopeError where there is none or its lines are others'."""
    stats = StatsFile(path / "stats.jsonl" if path.is_dir() else path)
    try:
        while stats.read():
            pass
    except OSError as error:
        reason = error.strerror or error
        raise StyleScopeError(f"{path}: expected a run folder with stats.jsonl, found none ({reason}).") from error
    columns = stats.curves.columns()
    if stats.skipped and not len(stats.curves):
        raise StyleScopeError(f"{stats.path}: expected lines of JSON as `train` writes them, found none among others.")
    kimg, values = columns["images"] / 1000, {}
    for key, column in columns.items():
        there = np.isfinite(column)
        if there.any():
            values[key] = kimg[there], column[there]
    return Run(name or path.resolve().name, values)


def curves(look: Look, runs: Sequence[Run], smooth: int = 1) -> Box:
    """A plot for each kind of number that a run has; faint lines as written, strong ones their mean over `smooth`."""
    if len(runs) > len(COLOURS):
        raise StyleScopeError(f"curves: expected at most {len(COLOURS)} runs in one figure, found {len(runs)}.")
    longest = max((float(x[-1]) for run in runs for x, _ in run.values.values()), default=0.0)
    if longest == 0:
        raise StyleScopeError("curves: expected runs that have begun, found none with a line in stats.jsonl.")
    plots = [
        Plot(title, lines, x_span=(0.0, longest))
        for title, keys in PANELS
        if (lines := [line for i, key in enumerate(keys) for line in _lines(runs, key, smooth, i > 0)])
    ]
    note = "Against thousands of real pictures seen" + (f"; mean of {smooth} lines." if smooth > 1 else ".")
    return plots_page("Training", note, [(run.name, colour) for run, colour in zip(runs, COLOURS)], plots)


def _lines(runs: Sequence[Run], key: str, smooth: int, dashed: bool) -> list[Line]:
    """The lines of one key, one or two for each run that has it."""
    lines = []
    for run, colour in zip(runs, COLOURS):
        if key in run.values:
            x, y = run.values[key]
            if smooth > 1 and not dashed:
                lines.append(Line(x, y, colour, faint=True))
            lines.append(Line(x, running_mean(y, smooth), colour, dashed=dashed))
    return lines


def running_mean(y: np.ndarray, count: int) -> np.ndarray:
    """The mean of each value and those around it, `count` in all; fewer at the ends."""
    window = np.ones(min(count, len(y)))
    return np.convolve(y, window, "same") / np.convolve(np.ones_like(y), window, "same")
