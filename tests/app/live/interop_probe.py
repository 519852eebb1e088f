"""Run by `test_interop.py` in a process of its own: pictures from a GPU that the fake driver plays, into real OpenGL.

The fake driver's buffer reaches OpenGL's when it is unmapped, as shared memory would. Exit code 77: no EGL here.
"""

import ctypes
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["PYOPENGL_PLATFORM"] = "egl"

import glfw  # noqa: F401  (the order is the window's)
import numpy as np
import torch

from app.live.app import App
from app.live.session import Session
from app.live.window import Window
from engine import picture as pictures
from engine.errors import StyleScopeError
from engine.frame import Frame
from engine.picture import Picture
from engine.scene import Scene
from tests.app.live.appstage import Engine, Store, gradient, knobs
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu

TAKE = ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_void_p, ctypes.c_size_t)


class GpuEngine(Engine):
    """Pictures are tensors of a GPU; a seed above 100 makes them smaller."""

    def submit(self, scene: Scene, budget_ms: float | None = None) -> None:
        super().submit(scene, budget_ms)
        assert self._frame is not None
        self._frame = Frame(scene, self._frame.serial, Picture(torch.from_numpy(wanted(scene))), self.facts)


def wanted(scene: Scene) -> np.ndarray:
    whole = gradient(scene)
    return np.ascontiguousarray(whole[:31, :37]) if scene.latent.seed > 100 else whole


class Probe:
    """A window on the fake GPU, and what was seen in it."""

    def __init__(self, gpu: FakeGpu, window: Window, folder: Path):
        from app.live.texture import Texture

        self.gpu, self.window, self.seen, self.facts = gpu, window, {}, {}
        self.app = App(GpuEngine(), Store(), Session(folder), knobs(), texture=Texture(), strict=True)
        self.app.settings.linear = False
        self.app.viewport.one_to_one()

    def look(self, name: str, seed: int) -> None:
        """Show the picture of a seed; keep what is on screen where it lies, its bytes, and what was asked meanwhile."""
        self.gpu.calls()
        self.gpu.machine.waits.clear()
        self.gpu.machine.downloads = 0
        self.app.edit(Scene().set("latent.seed", seed))
        for _ in range(3):
            self.window.frame(lambda: self.app.frame(1 / 60))
            pixels = self.window.pixels()
            self.window.swap()
        placed = self.app.viewport.placed
        assert placed is not None
        x, y, w, h = (round(v) for v in (placed.x, placed.y, placed.width, placed.height))
        self.seen[f"{name} screen"], self.seen[name] = pixels[y : y + h, x : x + w], wanted(self.app.history.present)
        machine = self.gpu.machine
        self.facts[name] = {
            "calls": [c for c in self.gpu.calls() if c not in ("set", "retain")], "waits": len(machine.waits),
            "downloads": machine.downloads, "note": self.app.viewport.texture.note,
        }  # fmt: skip

    def close(self) -> None:
        self.app.close()
        self.gpu.calls()
        self.app.viewport.texture.delete()
        self.facts["closing"] = [c for c in self.gpu.calls() if c not in ("set", "retain")]


def main(out: Path) -> int:
    try:
        window = Window("probe", (900, 600), 1.0, headless=True)
    except StyleScopeError as error:
        sys.stderr.write(f"{error}\n")
        return 77
    import OpenGL.GL as gl

    @TAKE
    def take(buffer: int, address: int, size: int) -> None:
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, buffer)
        gl.glBufferSubData(gl.GL_ARRAY_BUFFER, 0, size, ctypes.c_void_p(address))
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, 0)

    with fake_gpu() as gpu, tempfile.TemporaryDirectory() as folder:
        gpu.lib.fake_gl_take(take)
        shared = Probe(gpu, window, Path(folder) / "shared")
        for name, seed in (("first", 1), ("second", 2), ("smaller", 101), ("large again", 3)):
            shared.look(name, seed)
        gpu.lib.fake_refuse_gl(999)
        shared.look("after a failure", 4)
        shared.look("later", 5)
        shared.close()
        pictures.fetch_always(False)
        gpu.lib.fake_refuse_gl(304)
        refused = Probe(gpu, window, Path(folder) / "refused")
        refused.look("refused", 6)
        refused.look("refused again", 7)
        gpu.lib.fake_refuse_gl(0)
        pictures.fetch_always(False)
        closing = Probe(gpu, window, Path(folder) / "closing")
        closing.look("anew", 8)
        closing.close()
    window.close()
    np.savez(out, **{k: v for probe in (shared, refused, closing) for k, v in probe.seen.items()})
    sys.stdout.write(json.dumps(shared.facts | refused.facts | closing.facts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
