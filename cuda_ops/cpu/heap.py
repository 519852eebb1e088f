"""glibc's allocator, told to keep what is freed: training frees and takes the same large tensors in every step."""

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # names of mallopt(3) in malloc.h
KEPT = 2**31 - 1  # bytes at the end of the heap that are not given back; a C int holds no more
GROWTH = 64 << 20  # bytes by which the heap grows at a time


def keep_freed_memory() -> bool:
    """From now on this process reuses freed memory instead of returning it, and so is spared clearing fresh pages.

    For programs whose memory does not shrink until they end. Returns whether there is a glibc to tell.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    return all(mallopt(name, value) for name, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, KEPT), (TOP_PAD, GROWTH)))
