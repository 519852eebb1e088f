"""How smooth the window is: its frames beside an idle, a compiling and a busy engine, and how late a picture comes."""

import gc
import os
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

RATE = 60  # frames a second that a screen would ask for
WARM = 30  # frames before any that count


@dataclass(frozen=True)
class Smoothness:
    """Milliseconds: of the window's frames, drawn to the end, in each phase; and from a control to its picture."""

    idle: list[float]
    compiling: list[float]
    busy: list[float]
    control: list[float]
    renderer: str  # what draws, as OpenGL names it
    threads: int  # of the engine


def measure_window(
    source: str | None, heavy: Path, frames: int = 300, kernels: Path | None = None
) -> Smoothness:
    """Drive a window without a screen at `RATE` frames a second, in a process that has rendered nothing yet.

    `source` is the network played, `heavy` one that keeps the engine busy; `kernels` an empty folder to compile them
    into, None to load those of the last start. StyleScopeError where no window can be opened.
    """
    if sys.platform == "linux":
        os.environ["PYOPENGL_PLATFORM"] = "egl"  # before OpenGL is imported
    from app.live.session import temporary
    from cuda_ops.cpu.kernelcache import VARIABLE

    if kernels is not None:
        os.environ[VARIABLE] = str(kernels)
    with temporary() as folder:
        stage = Stage(folder)
        try:
            return stage.measure(source, heavy, frames)
        finally:
            stage.close()


class Stage:
    """The real window with its real engine, drawn frame by frame."""

    def __init__(self, folder: Path):
        import OpenGL.GL as gl

        from app.live import main
        from app.live.app import App
        from app.live.panels import panels
        from app.live.session import Session
        from app.live.window import Window

        sys.setswitchinterval(main.SWITCH_SECONDS)
        self.window = Window("StyleScope", (1280, 800), 1.0, headless=True)
        from app.live.texture import Pictures, Texture

        store, worker = main.engine("cpu", self.window.drawn_by_cpu)
        self.app = App(worker, store, Session(folder), panels(), texture=Texture())
        self.app.ui.pictures = Pictures()
        gc.freeze()
        self.drawn = 0.0  # when the last frame was complete
        self.finish = gl.glFinish
        self.renderer = (gl.glGetString(gl.GL_RENDERER) or b"").decode()

    def measure(self, source: str | None, heavy: Path, frames: int) -> Smoothness:
        """All phases one after the other; the first needs kernels that nobody has asked for yet."""
        compiling = self.frames_while_compiling(source)
        self.rest()
        idle = [self.frame() for _ in range(frames)]
        control = [self.answer(n) for n in range(frames // 3)]
        self.play(str(heavy))
        busy = [self.frame() for _ in range(frames)]
        return Smoothness(idle, compiling, busy, control, self.renderer, torch.get_num_threads())

    def frame(self) -> float:
        """Draw one frame to the end, in milliseconds; then wait until the next is due."""
        began = time.perf_counter()
        self.window.background = self.app.surround
        self.window.frame(partial(self.app.frame, 1 / RATE))
        self.window.swap()
        self.finish()
        self.drawn = time.perf_counter()
        took = self.drawn - began
        time.sleep(max(0.0, 1 / RATE - took))
        return took * 1e3

    def play(self, source: str | None, walk: float = 1.0) -> None:
        """Open a network and walk, so that every frame asks for another picture."""
        if source is not None:
            self.app.opener.open(source)
            while self.app.opener.loading is not None or self.app.tasks.busy:
                self.frame()
        self.app.start_with(self.app.history.present.set("latent.walk", walk))
        for _ in range(WARM):
            self.frame()

    def rest(self) -> None:
        """Nothing moves any more."""
        self.app.start_with(self.app.history.present.set("latent.walk", 0.0))
        for _ in range(WARM):
            self.frame()
        while not self.app.worker.idle:
            self.frame()

    def frames_while_compiling(self, source: str | None) -> list[float]:
        """The frames from the first picture until the compiled kernels serve."""
        from cuda_ops import cpu

        took = []
        self.play(source)
        while cpu.wait(0).stage in ("idle", "compiling"):
            took.append(self.frame())
        return took

    def answer(self, n: int) -> float:
        """Milliseconds from a change of a control to the end of the frame that shows its picture."""
        scene = self.app.history.present.set("truncation.psi", 0.5 + 0.01 * (n % 50))
        began = time.perf_counter()
        self.app.edit(scene)
        while self.app.picture_scene != scene:
            self.frame()
        return (self.drawn - began) * 1e3

    def close(self) -> None:
        self.app.close()
        self.app.viewport.texture.delete()
        self.app.ui.pictures.delete()
        self.window.close()
