"""One thread that renders; the newest scene wins, and nobody waits for it.

On a GPU a frame is queued before it is there. The thread goes on at once, but never further than one frame ahead, and
others see a frame only when its picture can be shown.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from cuda_ops import cpu
from cuda_ops.background import Background
from engine.frame import Frame
from engine.renderer import Renderer
from engine.scene import Scene

log = logging.getLogger(__name__)

POLL_SECONDS = 0.002  # between two looks at how far the GPU has got, when there is nothing else to do


class Worker:
    """Hands scenes to a renderer in a thread of its own. `submit` and `latest` return at once."""

    def __init__(self, renderer: Renderer):
        self.renderer = renderer
        self._scene: Scene | None = (
            None  # the one slot between both threads: a newer scene replaces an older one
        )
        self._budget_ms: float | None = None
        self._frame: Frame | None = None  # the newest that can be shown
        self._coming: deque[Frame] = deque()  # newer ones, oldest first
        self._busy = self._closed = self._lost = False
        self._questions: deque[Callable[[Renderer], None]] = deque()
        self._changed = threading.Condition()
        self._thread = Background(self._run, name="render", end=self.stop)
        self._thread.start()

    def submit(self, scene: Scene, budget_ms: float | None = None) -> None:
        """Ask for a scene. One still waiting is dropped; one that is on screen already is not rendered again.

        With a budget, while something is dragged, a coarse picture that fits it comes first where the network can
        give one, and a whole picture still being rendered makes way. The whole one follows once nothing newer waits.
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
        """The newest frame whose picture is there, or None before the first."""
        with self._changed:
            while self._coming and self._is_there(self._coming[0]):
                self._frame = self._coming.popleft()
            return self._frame

    @property
    def idle(self) -> bool:
        """Whether every submitted scene has been answered."""
        self.latest()
        with self._changed:
            return self._scene is None and not self._busy and not self._coming

    def wait(self, timeout: float | None = None) -> Frame | None:
        """The newest frame once the worker is idle; for programs without a window."""
        with self._changed:
            self._changed.wait_for(lambda: (self._scene is None and not self._busy) or self._closed, timeout)
            for frame in self._coming:
                self._end(frame)
        return self.latest()

    def close(self, timeout: float = 5.0) -> None:
        """Let the running frame end and stop; a frame that takes longer is left behind with its daemon thread."""
        self.stop()
        self._thread.join(timeout)

    def stop(self) -> None:
        """Make the running frame the last one; returns at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

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
        giving_way = self._hurried if budget_ms is None else None  # or a drag would never see a preview
        frame = self._publish(self.renderer.render(scene, budget_ms, giving_way))
        if frame.preview and self._scene is None:
            frame = self._publish(self.renderer.render(scene, None, self._hurried))
        if self._through(frame) and (more := self.renderer.refine(self._newer)):
            self._publish(more)
        with self._changed:
            self._busy = False
            self._changed.notify_all()

    def _publish(self, frame: Frame) -> Frame:
        """Hand out a frame, and let the one before it end, so that the GPU's queue does not grow."""
        with self._changed:
            before = self._coming[-1] if self._coming else None
            self._coming.append(frame)
        if before is not None:
            self._end(before)
        return frame

    def _through(self, frame: Frame) -> bool:
        """Wait for the GPU as long as nothing newer comes; whether the frame is there and nothing newer is."""
        with self._changed:
            while not self._newer() and not self._is_there(frame):
                self._changed.wait(POLL_SECONDS)
            return not self._newer() and not self._lost

    def _is_there(self, frame: Frame) -> bool:
        try:
            return frame.image is None or frame.image.ready()
        except RuntimeError as error:
            return self._failed(frame, error)

    def _end(self, frame: Frame) -> None:
        try:
            if frame.image is not None:
                frame.image.wait()
        except RuntimeError as error:
            self._failed(frame, error)

    def _failed(self, frame: Frame, error: RuntimeError) -> bool:
        """The GPU failed behind a frame that was queued: it is handed out as an error beside the last good picture."""
        good = self._frame
        why = frame.error or f"The GPU failed: {error}. Start StyleScope anew; `main.py doctor --gpu` may know more."
        lost = replace(frame, error=why, image=good.image if good else None, model=good.model if good else None)
        with self._changed:
            self._coming = deque(lost if f is frame else f for f in self._coming)
        if not self._lost:
            log.error("the GPU failed: %s", error)
        self._lost = True  # for good: CUDA's contexts do not recover
        return True

    def _newer(self) -> bool:
        """Whether something else is to be done than to learn more of this frame."""
        return self._closed or self._scene is not None

    def _hurried(self) -> bool:
        """Whether a person is dragging something that this frame does not show yet."""
        return self._closed or (self._scene is not None and self._budget_ms is not None)
