"""Memory that two processes share and that nobody has to clean up: it has no name, and ends with the last who holds it.

On Unix it is a file without a name whose descriptor goes over the socket; on Windows a mapping that lives as long as
someone has it open.
"""

import mmap
import os
import secrets
import sys
import tempfile

import numpy as np

NAMED = sys.platform == "win32"
if not NAMED:
    import fcntl


class Shared:
    """Bytes shared with another process; `fd` and `tag` are what it needs to see them too."""

    def __init__(self, size: int, fd: int | None = None, tag: str = ""):
        """New memory, or with a descriptor (which it then owns) or a tag that of the other side."""
        self.size, self.fd, self.tag = size, fd, tag
        if NAMED:
            self.tag = tag or f"stylescope-lab-{secrets.token_hex(16)}"
            self._map = mmap.mmap(-1, size, tagname=self.tag)  # pyright: ignore[reportCallIssue]
        else:
            self.fd = _nameless(size) if fd is None else fd
            if os.fstat(self.fd).st_size < size:
                raise ValueError(f"The shared memory: expected {size} bytes, found {os.fstat(self.fd).st_size}.")
            self._map = mmap.mmap(self.fd, size)

    def array(self, shape: tuple[int, ...]) -> np.ndarray:
        """The memory as float32 of this shape, from its start; ValueError where it is too small."""
        return np.frombuffer(self._map, np.float32, int(np.prod(shape))).reshape(shape)

    def close(self) -> None:
        """Let go; arrays of it that are still around keep the memory until they go, too."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        del self._map


def _nameless(size: int) -> int:
    """Descriptor of a file in memory that no folder lists."""
    if sys.platform == "linux":
        fd = os.memfd_create("stylescope-lab", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return fd  # which nobody can cut short under the one who writes
    fd, path = tempfile.mkstemp(prefix="stylescope-lab-")
    os.unlink(path)
    os.ftruncate(fd, size)
    return fd
