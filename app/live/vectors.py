"""Stored latent vectors: read and written aside from the window, and the w that a seed is mapped to."""

from pathlib import Path
from typing import TYPE_CHECKING

from app.live.panels.vectorfile import read_vector, write_vector
from engine.latents import Latents, Row, base_blend
from engine.scene import Scene

if TYPE_CHECKING:
    from app.live.app import App


class Vectors:
    """What the panel Latent asks of files and of the network."""

    def __init__(self, app: "App"):
        self.app = app
        self.error = ""

    def open(self, path: str) -> None:
        """Take a `.npy` file's vector, of the space that is chosen, into the scene."""
        model, space = self.app.ui.model, self.app.history.present.latent.space
        if model is None:
            return
        self.error = ""
        self.app.settings.browse_folder = str(Path(path).parent)
        size = model.z_dim if space == "z" else model.w_dim

        def done(vector: tuple[float, ...]) -> None:
            scene = self.app.history.present.set("latent.mode", "vector").set("latent.space", space)
            self.app.edit(scene.set("latent.vector", vector))

        self.app.tasks.start(lambda: read_vector(path, size), done, self._fail)

    def save(self, path: str) -> None:
        """Write the stored vector."""
        self.error = ""
        self.app.settings.browse_folder = str(Path(path).parent)
        vector = self.app.history.present.latent.vector

        def done(saved: Path) -> None:
            self.app.messages.say(f"Saved {saved.name}", "vector")

        self.app.tasks.start(lambda: write_vector(path, vector), done, self._fail, keep=True)

    def base_w(self, scene: Scene) -> tuple[float, ...]:
        """The w [w_dim] of a scene's base latent, before truncation and mixing."""
        generator = self.app.store.get(scene.model.path, scene.model.network).generator
        device = next(generator.parameters()).device
        ws = Latents(generator, device).ws((Row(base_blend(scene)),))  # [1, 1, w_dim]
        return tuple(ws[0, 0].tolist())

    @property
    def can_map(self) -> bool:
        """Whether the scene's network is in memory, so that `base_w` answers at once."""
        model, wanted = self.app.ui.model, self.app.history.present.model
        return model is not None and (model.path, model.network) == (wanted.path, wanted.network)

    def _fail(self, why: str) -> None:
        self.error = why
