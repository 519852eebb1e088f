"""What one file may cost (memory, steps) and how its reader reports progress and hears "stop"."""

from collections.abc import Callable

from engine.errors import Cancelled, CheckpointError

MEMORY_FLOOR = 64 << 20  # bytes that any file may use, however small
MEMORY_FACTOR = 4  # and this many times its own size on top
STEPS = 2_000_000  # a published network has about 30,000
ODD_KEYS = 5_000  # dictionary keys that are numbers: their hashes can be made to collide


def refusal(expected: str, found: str, advice: str) -> CheckpointError:
    """The error for a file that is not what it should be; `open_checkpoint` puts the file's name in front."""
    return CheckpointError(f"expected {expected}, found {found}; {advice}")


def damaged(found: str) -> CheckpointError:
    """The error for a file of a known kind whose inside does not fit together."""
    return refusal("a whole file", found, "it was cut short or altered, so download or copy it again")


class Budget:
    """Counts memory and steps down; a file that asks for more than its size justifies is refused."""

    def __init__(self, file_size: int):
        self.memory = MEMORY_FLOOR + MEMORY_FACTOR * file_size
        self.steps = STEPS
        self.odd_keys = ODD_KEYS

    def take(self, count: int) -> None:
        """Reserve `count` bytes."""
        self.memory -= count
        if self.memory < 0:
            raise refusal(
                "memory in proportion to the file",
                "a request for far more",
                "it is damaged or made to exhaust memory, so do not use it",
            )

    def take_odd_key(self) -> None:
        self.odd_keys -= 1
        if self.odd_keys < 0:
            raise refusal(f"at most {ODD_KEYS} numbered entries", "more", "this is no network file")

    def take_steps(self, count: int) -> None:
        self.steps -= count
        if self.steps < 0:
            raise refusal(
                f"at most {STEPS} reading steps",
                "more",
                "it is damaged or made to hang its reader, so do not use it",
            )


class Watch:
    """Reports how much of a file was read and raises `Cancelled` when nobody wants it any more."""

    def __init__(
        self,
        progress: Callable[[float, str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ):
        self.total = 1
        self._progress = progress
        self._cancelled = cancelled
        self._done = 0

    def check(self) -> None:
        if self._cancelled is not None and self._cancelled():
            raise Cancelled("opening was cancelled")

    def finish(self) -> None:
        """Everything was read."""
        self.advance(self.total, "ready")

    def begin(self, total: int) -> None:
        """Expect `total` bytes from here on."""
        self.total, self._done = max(total, 1), 0

    def advance(self, count: int, what: str) -> None:
        """Note that `count` more bytes were read while doing `what`."""
        self.check()
        self._done += count
        if self._progress is not None:
            self._progress(min(self._done / max(self.total, 1), 1.0), what)
