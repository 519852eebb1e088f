"""A run folder stands for its newest snapshot."""

import re
from dataclasses import dataclass
from pathlib import Path

from engine.checkpoints.limits import refusal

_KINDS = (  # what the trainers of the family call their snapshots; the number grows with training
    re.compile(r"network-snapshot-(\d+)\.(?:pkl|safetensors)"),
    re.compile(r"model_(\d+)\.pt"),
    re.compile(r"(\d+)\.pt"),
)
_IMAGES = re.compile(r"network-snapshot-\d{10}\.safetensors")  # ours count images,
_KIMG = re.compile(r"network-snapshot-\d{6}\.pkl")  # those of the PyTorch releases thousands of them


@dataclass(frozen=True)
class Snapshot:
    """One file of a run. `stamp` is its size and time of change: a file that is still being written changes it."""

    path: Path
    number: int
    stamp: tuple[int, int]

    @property
    def words(self) -> str:
        """How far the run was, as a person says it."""
        if _IMAGES.fullmatch(self.path.name):
            return f"{self.number / 1000:.1f} kimg"
        return f"{self.number} kimg" if _KIMG.fullmatch(self.path.name) else f"snapshot {self.number}"


def snapshots(folder: Path) -> list[Snapshot]:
    """The snapshots in a folder, newest first; OSError where it cannot be listed."""
    for kind in _KINDS:
        found = []
        for entry in folder.iterdir():
            match = kind.fullmatch(entry.name)
            if match and entry.is_file():
                found.append(_snapshot(entry, int(match[1][:18])))
        if any(found):
            return sorted(filter(None, found), key=lambda s: (s.number, s.path.name), reverse=True)
    return []


def newest_snapshot(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The snapshot of the highest number in `folder`, and a note that says which; CheckpointError without one."""
    found = snapshots(folder)
    if found:
        newest = found[0].path
        return newest, (
            f"Opened {newest.name}, the newest of {len(found)} snapshots in the folder {folder.name}.",
        )
    others = sum(entry.suffix in (".pkl", ".pt", ".safetensors") for entry in folder.iterdir())
    advice = (
        f"open one of its {others} model files itself"
        if others
        else "open the folder of a training run, or a file"
    )
    raise refusal("a run folder with network-snapshot-*.pkl inside", "a folder without", advice)


def _snapshot(path: Path, number: int) -> Snapshot | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None  # removed a moment ago
    return Snapshot(path, number, (stat.st_size, stat.st_mtime_ns))
