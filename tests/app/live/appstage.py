"""The whole window in a bare context: the real app with an engine and a store that tests control."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from imgui_bundle import imgui

from app.live.app import App
from app.live.session import Session
from engine.frame import Frame, ModelFacts
from engine.picture import Picture
from engine.scene import Scene
from tests.app.live.harness import Result, Stage

FACTS = ModelFacts(
    path="", name="gradient", network="G_ema", networks=("G_ema",), family="stylegan3", format="made up",
    resolution=(48, 64), channels=3, z_dim=8, c_dim=0, w_dim=8, num_ws=6, parameters=1234, steps=("input", "L0"),
    noise_layers=(), has_input_transform=True, default_cutoff=None, lod=0.0, max_lod=0.0, trained=True,
)  # fmt: skip


def gradient(scene: Scene) -> np.ndarray:
    """A picture [48, 64, 4] in which every pixel differs from its neighbours and which depends on the seed."""
    y, x = np.mgrid[0:48, 0:64]
    blue = np.full_like(x, scene.latent.seed % 256)
    return np.stack([x * 4, y * 5, blue, np.full_like(x, 255)], axis=-1).astype(np.uint8)  # [H, W, 4]


class Engine:
    """Answers a scene at once; `trouble(scene)` is the error that it finds, if any."""

    def __init__(self, facts: ModelFacts = FACTS):
        self.facts = facts
        self.scenes: list[Scene] = []
        self.idle, self.closed = True, False
        self.trouble: Callable[[Scene], str | None] = lambda scene: None
        self._frame: Frame | None = None

    def submit(self, scene: Scene, budget_ms: float | None = None) -> None:
        self.scenes.append(scene)
        picture, error = Picture(gradient(scene)), self.trouble(scene)
        if error and self._frame is not None:
            picture = self._frame.image
        self._frame = Frame(
            scene, len(self.scenes), picture, self.facts, timings={"synthesis": 5.0}, error=error
        )

    def latest(self) -> Frame | None:
        return self._frame

    def close(self) -> None:
        self.closed = True


class Loading:
    """A load that ends when the test says so."""

    def __init__(self, path: str, network: str):
        self.path, self.network = path, network
        self.progress, self.what, self.error, self.done, self.cancelled = (
            0.25,
            "reading tensors",
            None,
            False,
            False,
        )

    def end(self, error: str | None = None) -> None:
        self.error, self.done = error, True

    def cancel(self) -> None:
        self.cancelled = True


class Store:
    def __init__(self) -> None:
        self.loads: list[Loading] = []
        self.forgotten: list[str] = []

    def forget(self, path: str) -> None:
        self.forgotten.append(path)

    def start(self, path: str, network: str = "G_ema", warm: bool = False) -> Loading:
        self.loads.append(Loading(path, network))
        return self.loads[-1]


class Knobs:
    """A small panel, so that tests of the window do not depend on the real ones."""

    def __init__(self, title: str, *paths: str):
        self.title, self.hint, self.paths = title, "", paths

    def draw(self, ui: Any, scene: Scene, frame: Frame | None) -> Scene:
        for path in self.paths:
            scene = ui.row(scene, path)
        return scene


def knobs() -> list[tuple[Any, str]]:
    return [
        (Knobs("Truncation", "truncation.psi"), "left"),
        (Knobs("Latent", "latent.seed", "latent.x", "latent.walk"), "left"),
        (Knobs("Layers", "noise.strength"), "right"),
    ]


class AppStage(Stage):
    """`with AppStage(folder) as stage: stage.play_app(script)`; the app is `stage.app`."""

    def __init__(
        self, folder: Path, size: tuple[int, int] = (1280, 800), panels: Any = None, engine: Any = None
    ):
        super().__init__(size)
        self.folder, self.panels = folder, panels
        self.engine_double, self.store = engine or Engine(), Store()

    def __enter__(self) -> "AppStage":
        super().__enter__()
        session = Session(self.folder)
        self.app = App(self.engine_double, self.store, session, self.panels or knobs(), strict=True)
        self.app.settings.capture_folder = self.app.settings.capture_folder or str(self.folder / "captures")
        self.run_frames(4)
        return self

    @property
    def scene(self) -> Scene:
        return self.app.history.present

    def run_frames(self, count: int = 1, dt: float = 1 / 60) -> None:
        for _ in range(count):
            self.frame(lambda: self.app.frame(dt), dt)

    def play_app(self, script: Callable[[Any], None]) -> Result:
        return self.play(lambda: self.app.frame(1 / 60), script)

    def until(self, done: Callable[[], Any], frames: int = 4000) -> None:
        """Draw until something that happens in the background is there."""
        import time

        for _ in range(frames):
            self.run_frames()
            if done():
                return
            time.sleep(0.005)
        raise AssertionError("it did not happen")

    @property
    def said(self) -> list[str]:
        """What the messages over the picture say, newest last."""
        standing = [message.words for _, message in self.app._standing()]
        return [*(m.words for m in self.app.messages.notices.values()), *standing]

    def middle(self) -> tuple[float, float]:
        """Somewhere on the picture."""
        placed = self.app.viewport.placed
        assert placed is not None
        return placed.centre.x, placed.centre.y


def drag(ctx: Any, start: tuple[float, float], by: tuple[float, float], button: int = 0) -> None:
    """A drag of the mouse from a place of the window, in steps."""
    ctx.mouse_move_to_pos(imgui.ImVec2(*start))
    ctx.mouse_down(button)
    for i in range(1, 6):
        ctx.mouse_move_to_pos(imgui.ImVec2(start[0] + by[0] * i / 5, start[1] + by[1] * i / 5))
    ctx.mouse_up(button)
    ctx.yield_(2)
