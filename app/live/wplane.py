"""The plane of W that the panel of that name shows, sampled aside once for each network and class."""

from typing import TYPE_CHECKING

from engine.inspect.wspace import Plane, sample_plane

if TYPE_CHECKING:
    from app.live.app import App

Key = tuple[str, str, int]  # path, network, class


class WPlane:
    """Hands out the plane of the network that plays, None until it has been sampled."""

    def __init__(self, app: "App"):
        self.app = app
        self.error = ""
        self._planes: dict[Key, Plane] = {}  # of the newest network and class
        self._asked: Key | None = None

    @property
    def plane(self) -> Plane | None:
        return self._planes.get(self._key)

    def sample(self) -> None:
        """Sample the plane unless that has been asked for already."""
        key = self._key
        if key == self._asked or not self.app.vectors.can_map:
            return
        self._asked, self.error = key, ""
        path, network, label = key

        def work() -> Plane:
            return sample_plane(self.app.store.get(path, network).generator, label)

        def done(plane: Plane) -> None:
            self._planes = {key: plane}

        self.app.tasks.start(work, done, self._fail)

    @property
    def _key(self) -> Key:
        scene = self.app.history.present
        return scene.model.path, scene.model.network, scene.label.index

    def _fail(self, why: str) -> None:
        self.error = why
