"""Work that must not hold a frame up: files are listed, read and written on threads of their own."""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from cuda_ops.background import Background
from engine.errors import StyleScopeError

log = logging.getLogger(__name__)


class Tasks:
    """Starts functions on daemon threads and hands results back on the thread that calls `poll`."""

    def __init__(self) -> None:
        self._done: queue.SimpleQueue[tuple[Callable, Any]] = queue.SimpleQueue()
        self._writing: set[threading.Thread] = set()
        self._pending = 0

    @property
    def busy(self) -> bool:
        """Whether a result is still to come."""
        return self._pending > 0

    def start(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
        keep: bool = False,
    ) -> None:
        """Run `work()` aside; later `poll` calls `done(result)` or `failed(sentence)`. `keep`: `close` waits for it."""
        thread = Background(self._run, work, done, failed, name="task")
        self._pending += 1
        if keep:
            self._writing = {t for t in self._writing if t.is_alive()} | {thread}
        thread.start()

    def poll(self) -> None:
        """Deliver what has finished."""
        while not self._done.empty():
            deliver, value = self._done.get()
            self._pending -= 1
            deliver(value)

    def close(self, seconds: float = 5.0) -> None:
        """Wait a little for files that are being written."""
        for thread in self._writing:
            thread.join(seconds)

    def _run(
        self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[str], None]
    ) -> None:
        try:
            self._done.put((done, work()))
        except (StyleScopeError, OSError) as error:
            self._done.put((failed, sentence(error)))
        except Exception as error:  # a mistake of ours: the window stays, the log has the traceback
            log.exception("a background task failed")
            self._done.put((failed, f"Internal error: {type(error).__name__}: {error}"))


def sentence(error: Exception) -> str:
    """An exception as words for a person; a file's trouble names the file, the reason and the way out."""
    if not isinstance(error, OSError) or isinstance(error, StyleScopeError):
        return str(error)
    where = error.filename2 or error.filename or "file"
    reason = error.strerror or type(error).__name__
    advice = {
        "PermissionError": "choose a folder that you may write to",
        "FileNotFoundError": "choose a folder that exists",
        "NotADirectoryError": "choose a folder that exists",
    }.get(type(error).__name__, "free some space or choose another folder")
    return f"{where}: {reason[0].lower()}{reason[1:]}; {advice}."
