"""Threads that are over before the interpreter is: torch aborts a process that is taken apart around its work."""

import atexit
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

LAST_WORDS = 15.0  # seconds that all of them together have to end in when the program leaves

_running: set["Background"] = set()


def _nothing() -> None:
    pass


class Background(threading.Thread):
    """A daemon thread whose end a leaving program awaits. `end` asks its work to come to one; it returns at once."""

    def __init__(self, work: Callable[..., object], *args: object, name: str, end: Callable[[], object] = _nothing):
        super().__init__(target=work, args=args, name=name, daemon=True)
        self.end = end

    def start(self) -> None:
        """Begin, as any thread does."""
        _running.add(self)
        atexit.unregister(leave)
        atexit.register(leave)  # anew, so that it comes before what libraries have registered meanwhile
        super().start()

    def run(self) -> None:
        """Do the work; who has done it need not be waited for."""
        try:
            super().run()
        finally:
            _running.discard(self)


def leave(seconds: float = LAST_WORDS) -> None:
    """Ask every thread to end, those too that others start meanwhile, and wait for them as long as it may take."""
    until, asked = time.monotonic() + seconds, set()
    while others := _running - {threading.current_thread()}:
        for thread in others - asked:
            thread.end()
        asked |= others
        next(iter(others)).join(max(0.0, min(until - time.monotonic(), 0.1)))
        if time.monotonic() > until:
            log.warning("left without the end of %s", ", ".join(sorted(thread.name for thread in others)))
            return

