"""Writing files without holding the window up: scenes, numbered captures. Trouble becomes a sentence."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.live.exporting import Exporter
from engine import scenefile
from engine.scene import Scene

if TYPE_CHECKING:
    from app.live.app import App

NUMBERED = re.compile(r"(\d{4,})(?:-window)?\.png")


class Saver:
    """Saves on request; every outcome is said over the picture."""

    def __init__(self, app: "App"):
        self.app = app
        self.last_capture = ""
        self.exporter = Exporter(app)
        self._numbers = threading.Lock()
        self._given: dict[
            Path, int
        ] = {}  # last number given out in a folder, so that quick captures do not collide
        self.picture_wanted = False  # once the whole picture has come
        self.window_wanted = False  # the loop reads the window's pixels back after this frame

    def save_scene(self) -> None:
        """To the file it came from, or ask for one."""
        if self.app.scene_path:
            self.save_scene_to(self.app.scene_path)
        else:
            self.app.dialogs.save_scene()

    def save_scene_to(self, path: str) -> None:
        scene = self.app.history.present
        target = Path(path) if Path(path).suffix else Path(path + ".json")

        def done(_: object) -> None:
            self.app.scene_path, self.app.saved_scene = str(target), scene
            self.app.session.remember(str(target))
            self.app.messages.say(f"Saved {target.name}", "save")

        self._start(lambda: scenefile.save(scene, target), done, "save", ("Save elsewhere", "scene.save_as"))

    def capture_picture(self) -> None:
        """The picture on screen with the scene that it shows."""
        frame = self.app.shown
        if frame is None or frame.image is None:  # nothing has been rendered yet
            return
        if frame.preview or (frame.looked and not frame.looked.current):  # the whole picture is on its way
            self.picture_wanted = True
            return
        self.picture_wanted = False
        picture, scene = frame.image.numpy(), self.app.picture_scene or frame.scene
        self._capture(picture, scene, "")

    def capture_window(self) -> None:
        """The whole window, read back after it has been drawn."""
        self.window_wanted = True

    def window_captured(self, pixels: np.ndarray) -> None:
        """The loop hands over the window's pixels [H, W, 3] that were asked for."""
        self.window_wanted = False
        self._capture(pixels, self.app.picture_scene or self.app.history.present, "-window")

    def show_folder(self) -> None:
        """Open the capture folder in the system's file manager."""
        folder = self.app.session.capture_folder()

        def work() -> None:
            folder.mkdir(parents=True, exist_ok=True)
            if sys.platform == "win32":
                os.startfile(folder)
            else:
                subprocess.Popen(["open" if sys.platform == "darwin" else "xdg-open", str(folder)])

        self._start(work, lambda _: None, "capture", ("Choose a folder", "capture.folder"))

    def _capture(self, pixels: np.ndarray, scene: Scene, suffix: str) -> None:
        folder = self.app.session.capture_folder()

        def work() -> Path:
            with self._numbers:
                number = max(self._given.get(folder, 0) + 1, next_number(folder))
                self._given[folder] = number
            path = folder / f"{number:04d}{suffix}.png"
            scenefile.save_png(pixels, scene, path)
            return path

        def done(path: Path) -> None:
            self.last_capture = str(path)
            self.app.messages.say(f"Captured {path.name} in {path.parent}", "capture")

        self._start(work, done, "capture", ("Choose a folder", "capture.folder"))

    def _start(self, work, done, topic: str, way_out: tuple[str, str]) -> None:
        self.app.tasks.start(work, done, lambda why: self.app.messages.fail(why, topic, [way_out]), keep=True)


def next_number(folder: Path) -> int:
    """One more than the highest number of the captures in a folder; 1 where there are none."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return 1
    return 1 + max((int(m[1]) for m in map(NUMBERED.fullmatch, names) if m), default=0)
