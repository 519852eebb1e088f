"""One thread that renders; the newest scene wins, and nobody waits for it."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from cuda_ops import cpu
from engine.frame import Frame
from engine.renderer import Renderer
from engine.scene import Scene

log = logging.getLogger(__name__)


class Worker:
    """Hands scenes to a renderer in a thread of its own. `submit` and `latest` return at once."""

    def __init__(self, renderer: Renderer):
        self.renderer = renderer
        self._scene: Scene | None = (
            None  # the one slot between both threads: a newer scene replaces an older one
        )
        self._budget_ms: float | None = None
        self._frame: Frame | None = None
        self._busy = self._closed = False
        self._questions: deque[Callable[[Renderer], None]] = deque()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="render", daemon=True)
        self._thread.start()

    def submit(self, scene: Scene, budget_ms: float | None = None) -> None:
        """Ask for a scene. One still waiting is dropped; one that is on screen already is not rendered again.

        With a budget, while something is dragged, a coarse picture that fits it comes first where the network can
        give one, and a frame still being rendered makes way. The whole picture follows once nothing newer waits.
        """
        with self._changed:
            self._scene, self._budget_ms = scene, budget_ms
            self._changed.notify_all()

    def ask(self, question: Callable[[Renderer], None]) -> None:
        """Have `question(renderer)` called in the thread that renders, between two frames. It must be quick."""
        with self._changed:
            self._questions.append(question)
            self._changed.notify_all()

    def latest(self) -> Frame | None:
        """The newest frame, or None before the first."""
        return self._frame

    @property
    def idle(self) -> bool:
        """Whether every submitted scene has been answered."""
        with self._changed:
            return self._scene is None and not self._busy

    def wait(self, timeout: float | None = None) -> Frame | None:
        """The newest frame once the worker is idle; for programs without a window."""
        with self._changed:
            self._changed.wait_for(lambda: (self._scene is None and not self._busy) or self._closed, timeout)
        return self._frame

    def close(self, timeout: float = 5.0) -> None:
        """Let the running frame end and stop; a frame that takes longer is left behind with its daemon thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout)

    def _run(self) -> None:
        with cpu.held():
            self._answer()
        while not self._closed:
            self._answer()

    def _answer(self) -> None:
        """Wait for a question or a scene, answer it and render it."""
        with self._changed:
            self._changed.wait_for(lambda: self._scene is not None or self._questions or self._closed)
            if self._closed:
                return
            questions, self._questions = self._questions, deque()
            scene, self._scene = self._scene, None
            budget_ms, self._busy = self._budget_ms, scene is not None
        for question in questions:
            question(self.renderer)
        if scene is None:
            return
        self._frame = self.renderer.render(scene, budget_ms, self._hurried)
        if self._frame.preview and self._scene is None:
            self._frame = self.renderer.render(scene, None, self._hurried)
        if self._scene is None:
            self._frame = self.renderer.refine(self._newer) or self._frame
        with self._changed:
            self._busy = False
            self._changed.notify_all()

    def _newer(self) -> bool:
        """Whether something else is to be done than to learn more of this frame."""
        return self._closed or self._scene is not None

    def _hurried(self) -> bool:
        """Whether a person is dragging something that this frame does not show yet."""
        return self._closed or (self._scene is not None and self._budget_ms is not None)
