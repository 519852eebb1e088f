"""Writing files so that nobody ever sees half of one."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ASIDE = re.compile(r"\..+(\.\w+)\.[a-z0-9_]{8}\1")  # what `aside` calls its files


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` to write to; renamed over it on success, removed on failure.

    Raises OSError as the file system does: no permission, no space.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # a rename may reach the disk before the data does
        temporary.chmod(0o666 & ~_umask())  # a temporary file is private, what it becomes is not
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def leftovers(folder: Path) -> list[Path]:
    """Files that `aside` left in a folder because its process was killed."""
    return [entry for entry in folder.iterdir() if _ASIDE.fullmatch(entry.name)] if folder.is_dir() else []


def why(error: BaseException) -> str:
    """What the disk said, behind whatever a library made of it."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__ or cause.__context__
    words = cause.strerror if isinstance(cause, OSError) else ""
    return words or (str(error).splitlines() or [type(error).__name__])[0]


def write(path: Path, data: bytes) -> None:
    """Write bytes to `path`, complete or not at all."""
    with aside(path) as temporary:
        temporary.write_bytes(data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
