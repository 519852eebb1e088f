"""What a start has reached, and when: for `bench --start`."""

import time

_marks: list[tuple[str, float]] = []


def mark(what: str) -> None:
    """Note that the start has got so far; once for each name."""
    if all(what != name for name, _ in _marks):
        _marks.append((what, time.monotonic()))


def marks() -> list[tuple[str, float]]:
    """What was reached so far, with the seconds of the machine's monotonic clock."""
    return list(_marks)
