"""Alters good files of every format at random, and opens each: `python -m tests.engine.checkpoints.fuzz COUNT SEED`.

Prints a line of JSON: how many were opened and refused, the faults (there must be none), seconds, peak memory.
"""

import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.engine.checkpoints import makers, watched

NUMBERS = (b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xff" * 8)
INSTRUCTIONS = tuple(bytes([code]) for code in b"\x80\x81\x93\x95()]}.0RbhjqreusQt") + (b"cos\nsystem\n",)
INTERESTING = NUMBERS + INSTRUCTIONS
Mutation = Callable[[random.Random, bytearray], None]


def flip(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        data[_somewhere(rng, data)] ^= 1 << rng.randrange(8)


def overwrite(rng: random.Random, data: bytearray) -> None:
    at, value = _somewhere(rng, data), rng.choice(INTERESTING)
    data[at : at + len(value)] = value


def insert(rng: random.Random, data: bytearray) -> None:
    at = _somewhere(rng, data)
    data[at:at] = rng.choice(INTERESTING)


def delete(rng: random.Random, data: bytearray) -> None:
    at = _somewhere(rng, data)
    del data[at : at + rng.choice((1, 1, 2, 4, 8, 64))]


def truncate(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


def copy(rng: random.Random, data: bytearray) -> None:
    """Repeat a piece of the file somewhere else in it."""
    start, at = _somewhere(rng, data), _somewhere(rng, data)
    data[at:at] = data[start : start + rng.choice((1, 2, 8, 32, 256))]


def swap(rng: random.Random, data: bytearray) -> None:
    """Exchange two bytes that are often instructions."""
    a, b = _somewhere(rng, data), _somewhere(rng, data)
    data[a], data[b] = data[b], data[a]


MUTATIONS: tuple[Mutation, ...] = (flip, flip, overwrite, overwrite, insert, delete, truncate, copy, swap)


def _somewhere(rng: random.Random, data: bytearray) -> int:
    """A place in the file; half of the time near its ends, where headers and directories are."""
    if rng.random() < 0.5:
        return rng.randrange(len(data))
    near = min(len(data), 512)
    return rng.choice((rng.randrange(near), len(data) - 1 - rng.randrange(near)))


def run(count: int, seed: int) -> dict:
    """Open `count` altered files, the formats in turn."""
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    faults = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        good = {name: (path, path.read_bytes()) for name, path in makers.every(Path(folder)).items()}
        watched.warm_up()
        watched.install()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(count):
            name = list(good)[number % len(good)]
            path, original = good[name]
            data = bytearray(original)
            rng.choice(MUTATIONS)(rng, data)
            path.write_bytes(data)
            said = watched.open_watched(path)
            outcomes["refused" if said["error"] else "opened"] += 1
            causes[said["cause"]] += said["cause"] is not None
            fault = said["fault"] or sentence_fault(path, said["error"])
            if fault:
                faults.append(f"{name}, number {number}: {fault}")
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    seconds = round(time.perf_counter() - began, 1)
    return {
        "count": count,
        **outcomes,
        "faults": faults,
        "causes": causes,
        "seconds": seconds,
        "peak_bytes": peak,
    }


def sentence_fault(path: Path, error: str | None) -> str | None:
    """What is wrong with a message, if anything: it must name the file, what was expected, what was found."""
    if error is None or (
        error.startswith(f"{path.name}: expected ") and ", found " in error and "; " in error
    ):
        return None
    return f"a message that helps nobody: {error}"


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
