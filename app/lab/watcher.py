"""A thread that looks at run folders, so that a slow disk never holds up the window."""

import threading
from collections.abc import Iterable
from pathlib import Path

from cuda_ops.background import Background
from engine.training.watching import Glimpse, Watched, runs_in

EVERY = 0.5  # seconds between two looks


class Watcher:
    """`watch` says which runs; `glimpses` is what was seen of them last. Both return at once."""

    def __init__(self, every: float = EVERY):
        self.every = every
        self._paths: tuple[Path, ...] = ()
        self._seen: dict[Path, Glimpse] = {}
        self.beside: tuple[Path, ...] = ()  # all runs in the folder of the first one
        self._closed = False
        self._changed = threading.Condition()
        self._thread = Background(self._run, name="watch runs", end=self.stop)
        self._thread.start()

    def watch(self, paths: Iterable[Path]) -> None:
        """Look at these runs from now on, in this order, and at no others."""
        with self._changed:
            self._paths = tuple(paths)
            self._changed.notify_all()

    def glimpses(self) -> list[Glimpse]:
        """The newest of each run; one that nobody has looked at yet is empty."""
        return [self._seen.get(path) or Glimpse(path, complete=False) for path in self._paths]

    def close(self) -> None:
        self.stop()
        self._thread.join(5)

    def stop(self) -> None:
        """Make the present look the last one; returns at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        watched: dict[Path, Watched] = {}
        while not self._closed:
            paths = self._paths
            watched = {path: watched.get(path) or Watched(path) for path in paths}
            seen = {path: one.look() for path, one in watched.items()}
            self._seen, self.beside = seen, runs_in(paths[0].parent) if paths else ()
            with self._changed:
                if all(one.complete for one in seen.values()):
                    self._changed.wait_for(lambda now=paths: self._closed or self._paths != now, self.every)
