"""A run as somebody sees it who only looks: how far it is, its curves, sheets, settings and measures.

Nothing here needs the run's process or the tensor library, and nothing writes: the folder may be on another machine's
disk, not be there yet, or vanish.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine.errors import StyleScopeError
from engine.training.curves import StatsFile

LATEST = 20  # lines that speed and rhythm are judged by
PATIENCE = 4.0  # lines overdue until a run counts as silent,
SHORTEST_PATIENCE = 60.0  # but at least so many seconds
DEEPEST, MOST_FOLDERS = 3, 2000  # how far a search for runs goes
_NUMBERED = re.compile(r"(?:sheet|state|network-snapshot)-(\d{1,18})\.\w+")

Kind = Literal["missing", "starting", "training", "finished", "stopped", "stale"]


@dataclass(frozen=True)
class Sheet:
    """One sample sheet; `stamp` tells a file from one of the same name written later."""

    path: Path
    images: int
    stamp: tuple[int, int]  # size, time of change in nanoseconds


@dataclass(frozen=True)
class Glimpse:
    """What was seen of a run at one moment. `columns` are those of `Curves`."""

    path: Path
    there: bool = False
    columns: Mapping[str, np.ndarray] = field(default_factory=lambda: {"images": np.empty(0)})
    skipped: int = 0  # lines of stats.jsonl that could not be read
    written: float = 0.0  # when its newest line was written, in seconds since 1970
    config: Mapping[str, Any] = field(default_factory=dict)
    sheets: tuple[Sheet, ...] = ()
    saved: int | None = None  # images of the newest checkpoint
    measures: tuple[Mapping[str, Any], ...] = ()  # lines of metrics.jsonl
    trouble: str = ""  # why something could not be read
    complete: bool = True  # False while a long stats.jsonl is still being read

    @property
    def name(self) -> str:
        return self.path.name or str(self.path)

    @property
    def images(self) -> int:
        """Images seen so far."""
        images = self.columns["images"]
        return int(images[-1]) if len(images) else 0

    @property
    def goal(self) -> float:
        """Images at which the run ends; 0 if that is not known."""
        kimg = self.config.get("kimg")
        return float(kimg) * 1000 if isinstance(kimg, int | float) and kimg > 0 else 0.0

    @property
    def speed(self) -> float:
        """Images a second over the latest lines; 0 if that is not known."""
        images, seconds = self._latest("images"), self._latest("seconds")
        steps, times = np.diff(images), np.diff(seconds)
        good = (steps > 0) & (times > 0)
        return float(steps[good].sum() / times[good].sum()) if good.any() else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the goal at the present speed."""
        left = self.goal - self.images
        return left / self.speed if left > 0 and self.speed > 0 else None

    def state(self, now: float | None = None) -> tuple[Kind, str]:
        """What the run does, and that in words. `now` is in seconds since 1970."""
        at = f"{self.images / 1000:.1f} kimg"
        if not self.there:
            return "missing", "the folder is gone" if len(self.columns["images"]) else "no run in this folder yet"
        if not len(self.columns["images"]):
            return "starting", "no line yet"
        if self.goal and self.images >= self.goal:
            return "finished", f"finished at {at}"
        silent = max(0.0, (time.time() if now is None else now) - self.written)
        if silent < self.patience:
            return "training", "training"
        if self.saved == self.images:
            return "stopped", f"stopped at {at}, saved"
        return "stale", f"no line for {duration(silent)}"

    @property
    def patience(self) -> float:
        """Seconds without a line after which a run counts as silent."""
        times = np.diff(self._latest("seconds"))
        times = times[times > 0]
        return max(SHORTEST_PATIENCE, PATIENCE * float(np.median(times)) if len(times) else 0.0)

    def _latest(self, name: str) -> np.ndarray:
        column = self.columns.get(name)
        return np.empty(0) if column is None else column[-LATEST:]


class Watched:
    """Looks at one run folder again and again; `look` gives the newest `Glimpse`."""

    def __init__(self, path: Path):
        self.path = path
        self.stats = StatsFile(path / "stats.jsonl")
        self._config: tuple[tuple[int, int], dict] = ((0, 0), {})

    def look(self) -> Glimpse:
        """Read what is new, at most a chunk of it. What cannot be read becomes `Glimpse.trouble`."""
        troubles: list[str] = []
        more = self._read_stats(troubles)
        config = self._read_config(troubles)
        columns = self.stats.curves.columns()
        sheets = _sheets(self.path / "sheets", troubles)
        checkpoints = _numbered(self.path / "checkpoints", "state-", troubles)
        return Glimpse(
            self.path, bool(config) or self.stats.path.exists(), columns, self.stats.skipped,
            _changed(self.stats.path), config, sheets, max((n for n, _ in checkpoints), default=None),
            _measures(self.path / "metrics.jsonl", troubles), " ".join(troubles), not more,
        )  # fmt: skip

    def _read_stats(self, troubles: list[str]) -> bool:
        try:
            return self.stats.read()
        except FileNotFoundError:
            return False  # not there yet, or not any more: what was seen stays
        except OSError as error:
            troubles.append(f"{self.stats.path.name} cannot be read ({error.strerror or error}).")
        return False

    def _read_config(self, troubles: list[str]) -> dict:
        path = self.path / "config.json"
        try:
            stamp = _stamp(path)
            if stamp != self._config[0]:
                self._config = (stamp, _object(path.read_bytes()))
        except FileNotFoundError:
            self._config = ((0, 0), {})
        except (OSError, ValueError) as error:
            troubles.append(f"config.json cannot be read ({error}).")
        return self._config[1]


def newest_run(folder: Path) -> Path:
    """The run in or under `folder` that was written to last; StyleScopeError where there is none."""
    runs, seen = [], 0
    waiting = [(folder, 0)]
    while waiting and seen < MOST_FOLDERS:
        here, depth = waiting.pop(0)
        seen += 1
        if is_run(here):
            runs.append(here)
        elif depth < DEEPEST:
            waiting += [(entry, depth + 1) for entry in _folders(here)]
    if not runs:
        raise StyleScopeError(
            f"{folder}: expected a training run in or under this folder, found none; name one (main.py monitor RUN), "
            "or start one with main.py train."
        )
    return max(runs, key=lambda run: max(_changed(run / "stats.jsonl"), _changed(run / "config.json")))


def runs_in(folder: Path) -> tuple[Path, ...]:
    """The runs that lie directly in a folder, by name."""
    return tuple(entry for entry in _folders(folder) if is_run(entry))


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a training run."""
    return (folder / "config.json").is_file() and (folder / "sheets").is_dir()


def duration(seconds: float) -> str:
    """Seconds as people say them: 40 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, days = minutes // 60, minutes // 1440
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if not days else f"{days} d {hours % 24} h"


def _sheets(folder: Path, troubles: list[str]) -> tuple[Sheet, ...]:
    """The sample sheets, from first to last."""
    sheets = []
    for number, path in sorted(_numbered(folder, "sheet-", troubles)):
        try:
            sheets.append(Sheet(path, number, _stamp(path)))
        except FileNotFoundError:
            continue  # removed a moment ago
    return tuple(sheets)


def _numbered(folder: Path, start: str, troubles: list[str]) -> list[tuple[int, Path]]:
    """Number and path of the files in a folder whose names are `start`, a number, and an ending."""
    try:
        entries = [entry for entry in folder.iterdir() if entry.name.startswith(start)]
    except FileNotFoundError:
        return []
    except OSError as error:
        troubles.append(f"{folder.name} cannot be listed ({error.strerror or error}).")
        return []
    return [(int(found[1]), entry) for entry in entries if (found := _NUMBERED.fullmatch(entry.name))]


def _measures(path: Path, troubles: list[str]) -> tuple[Mapping[str, Any], ...]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        troubles.append(f"{path.name} cannot be read ({error.strerror or error}).")
        return ()
    found = []
    for line in lines:
        try:
            found.append(_object(line))
        except ValueError:
            continue  # the last line while it is being written
    return tuple(found)


def _object(text: bytes) -> dict:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return values


def _folders(folder: Path) -> list[Path]:
    try:
        return [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []  # a folder that we may not list has no run for us


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _changed(path: Path) -> float:
    """When a file was written last, in seconds since 1970; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
