"""Who trains in a run folder: a lock that the system lifts when its process ends, however it ends."""

import errno
import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engine.training.settings import TrainingError

NAME = "owner.lock"
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what systems say of a lock that another process has
BEYOND = 1 << 30  # the byte that Windows locks: nobody may read what is locked, and the text comes before it


@dataclass(frozen=True)
class Ownership:
    """The lock while it is held. `note` is a sentence where the file system has no locks, else empty."""

    file: IO[bytes]
    note: str = ""

    def release(self) -> None:
        """Let others train here; the end of the process does the same."""
        self.file.close()


def own(folder: Path) -> Ownership:
    """Be the one process that trains in `folder`, which exists, and write there who that is.

    Raises TrainingError naming the process that is, and OSError where no file can be written.
    """
    file = open(folder / NAME, "a+b", buffering=0)  # noqa: SIM115  (it stays open as long as the lock is held)
    try:
        lock(file.fileno())
    except OSError as error:
        if error.errno not in HELD:
            note = f"{folder}: its file system has no locks ({error.strerror}); see that no other process trains here."
            return Ownership(file, note)
        holder = who(file)
        file.close()
        raise TrainingError(
            f"{folder}: {holder} trains here; stop that first (it saves when asked to), or choose another run."
        ) from error
    file.truncate(0)
    mine = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    file.write(json.dumps(mine).encode() + b"\n")
    return Ownership(file)


def lock(handle: int) -> None:
    """Lock an open file for this process; OSError at once when another has it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, BEYOND, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def who(file: IO[bytes]) -> str:
    """What the process that holds the lock wrote of itself."""
    file.seek(0)
    try:
        found = json.loads(file.read(1000))
        return f"process {found['process']} on {found['host']}, since {found['since']},"
    except (ValueError, KeyError, TypeError):
        return "another process"  # which is just about to write it
