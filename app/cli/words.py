"""What a person types on the command line, as values: pairs, lists of seeds, sources, settings."""

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.scene import Scene

MOST_SEEDS = 10_000


def pair(option: str, text: str, expected: str) -> tuple[int, int]:
    """`3x4` as (3, 4), both at least 1."""
    from engine.errors import StyleScopeError

    found = re.fullmatch(r"([1-9]\d{0,4})[xX]([1-9]\d{0,4})", text.strip())
    if not found:
        raise StyleScopeError(f"{option}: expected {expected}, found {text!r}.")
    return int(found[1]), int(found[2])


def seed_list(text: str, option: str = "--seeds") -> tuple[int, ...]:
    """`1-3,12` as (1, 2, 3, 12)."""
    from engine.errors import StyleScopeError
    from engine.scene import SEED_MAX

    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?", part)
        if not found:
            raise StyleScopeError(f"{option}: expected numbers and ranges such as 1-9,12, found {text!r}.")
        first, last = int(found[1]), int(found[2] or found[1])
        if not first <= last <= SEED_MAX:
            raise StyleScopeError(f"{option}: expected rising ranges from 0 to {SEED_MAX}, found {part.strip()!r}.")
        if len(seeds) + last - first >= MOST_SEEDS:
            raise StyleScopeError(f"{option}: expected at most {MOST_SEEDS} pictures at once, found {text!r}.")
        seeds.extend(range(first, last + 1))
    return tuple(seeds)


def open_scene(source: str | None) -> "Scene":
    """The scene of a `.json` or `.png`, or a fresh one with the given checkpoint; None is the bundled network."""
    from engine import scenefile
    from engine.models import path_of
    from engine.scene import Scene

    if source is None:
        return Scene()
    if Path(source).suffix.lower() in (".json", ".png"):
        return scenefile.load(source)
    return Scene().set("model.path", path_of(Path(source)))


def require_writable(option: str, folder: Path) -> None:
    """Make the folder and try it, before work is done whose result would be lost; StyleScopeError if it refuses."""
    from engine.errors import StyleScopeError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = error.strerror or error
        raise StyleScopeError(f"{folder}: cannot be written ({reason}); choose another {option}.") from error


def apply_settings(scene: "Scene", settings: list[str]) -> "Scene":
    """The scene after each `path=value`, as typed."""
    from engine import parameters
    from engine.errors import StyleScopeError

    for setting in settings:
        path, sign, value = setting.partition("=")
        if not sign:
            raise StyleScopeError(f"--set: expected path=value such as truncation.psi=0.7, found {setting!r}.")
        scene = parameters.set_text(scene, path.strip(), value.strip())
    return scene
