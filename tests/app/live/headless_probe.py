"""Run by `test_window.py` in a process of its own: draws with OpenGL but without a screen, writes what it saw.

Exit code 77: no EGL here.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["PYOPENGL_PLATFORM"] = "egl"

import glfw
import numpy as np
import OpenGL.GL as gl

from app.live.app import App
from app.live.session import Session
from app.live.window import Window
from engine.errors import StyleScopeError
from engine.scene import Scene
from tests.app.live.appstage import Engine, Store, gradient, knobs


def main(out: Path) -> int:
    try:
        window = Window("probe", (1280, 800), 1.0, headless=True)
    except StyleScopeError as error:
        sys.stderr.write(f"{error}\n")
        return 77
    from app.live.texture import Texture

    texture = Texture()
    with tempfile.TemporaryDirectory() as folder:
        app = App(Engine(), Store(), Session(Path(folder)), knobs(), texture=texture, strict=True)
        seen, facts = observe(app, window, texture)
        app.close()
    window.close()
    np.savez(out, **seen)
    sys.stdout.write(json.dumps(facts) + "\n")
    return 0


def observe(app: App, window: Window, texture) -> tuple[dict, dict]:
    """Screens by name, and where the picture lies on each."""
    seen, facts = {"picture": gradient(Scene())}, {}

    def look(name: str, frames: int = 4) -> None:
        for _ in range(frames):
            window.background = app.surround
            window.frame(lambda: app.frame(1 / 60))
            seen[name] = window.pixels()
            window.swap()
        placed = app.viewport.placed
        assert placed is not None
        facts[name] = [
            round(v) for v in (placed.x, placed.y, placed.width * placed.pixel, placed.height * placed.pixel)
        ]

    app.settings.linear = False
    app.viewport.one_to_one()
    look("one")
    uploads = [texture.uploads]
    look("one", 10)
    uploads.append(texture.uploads)
    app.viewport.view.zoom = 5.0
    look("five")
    app.settings.linear = True
    look("linear")
    app.settings.linear = False
    app.edit(Scene().set("latent.seed", 99))
    app.viewport.one_to_one()
    seen["second"] = gradient(app.history.present)
    look("second screen")
    uploads.append(texture.uploads)
    glfw.set_window_size(window.handle, 1, 1)
    for _ in range(3):
        window.frame(lambda: app.frame(1 / 60))
    facts["tiny"] = list(glfw.get_framebuffer_size(window.handle))
    glfw.set_window_size(window.handle, 900, 700)
    look("again")
    facts["surround"] = [round(255 * value) for value in app.surround]
    facts["drawn by CPU"] = window.drawn_by_cpu
    facts["renderer"] = (gl.glGetString(gl.GL_RENDERER) or b"").decode()
    return seen, {**facts, "uploads": uploads}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
