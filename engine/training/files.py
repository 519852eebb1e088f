"""A run folder: config.json, stats.jsonl, sheets/, checkpoints/, and a network-snapshot that any window can open."""

import json
import logging
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine import files
from engine.checkpoints.contents import Contents
from engine.checkpoints.native import write_native
from engine.errors import CheckpointError
from engine.training.owner import Ownership, own
from engine.training.settings import Settings, TrainingError, from_json, to_json

log = logging.getLogger(__name__)
FORMAT = 1


class RunFolder:
    """Names and writes the files of one run."""

    def __init__(self, path: Path):
        self.path = path
        self.config, self.stats = path / "config.json", path / "stats.jsonl"
        self.sheets, self.checkpoints = path / "sheets", path / "checkpoints"
        self._ownership: Ownership | None = None

    def own(self) -> str:
        """Be the one process that writes here, until `release` or the process' end; a note where that cannot be sure.

        Raises TrainingError naming the process that trains here already. Reading needs none of this.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._ownership = own(self.path)
        return self._ownership.note

    def release(self) -> None:
        """Let another process train here."""
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None

    def create(self, settings: Settings, command: str = "") -> None:
        """Start a new run and note the command that did; TrainingError when there is one already."""
        if self.config.exists():
            raise TrainingError(
                f"{self.path}: there is a run already; continue it with --resume, or choose another --out."
            )
        with writing(self.path, "choose another --out"):
            for folder in (self.path, self.sheets, self.checkpoints):
                folder.mkdir(parents=True, exist_ok=True)
            files.write(self.path / "command.txt", f"{command}\n".encode())
            files.write(self.config, to_json(settings))

    def store(self, settings: Settings) -> None:
        """Write config.json."""
        with writing(self.config):
            files.write(self.config, to_json(settings))

    def settings(self) -> Settings:
        """Settings of an existing run."""
        if not self.config.exists():
            raise TrainingError(
                f"{self.path}: expected a run folder with config.json, found none; start one without --resume."
            )
        return from_json(self.config.read_bytes(), str(self.config))

    def command(self) -> str:
        """The command that started the run, "" if it is not known."""
        path = self.path / "command.txt"
        return path.read_text(encoding="utf-8").strip() if path.exists() else ""

    def log(self, line: dict) -> None:
        """Append one line to stats.jsonl."""
        with writing(self.stats), open(self.stats, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def note(self, measures: dict) -> None:
        """Append one line to metrics.jsonl: measures by name, and `images` that the network had seen."""
        path = self.path / "metrics.jsonl"
        with writing(path, "make room on the disk"), open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(measures) + "\n")

    def rewind(self, images: int) -> None:
        """Drop lines of stats.jsonl and sheets that lie after `images`, for they will be made again, and half files."""
        with writing(self.path):
            if self.stats.exists():
                lines = self.stats.read_text(encoding="utf-8", errors="replace").splitlines()
                kept = [line for line in lines if _images_of(line) <= images]
                files.write(self.stats, "".join(f"{line}\n" for line in kept).encode())
            later = [path for path in self.sheets.glob("sheet-*.png") if _number(path) > images]
            for path in later + [p for f in (self.path, self.sheets, self.checkpoints) for p in files.leftovers(f)]:
                path.unlink(missing_ok=True)

    def save_sheet(self, name: str, img: Tensor, columns: int) -> Path:
        """Write pictures [N, 3, H, W] in -1..1 as one PNG."""
        path = self.sheets / f"{name}.png"
        with writing(path), files.aside(path) as temporary:
            Image.fromarray(tile(img, columns)).save(temporary, "PNG")
        return path

    def save(self, state: dict, networks: Mapping[str, Contents], images: int, keep: int) -> Path:
        """Write a checkpoint to resume from and a snapshot to look at, then remove all but the newest `keep`.

        Raises TrainingError when the disk refuses; what was there before is still there then.
        """
        path = self.checkpoints / f"state-{images:010d}.pt"
        with writing(path), files.aside(path) as temporary, open(temporary, "wb") as file:
            torch.save({"format": FORMAT, **state}, file)
        snapshot = self.path / f"network-snapshot-{images:010d}.safetensors"
        with writing(snapshot):
            write_native(networks, snapshot)
        snapshots = sorted(self.path.glob("network-snapshot-*.safetensors"), reverse=True)
        for old in self.saved()[keep:] + snapshots[keep:]:
            _remove(old)
        return path

    def saved(self) -> list[Path]:
        """Checkpoints, newest first."""
        return sorted(self.checkpoints.glob("state-*.pt"), reverse=True)

    def load(self) -> tuple[dict, tuple[str, ...]]:
        """The newest checkpoint that can be read, and a sentence for each that cannot."""
        notes = []
        for path in self.saved():
            try:
                return load_state(path), tuple(notes)
            except TrainingError as error:
                notes.append(str(error))
        raise TrainingError(
            f"{self.path}: expected a checkpoint, found none that can be read; start a new run. {' '.join(notes)}"
        )


@contextmanager
def writing(path: Path, way_out: str = "make room on the disk, then use --resume") -> Iterator[None]:
    """Within `with`, what the disk refuses becomes a TrainingError that names `path`."""
    try:
        yield
    except (OSError, RuntimeError, CheckpointError) as error:
        raise TrainingError(f"{path}: could not be written ({files.why(error)}); {way_out}.") from error


def load_state(path: Path) -> dict:
    """Read one checkpoint without running code from it."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"{path}: damaged or not a checkpoint of a run ({reason}).") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise TrainingError(
            f"{path}: expected a checkpoint of format {FORMAT}; it is of another program or version."
        )
    return state


def tile(img: Tensor, columns: int) -> np.ndarray:
    """Pictures [N, 3, H, W] in -1..1 as one [rows H, columns W, 3] uint8, row by row; missing ones are black."""
    N, C, H, W = img.shape
    rows = -(-N // columns)
    sheet = torch.zeros(rows * columns, C, H, W, dtype=torch.uint8)
    sheet[:N] = (img.detach().cpu().float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    sheet = sheet.reshape(rows, columns, C, H, W).permute(0, 3, 1, 4, 2)  # [rows, H, columns, W, C]
    return sheet.reshape(rows * H, columns * W, C).numpy()


def _remove(path: Path) -> None:
    """Remove a file that is no longer needed; one that a window still plays, on Windows, goes the next time."""
    try:
        path.unlink(missing_ok=True)
    except PermissionError as error:
        log.warning("%s cannot be removed now (%s)", path, error.strerror)


def _number(path: Path) -> int:
    """The count of images in a file's name."""
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0


def _images_of(line: str) -> int:
    try:
        return int(json.loads(line)["images"])
    except (ValueError, KeyError, TypeError):
        return 2**63  # a line that was cut off when the process was killed
