"""Following a training run: its newest snapshot plays, and a newer one takes over once it has been loaded aside."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.live.tasks import sentence
from engine.checkpoints.folder import Snapshot, snapshots
from engine.training.watching import is_run

if TYPE_CHECKING:
    from app.live.app import App

LOOK_SECONDS = 1.0  # between two looks into the folder


class Follower:
    """At most one run is followed. Whatever else is opened, or undone, ends that."""

    def __init__(self, app: "App"):
        self.app = app
        self.run: Path | None = None
        self.playing: Snapshot | None = None  # None while the first one is awaited or opened
        self._broken: tuple[Snapshot, str] | None = None  # the newest that could not be opened, and why
        self._unseen = ""  # why the folder cannot be listed
        self._opening: Snapshot | None = None  # the first one, which the opener shows
        self._loading: tuple[Any, Snapshot] | None = None  # a later one: engine.models.Loading, and of what
        self._failed: set[Snapshot] = set()
        self._before = ""  # the snapshot played before, let go of with the next change
        self._wait, self._looking = 0.0, False
        self._home: tuple[str, str] = ("", "")  # a network's path and the run folder it lies in

    @property
    def words(self) -> str:
        """Which snapshot plays, as the window says it; empty when nothing is followed."""
        if self.run is None:
            return ""
        return f"{self.run.name} at {self.playing.words}" if self.playing else f"{self.run.name}: no snapshot yet"

    @property
    def trouble(self) -> str:
        """Why the newest snapshot does not play, or nothing."""
        if self._broken is None:
            return self._unseen
        snapshot, why = self._broken
        rest = f"; {self.playing.words} plays on" if self.playing else ""
        return f"{snapshot.words} cannot be opened{rest}. {why}"

    @property
    def home(self) -> str:
        """The run folder that the present network is a snapshot of, or nothing."""
        path = self.app.history.present.model.path
        if path != self._home[0]:
            folder = Path(path).parent
            self._home = (path, str(folder) if path and is_run(folder) else "")
        return self._home[1]

    def follow(self, folder: str) -> None:
        """Play the newest snapshot of a run from now on; one that has none yet is waited for."""
        self.stop()
        run = Path(folder).absolute()
        try:
            found = snapshots(run)
        except OSError as error:
            self.app.messages.fail(sentence(error), "open", [("Open another", "file.open")])
            return
        if not found and not is_run(run):
            words = f"{run.name}: expected a run folder with snapshots inside, found a folder without"
            self.app.messages.fail(f"{words}; open the folder that training named --out.", "open")
            return
        self.run = run
        self._take(found)

    def stop(self) -> None:
        """Keep what plays; newer snapshots no longer replace it."""
        if self._loading:
            self._loading[0].cancel()
        self.run = self.playing = self._opening = self._loading = None
        self._broken, self._unseen, self._before = None, "", ""
        self._failed.clear()

    def tick(self, dt: float) -> None:
        """Once a frame, before it is drawn: look for a newer snapshot now and then, take up what was loaded."""
        if self.run is None:
            return
        if self._opening:
            self._opened(self._opening)
        elif self.app.opener.loading is not None:
            return  # what that ends in decides
        elif self.playing and self.app.history.present.model.path != str(self.playing.path):
            self.stop()
        else:
            self._loaded()
            self._look(dt)

    # --- parts --------------------------------------------------------------------------------------------------

    def _look(self, dt: float) -> None:
        """List the folder aside, once a second."""
        self._wait += dt
        if self._looking or self._loading or self._opening or self._wait < LOOK_SECONDS or self.run is None:
            return
        self._wait, self._looking, run = 0.0, True, self.run

        def done(found: list[Snapshot]) -> None:
            self._looking = False
            if run == self.run:
                self._unseen = ""
                self._take(found)

        def failed(why: str) -> None:
            self._looking = False
            if run == self.run:
                self._unseen = why

        self.app.tasks.start(lambda: snapshots(run), done, failed)

    def _take(self, found: list[Snapshot]) -> None:
        """Load the newest of the snapshots that can be opened, unless it plays already."""
        best = next((one for one in found if one not in self._failed), None)
        if best is None or best == self.playing or self._loading or self._opening:
            return
        if self.playing is None:
            self._opening, self.app.opener.error = best, ""
            self.app.opener.open_model(str(best.path))
        elif best.number >= self.playing.number:
            network = self.app.history.present.model.network
            self._loading = (self.app.store.start(str(best.path), network, warm=True), best)

    def _opened(self, snapshot: Snapshot) -> None:
        """What became of the first snapshot, which is opened like any file."""
        opener = self.app.opener
        if opener.loading is not None:
            if opener.loading.path != str(snapshot.path):
                self.stop()  # something else was opened meanwhile
            return
        self._opening = None
        if self.app.history.present.model.path == str(snapshot.path):
            self.playing = snapshot
            self.app.session.forget(str(snapshot.path))  # the run is what was opened
            self.app.session.remember(str(self.run))
        elif opener.error:
            self._fail(snapshot, opener.error)
        else:
            self.stop()  # cancelled

    def _loaded(self) -> None:
        """Let a newer snapshot play once it is there; everything else of the scene stays."""
        if self._loading is None or not self._loading[0].done:
            return
        (loading, snapshot), self._loading = self._loading, None
        if loading.error:
            self._fail(snapshot, loading.error)
            return
        present = self.app.history.present
        model = msgspec.structs.replace(present.model, path=str(snapshot.path))
        self.app.history.drift(msgspec.structs.replace(present, model=model))
        if self._before:
            self.app.store.forget(self._before)
        self._before, self.playing = present.model.path, snapshot
        self._broken = None
        self._failed = {one for one in self._failed if one.number > snapshot.number}

    def _fail(self, snapshot: Snapshot, why: str) -> None:
        """Say that a snapshot is broken, and not try it again as it is; one that is gone needs no words."""
        self._failed.add(snapshot)
        self._wait = LOOK_SECONDS
        if snapshot.path.exists():
            self._broken = (snapshot, why)
