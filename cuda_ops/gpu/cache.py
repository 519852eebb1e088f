"""Compiled kernels on disk, named after everything that goes into them."""

import hashlib
import logging
import os
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

VARIABLE = "STYLESCOPE_KERNEL_CACHE"  # another folder for compiled kernels


def folder() -> Path:
    """The user's cache folder for GPU kernels and verdicts; it need not exist."""
    chosen = os.environ.get(VARIABLE)
    if chosen is None:
        import platformdirs

        chosen = platformdirs.user_cache_dir("stylescope", appauthor=False)
    return Path(chosen) / "gpu"


def key(*parts: object) -> str:
    """Name for a file that depends on `parts` and on nothing else."""
    digest = hashlib.sha256()
    for part in parts:
        text = str(part).encode()
        digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()[:32]


def read(name: str) -> bytes | None:
    """What was written under this name, or None. A file that was cut short counts as absent."""
    try:
        data = (folder() / name).read_bytes()
    except OSError:
        return None
    body, digest = data[32:], data[:32]
    return body if hashlib.sha256(body).digest() == digest else None


def write(name: str, body: bytes) -> None:
    """Keep `body`, whole or not at all. A folder that cannot be written costs a compilation at each start."""
    target = folder() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            file.write(hashlib.sha256(body).digest() + body)
        os.replace(file.name, target)
    except OSError as error:
        log.warning("%s cannot be written (%s): kernels are compiled at each start", target.parent, error)
