"""Opening a checkpoint, a run, a scene, or a picture with a scene inside; what plays goes on playing meanwhile."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.live.messages import Message
from engine import scenefile
from engine.models import file_of
from engine.scene import Scene

if TYPE_CHECKING:
    from app.live.app import App

SCENES = (".json", ".png")
CHECKPOINTS = (".pkl", ".pt", ".pth", ".safetensors", ".ckpt")
OPENED = (*CHECKPOINTS, *SCENES)


class Opener:
    """At most one file is being opened; a newer wish replaces it."""

    def __init__(self, app: "App"):
        self.app = app
        self.loading: Any = None  # engine.models.Loading
        self.error = ""
        self._then: Scene | None = None  # the scene that waits for its network
        self._scene_file = ""

    def open(self, path: str) -> None:
        """Open a file by its ending; the outcome is shown when it is known."""
        self.error = ""
        self.app.messages.clear("open")
        path = str(Path(path).expanduser())
        if Path(path).suffix.lower() in SCENES:
            self.app.tasks.start(
                lambda: scenefile.load(path),
                lambda scene: self.open_scene(scene, path),
                lambda why: self._fail(path, why),
            )
        elif Path(path).is_dir():
            self.app.follower.follow(path)
        else:
            self.open_model(path)

    def open_dropped(self, paths: Sequence[str]) -> None:
        """Open the first of several dropped files that looks usable; the others are named."""
        usable = [p for p in paths if Path(p).suffix.lower() in OPENED] or list(paths)
        if usable:
            self.open(usable[0])
        if len(paths) > 1:
            self.app.messages.say(
                f"Opening {Path(usable[0]).name}; one file at a time, {len(paths) - 1} left out.", "drop"
            )

    def open_model(
        self, path: str, network: str = "G_ema", then: Scene | None = None, scene_file: str = ""
    ) -> None:
        """Load a network in the background; afterwards the present scene, or `then`, plays on it."""
        self.cancel()
        self._then, self._scene_file = then, scene_file
        self.loading = self.app.store.start(path, network)

    def open_network(self, network: str) -> None:
        """Another network of the file that plays."""
        self.open_model(self.app.history.present.model.path, network)

    def open_scene(self, scene: Scene, path: str = "") -> None:
        """Play a scene, after its network has been loaded if that is another one."""
        if scene.model == self.app.history.present.model:
            self._play(scene, path)
        else:
            self.open_model(scene.model.path, scene.model.network, scene, path)

    def cancel(self) -> None:
        """Stop a load that is under way."""
        if self.loading is not None:
            self.loading.cancel()
        self.loading = None

    def poll(self) -> None:
        """Take up a load that has ended; called once a frame."""
        loading = self.loading
        if loading is None or not loading.done:
            return
        self.loading = None
        if loading.error:
            self._fail(loading.path, loading.error)
            return
        present = self._then or self.app.history.present
        model = msgspec.structs.replace(present.model, path=loading.path, network=loading.network)
        scene = msgspec.structs.replace(present, model=model)
        self._play(scene, self._scene_file)
        if loading.path:
            self.app.session.remember(str(file_of(loading.path)))

    def message(self) -> Message | None:
        """Progress, while something is being opened."""
        if self.loading is None:
            return None
        name = Path(self.loading.path).name or "the bundled network"
        words = f"Opening {name}: {self.loading.what} {self.loading.progress:.0%}"
        return Message(
            words, buttons=[("Cancel", "file.cancel")], progress=self.loading.progress, closes=False
        )

    def _play(self, scene: Scene, scene_file: str) -> None:
        self.error = ""
        self.app.messages.clear("open")
        self.app.edit(scene)
        if scene_file:
            self.app.scene_path = scene_file if Path(scene_file).suffix.lower() == ".json" else ""
            self.app.saved_scene = scene
            self.app.session.remember(scene_file)

    def _fail(self, path: str, why: str) -> None:
        self.error = why
        self.app.messages.fail(why, "open", [("Open another", "file.open")])
        self.app.session.forget(str(Path(path).absolute()))
