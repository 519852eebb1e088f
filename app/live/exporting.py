"""What the panels show, as files: arrays and tables of the scene that plays, computed aside."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine import scenefile
from engine.errors import RenderError
from engine.inspect import export
from engine.renderer import Renderer

if TYPE_CHECKING:
    from app.live.app import App

ENDINGS = (".npy", ".safetensors", ".csv", ".png")


class Exporter:
    """Writes the shown step, with a renderer of its own beside the one that plays."""

    def __init__(self, app: "App"):
        self.app = app

    def name(self, ending: str) -> str:
        """What a file would be called: network, step, part and seed."""
        scene, model = self.app.history.present, self.app.ui.model
        parts = [model.name if model else "", scene.view.step, scene.view.part, f"seed{scene.latent.seed}"]
        return "-".join(filter(None, parts)).replace("/", "_") + ending

    def shown_step(self, path: str) -> None:
        """The shown step: its array, the statistics of all steps and of its channels, or the view as a picture."""
        scene, frame, target = self.app.history.present, self.app.shown, Path(path)
        ending = target.suffix.lower()
        looked = frame.looked if frame else None
        if frame is None or looked is None or ending not in ENDINGS:
            wanted = ", ".join(ENDINGS)
            self.app.messages.fail(f"{target.name}: expected a shown layer and a name ending in {wanted}.", "export")
            return
        part, steps = looked.shown.part, [step.name for step in frame.steps]

        def work() -> Path:
            renderer, one = Renderer(str(self.app.store.device), self.app.store), (scene,)
            if ending == ".png":
                made = renderer.render(scene)
                if made.error is not None or made.picture is None:
                    raise RenderError(made.error or "There is no picture to export.")
                scenefile.save_png(made.picture, scene, target)
            elif ending == ".csv":
                export.write_table(export.table(renderer, one, steps, scene.view.step), target)
            else:
                export.write_arrays(renderer, one, scene.view.step, target, part)
            return target

        self.write(work)

    def write(self, work: Callable[[], Path]) -> None:
        """Run `work` aside and say what came of it."""

        def done(path: Path) -> None:
            self.app.settings.browse_folder = str(path.parent)
            self.app.messages.say(f"Saved {path.name} in {path.parent}", "export")

        self.app.tasks.start(work, done, lambda why: self.app.messages.fail(why, "export"), keep=True)
