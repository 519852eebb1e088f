"""Undo and redo over scenes: one entry per gesture, and only what the gesture touched is taken back."""

from engine import parameters
from engine.scene import Scene

DEPTH = 500  # gestures kept; an entry is a handful of values

Change = dict[str, tuple[object, object]]  # path -> (before, after)


class History:
    """The present scene and the gestures that led to it.

    A gesture runs from `begin()` to `commit()` (a drag is one); `apply` is a whole gesture at once; `drift` moves
    the present without an entry, for what the clock changes. Undo sets only the touched paths back, so that a
    latent that walks meanwhile keeps walking.
    """

    def __init__(self, scene: Scene):
        self.present = scene
        self._undo: list[Change] = []
        self._redo: list[Change] = []
        self._start: Scene | None = None
        self._touched: set[str] = set()

    @property
    def can_undo(self) -> bool:
        return bool(self._undo) or bool(self._touched)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    @property
    def in_gesture(self) -> bool:
        return self._start is not None

    def begin(self) -> None:
        """Open a gesture; a second call inside one changes nothing."""
        if self._start is None:
            self._start, self._touched = self.present, set()

    def edit(self, scene: Scene) -> None:
        """A person's change: part of the open gesture, or a gesture of its own."""
        touched = parameters.diff(self.present, scene)
        alone = self._start is None
        self.begin()
        self._touched.update(touched)
        self.present = scene
        if alone:
            self.commit()

    def drift(self, scene: Scene) -> None:
        """The clock's change: no entry."""
        self.present = scene

    def commit(self) -> None:
        """Close the gesture; it becomes one entry if it changed anything."""
        start, self._start = self._start, None
        if start is None:
            return
        change = {
            p: (parameters.get(start, p), parameters.get(self.present, p)) for p in sorted(self._touched)
        }
        change = {p: pair for p, pair in change.items() if pair[0] != pair[1]}
        self._touched = set()
        if change:
            self._undo = [*self._undo[-(DEPTH - 1) :], change]
            self._redo.clear()

    def undo(self) -> bool:
        """Take the last gesture back; False if there is none."""
        self.commit()
        return self._move(self._undo, self._redo, 0)

    def redo(self) -> bool:
        """Repeat the gesture last taken back; False if there is none."""
        self.commit()
        return self._move(self._redo, self._undo, 1)

    def _move(self, source: list[Change], target: list[Change], side: int) -> bool:
        if not source:
            return False
        change = source.pop()
        for path, pair in change.items():
            self.present = parameters.set(self.present, path, pair[side])
        target.append(change)
        return True
