"""Open the window and run it until it is closed."""

import gc
import logging
import os
import sys
import time
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app import timeline
from engine.scene import Scene

if TYPE_CHECKING:
    from app.live.app import App
    from app.live.session import Session
    from app.live.window import Window
    from engine.models import ModelStore
    from engine.worker import Worker

log = logging.getLogger(__name__)
SWITCH_SECONDS = 0.001  # how long a busy Python thread may keep the window waiting
# The scene that plays when nothing was asked for: something moves, and nothing is too wild.
START = {"latent.seed": 2, "latent.walk": 0.25, "truncation.psi": 0.7, "noise.strength": 0.5}
SETTLED = 3  # headless frames drawn after the engine's last answer, before the screenshot


def run(
    source: str | None = None,
    headless: bool = False,
    frames: int | None = None,
    screenshot: Path | None = None,
    size: tuple[int, int] | None = None,
    scale: float | None = None,
    device: str = "auto",
) -> int:
    """Show the window; returns the exit code. `frames` ends it after so many, `screenshot` is written before it ends.

    Headless, the clock moves 1/60 s a frame and each frame waits for the engine, so that a screenshot is the same on
    every run. StyleScopeError if no window can be opened or the screenshot cannot be written.
    """
    if headless and sys.platform == "linux":
        os.environ["PYOPENGL_PLATFORM"] = "egl"  # before OpenGL is imported
    sys.setswitchinterval(SWITCH_SECONDS)
    timeline.mark("command line")
    from app.live.session import Session, temporary

    if headless:
        with temporary() as folder:
            return _run(Session(folder), source, True, frames or 60, screenshot, size or (1280, 800), scale, device)
    session = Session()
    return _run(session, source, False, frames, screenshot, size or session.settings.size, scale, device)


def _run(
    session: "Session",
    source: str | None,
    headless: bool,
    frames: int | None,
    screenshot: Path | None,
    size: tuple[int, int],
    scale: float | None,
    device: str,
) -> int:
    from app.live.app import App
    from app.live.panels import panels
    from app.live.window import Window

    timeline.mark("imports")
    window = Window("StyleScope", size, scale, headless)
    from app.live.texture import Pictures, Texture  # need the context that the window made

    store, worker = engine(device, window.drawn_by_cpu and not headless)
    app = App(worker, store, session, panels(), texture=Texture(), scale=window.scale)
    app.ui.pictures = Pictures()
    _connect(app, window, source)
    timeline.mark("window and panels")
    gc.freeze()  # what is loaded stays: looking through it for garbage would hold a frame up for a tenth of a second
    clean = False
    try:
        picture = _loop(app, window, headless, frames, screenshot is not None)
        session.settings.size = window.size
        clean = True
    except KeyboardInterrupt:
        picture, clean = None, True
    finally:
        app.close(clean)
        app.viewport.texture.delete()
        app.ui.pictures.delete()
        window.close()
    if screenshot is not None and picture is not None:
        _write(picture, screenshot)
    return 0


def engine(device: str, spare_a_core: bool = False) -> tuple["ModelStore", "Worker"]:
    """What renders, on a thread of its own; `spare_a_core` where the CPU has to draw the window too."""
    from engine import devices
    from engine.models import ModelStore
    from engine.renderer import Renderer
    from engine.worker import Worker

    device = devices.pick(device)
    if spare_a_core:
        devices.spare_a_core()
    store = ModelStore(device)
    return store, Worker(Renderer(device, store))


def _connect(app: "App", window: "Window", source: str | None) -> None:
    """Tie the window's events to the app, and open what was asked for."""
    window.on_scale = app.use_screen_scale
    app.on_fullscreen, app.on_wake = window.toggle_fullscreen, window.wake
    app.lab.wanted = not window.headless
    if app.settings.imgui:
        from imgui_bundle import imgui

        imgui.load_ini_settings_from_memory(app.settings.imgui)
    if source:
        app.opener.open(source)
    else:
        app.start_with(reduce(lambda scene, item: scene.set(*item), START.items(), Scene()))


def _loop(
    app: "App", window: "Window", headless: bool, frames: int | None, picture_wanted: bool
) -> np.ndarray | None:
    """Draw until the window closes; the last frame's pixels if they are wanted."""
    drawn, before, title, shown = 0, time.perf_counter(), "", False
    while window.open and not app.closing and (frames is None or drawn < frames):
        started = time.perf_counter()
        dt = 1 / 60 if headless else started - before
        before = started
        if window.dropped:
            app.opener.open_dropped(window.dropped)
            window.dropped = []
        window.background = app.surround
        drew = window.frame(partial(app.frame, dt))
        if drew:
            drawn += 1
            took = (time.perf_counter() - started) * 1e3
            app.window_ms += (took - app.window_ms) * (0.1 if drawn > 3 else 1.0)
            if app.saver.window_wanted:
                app.saver.window_captured(window.pixels())
            last = frames is not None and drawn == frames
            if last and picture_wanted:
                return window.pixels()
            window.swap()
            timeline.mark("first frame of the window")
            if app.has_picture:
                timeline.mark("first picture")
        if not shown and not headless:
            window.show()
            shown = True
        if headless:
            _settle(app)
        title = _title(app, window, title)
        window.wait(app.busy, started)
    return None


def _settle(app: "App") -> None:
    """Headless, nobody watches the waiting: let the engine answer before the next frame."""
    while app.opener.loading is not None and not app.opener.loading.done:
        time.sleep(0.002)
    while not app.worker.idle:
        time.sleep(0.001)


def _title(app: "App", window: "Window", before: str) -> str:
    """Name the window after the network that plays."""
    title = f"{app.ui.model.name} – StyleScope" if app.ui.model else "StyleScope"
    if title != before:
        window.name(title)
    return title


def _write(pixels: np.ndarray, path: Path) -> None:
    from PIL import Image

    from app.live.tasks import sentence
    from engine.errors import StyleScopeError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, format="PNG", optimize=True)
    except OSError as error:
        raise StyleScopeError(f"The screenshot was not written. {sentence(error)}") from error
