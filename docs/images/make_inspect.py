"""Makes the pictures of docs/inspect.md: `.venv/bin/python docs/images/make_inspect.py [layers|spectrum|filters]`."""

import os
import sys
import time
from pathlib import Path

os.environ["PYOPENGL_PLATFORM"] = "egl"  # before OpenGL is imported
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from app.live.main import engine  # noqa: E402
from app.live.session import temporary  # noqa: E402
from engine.looking import Bend  # noqa: E402

SIZE, SECONDS = (1280, 800), 180
WARM, CALM_MS = 40, 30.0  # frames at most until one took no longer than this
EARS = Bend("b16.conv1", "boost", (16, 43), 2.0, x=0.36, y=0.3, radius=0.08, stroke=((0.64, 0.3),))
PICTURES = {
    "layers": {
        "source": "",
        "set": {"latent.seed": 2, "truncation.psi": 0.7, "noise.strength": 0.5, "view.step": "b16.conv1",
                "view.mode": "pca", "view.probe": True, "view.probe_x": 0.42, "view.probe_y": 0.52, "bends": [EARS]},
        "left": ["View", "Bends"], "right": ["Layers", "Contact sheet", "Probe"],
    },
    "spectrum": {
        "source": "", "set": {"latent.seed": 2, "truncation.psi": 1.0},
        "left": ["View", "W plane", "Truncation"], "right": ["Spectrum"],
        "do": [("spectrum.against", "card"), ("spectrum.start", 64)],
    },
    "filters": {
        "source": str(ROOT / "tests" / "golden" / "sg3_t.pkl"),
        "set": {"view.step": "L5_52_28", "view.fft": True, "view.mode": "norm"},
        "left": ["View", "Stylespace"], "right": ["Layers", "Filters"],
    },
}  # fmt: skip


def main(names: list[str]) -> None:
    for name in names or PICTURES:
        take(PICTURES[name], ROOT / "docs" / "images" / f"inspect-{name}.png")


def take(wanted: dict, out: Path) -> None:
    """One picture of the window, once everything that it asks for has been measured."""
    from app.live.app import App
    from app.live.panels import panels
    from app.live.session import Session
    from app.live.window import Window

    window = Window("StyleScope", SIZE, 1.0, True)
    from app.live.texture import Pictures, Texture

    store, worker = engine("cpu")
    with temporary() as folder:
        session = Session(folder)
        session.settings.workspace = "Inspect"
        app = App(worker, store, session, panels(), texture=Texture(), scale=window.scale)
        app.ui.pictures, app.playing = Pictures(), False
        window.background = app.surround
        layout = app.columns.layout
        layout.left, layout.right, layout.folded = wanted["left"], wanted["right"], []
        layout.hidden = [title for title in app.columns.panels if title not in layout.left + layout.right]
        app.opener.open(wanted["source"]) if wanted["source"] else app.opener.open_model("")
        draw(app, window, lambda: app.has_picture and not app.opener.loading)
        scene = app.history.present
        for path, value in wanted["set"].items():
            scene = scene.set(path, value)
        for i in range(WARM):  # the first frames take longer than those that a person sees
            app.edit(scene.set("latent.x", i / 1000))
            draw(app, window, lambda: app.worker.idle)
            if i > 5 and sum(step.ms for step in app.shown.steps) < CALM_MS:
                break
        for action, *args in wanted.get("do", ()):
            app.ui.act(action, *args)
            draw(app, window, lambda: not app.spectra.running)
        app.columns.panels["Spectrum"].map = "Difference"
        draw(app, window, lambda: app.worker.idle and not app.tasks.busy)
        window.frame(lambda: app.frame(0.0))
        Image.fromarray(window.pixels()).save(out, optimize=True)
        app.close()
        window.close()


def draw(app, window, done) -> None:
    """Frames until `done()`, and a few more."""
    ends, more = time.monotonic() + SECONDS, 3
    while more:
        window.frame(lambda: app.frame(1 / 60))
        window.swap()
        time.sleep(0.02)
        more -= bool(done())
        if time.monotonic() > ends:
            raise SystemExit("It took too long.")


if __name__ == "__main__":
    main(sys.argv[1:])
