"""Threads that are over before the interpreter is: torch aborts a process that is taken apart around its work."""

import atexit
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

LAST_WORDS = 15.0  # seconds that all of them together have to end in when the program leaves

_started: set["Background"] = set()


def _nothing() -> None:
    pass


class Background(threading.Thread):
    """A daemon thread whose end a leaving program awaits. `end` asks its work to come to one; it returns at once."""

    def __init__(self, work: Callable[..., object], *args: object, name: str, end: Callable[[], object] = _nothing):
        super().__init__(target=work, args=args, name=name, daemon=True)
        self.end = end

    def start(self) -> None:
        """Begin, as any thread does."""
        _started.difference_update([thread for thread in tuple(_started) if thread.over])
        _started.add(self)
        atexit.unregister(leave)
        atexit.register(leave)  # anew, so that it comes before what libraries have registered meanwhile
        super().start()

    @property
    def over(self) -> bool:
        """Whether it has come to its end, the interpreter's part of it included."""
        return self.ident is not None and not self.is_alive()


def leave(seconds: float = LAST_WORDS) -> bool:
    """Ask every thread to end, those too that others start meanwhile; whether they did so within `seconds`."""
    until, asked = time.monotonic() + seconds, set()
    while others := {t for t in tuple(_started) if not t.over} - {threading.current_thread()}:
        for thread in others - asked:
            thread.end()
        asked |= others
        next(iter(others)).join(max(0.0, min(until - time.monotonic(), 0.1)))
        if time.monotonic() > until:
            log.warning("left without the end of %s", ", ".join(sorted(thread.name for thread in others)))
            return False
    return True

