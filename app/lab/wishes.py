"""What a person asked for by button or mouse, kept for the next frame: Dear PyGui calls back from another thread."""

from collections import deque
from collections.abc import Callable
from typing import Any


class Wishes:
    """`wishes.later(act)` is a callback for a widget; `grant()` runs, on the thread that draws, what was asked for."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], Any]] = deque()

    def later(self, act: Callable[[], Any]) -> Callable[..., None]:
        return lambda *_: self._waiting.append(act)

    def grant(self) -> None:
        while self._waiting:
            self._waiting.popleft()()
