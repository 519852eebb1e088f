"""A run folder stands for its newest snapshot."""

import re
from pathlib import Path

from engine.checkpoints.limits import refusal

_KINDS = (  # what the trainers of the family call their snapshots; the number grows with training
    re.compile(r"network-snapshot-(\d+)\.(?:pkl|safetensors)"),
    re.compile(r"model_(\d+)\.pt"),
    re.compile(r"(\d+)\.pt"),
)


def newest_snapshot(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The snapshot of the highest number in `folder`, and a note that says which; CheckpointError without one."""
    for kind in _KINDS:
        found = [
            (int(match[1][:18]), entry)
            for entry in folder.iterdir()
            if (match := kind.fullmatch(entry.name)) and entry.is_file()
        ]
        if found:
            newest = max(found)[1]
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
