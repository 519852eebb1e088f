"""What outlives the window: settings, recent files, the arrangement, and the scene of a window that crashed."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import platformdirs

from engine import files, scenefile
from engine.errors import StyleScopeError
from engine.scene import Scene

log = logging.getLogger(__name__)
RECENT = 12
AUTOSAVE_SECONDS = 3.0


class Layout(msgspec.Struct):
    """Which sections stand where; widths in ems."""

    left: list[str] = []
    right: list[str] = []
    floating: list[str] = []
    folded: list[str] = []
    hidden: list[str] = []
    left_width: float = 25.9
    right_width: float = 18.2


class Settings(msgspec.Struct):
    """Everything about the window that is remembered and that no picture depends on."""

    recent: list[str] = []
    capture_folder: str = ""
    browse_folder: str = ""
    theme: Literal["dark", "light", "auto"] = "dark"
    ui_scale: float = 0.0  # 0 follows the screen
    workspace: str = "Play"
    layouts: dict[str, Layout] = {}
    size: tuple[int, int] = (1280, 800)
    linear: bool = True
    checker: bool = False
    tool: str = "Walk"
    preview_ms: float = 33.0  # budget of a picture while something is dragged; 0 waits for the whole one
    imgui: str = ""  # Dear ImGui's own ini text


class Session:
    """The settings folder of one running window.

    Each running window holds a lock `window-PID.lock` and autosaves to `scene-PID.json`; both go when it closes.
    A scene whose lock nobody holds belongs to a window that crashed.
    """

    def __init__(self, folder: Path | None = None):
        self.folder = folder or default_folder()
        self.settings = self._read_settings()
        self.trouble = ""  # why settings could not be saved, once
        self.crashed = self._find_crashed()
        self._lock = self._take_lock()
        self._saved: Scene | None = None
        self._wait = 0.0

    @property
    def autosave_path(self) -> Path:
        return self.folder / f"scene-{os.getpid()}.json"

    def capture_folder(self) -> Path:
        """Where pictures go: the chosen folder, or StyleScope in the person's pictures."""
        chosen = self.settings.capture_folder
        return Path(chosen) if chosen else default_captures()

    def remember(self, path: str) -> None:
        """Put a file on top of the recent ones."""
        path = str(Path(path).absolute())
        self.settings.recent = [path, *(p for p in self.settings.recent if p != path)][:RECENT]

    def forget(self, path: str) -> None:
        self.settings.recent = [p for p in self.settings.recent if p != path]

    def due(self, scene: Scene, dt: float) -> bool:
        """Whether the scene should be autosaved now: it changed, and the last time is some seconds ago."""
        self._wait += dt
        if self._saved is None:
            self._saved = scene
        if self._wait < AUTOSAVE_SECONDS or scene == self._saved:
            return False
        self._wait, self._saved = 0.0, scene
        return True

    def autosave(self, scene: Scene) -> None:
        """Write the scene for a next start after a crash."""
        scenefile.save(scene, self.autosave_path)

    def recovered(self) -> Scene:
        """The scene of the crashed window; StyleScopeError when it cannot be read."""
        if self.crashed is None:
            raise StyleScopeError("There is no scene to restore.")
        return scenefile.load(self.crashed)

    def drop_crashed(self) -> None:
        """Forget the crashed window's scene."""
        if self.crashed:
            _remove(self.crashed)
        self.crashed = None

    def save_settings(self) -> None:
        """Write the settings; trouble is kept as a sentence instead of raised."""
        try:
            files.write(
                self.folder / "settings.json", msgspec.json.format(msgspec.json.encode(self.settings))
            )
        except OSError as error:
            self.trouble = f"{self.folder}: settings cannot be saved ({error.strerror or error})."
            log.warning(self.trouble)

    def close(self, clean: bool = True) -> None:
        """The end: settings are kept; after a clean one the autosave is not needed."""
        self.save_settings()
        if clean:
            _remove(self.autosave_path)
        if self._lock is not None:
            self._lock.close()
            _remove(self.folder / f"window-{os.getpid()}.lock")

    def _read_settings(self) -> Settings:
        path = self.folder / "settings.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Settings)
        except FileNotFoundError:
            return Settings()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("%s: settings cannot be read (%s); starting with the defaults", path, error)
            return Settings()

    def _find_crashed(self) -> Path | None:
        """The newest autosaved scene whose window is gone; older ones are removed."""
        try:
            scenes = sorted(self.folder.glob("scene-*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
        except OSError as error:
            log.warning("%s: cannot be searched (%s)", self.folder, error)
            return None
        gone = [
            p
            for p in scenes
            if not _is_held(p.with_name(p.name.replace("scene-", "window-")).with_suffix(".lock"))
        ]
        for path in gone[1:]:
            _remove(path)
        if gone and gone[0] == self.autosave_path:  # the process number came round again
            kept = gone[0].with_name("scene-before.json")
            os.replace(gone[0], kept)
            return kept
        return gone[0] if gone else None

    def _take_lock(self) -> Any:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = open(self.folder / f"window-{os.getpid()}.lock", "a+b")  # noqa: SIM115 - held while the window lives
        except OSError as error:
            self.trouble = (
                f"{self.folder}: cannot be written ({error.strerror or error}); settings will not be kept."
            )
            log.warning(self.trouble)
            return None
        _lock(file)
        return file


@cache
def default_captures() -> Path:
    return Path(platformdirs.user_pictures_dir()) / "StyleScope"


def default_folder() -> Path:
    return Path(platformdirs.user_config_dir("StyleScope", appauthor=False))


def _lock(file: Any) -> bool:
    """Lock an open file for this process; False when another one holds it. A process that ends lets go."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_held(path: Path) -> bool:
    """Whether a living window holds this lock; a lock that nobody holds is removed."""
    try:
        with open(path, "r+b") as file:
            if not _lock(file):
                return True
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("%s: cannot be opened (%s)", path, error)
        return True
    _remove(path)
    return False


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s: cannot be removed (%s)", path, error)


@contextmanager
def temporary() -> Iterator[Path]:
    """A settings folder for a run that must neither read nor leave anything."""
    with tempfile.TemporaryDirectory(prefix="stylescope-") as folder:
        yield Path(folder)
