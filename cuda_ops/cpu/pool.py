"""Threads for the compiled kernels, and memory that they reuse from call to call."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch

T = TypeVar("T")
CHUNKS = 4  # pieces of work for each thread, so that a late thread holds up little
SINGLE = 16  # tasks for each thread, up to which they go one by one

_lock = threading.Lock()
_executor: ThreadPoolExecutor | None = None
_own = threading.local()


def run(kernel: Callable[..., T], tasks: int, scratch: int, *args: float) -> list[T]:
    """kernel(first, last, scratch address, *args) over 0 .. tasks-1 on as many threads as torch is set to use.

    Returns what the calls returned, in no particular order.

    Each thread has `scratch` floats of its own, holding whatever an earlier call left there. The calling thread works
    too; torch's own threads are idle meanwhile.
    """
    threads = min(torch.get_num_threads(), tasks)
    if threads <= 1:
        return here(kernel, tasks, scratch, *args)
    pieces = tasks if tasks <= SINGLE * threads else CHUNKS * threads
    cuts = [tasks * i // pieces for i in range(pieces + 1)]
    numbers, results = itertools.count(), []

    def work() -> None:
        while (i := next(numbers)) < pieces:
            results.append(kernel(cuts[i], cuts[i + 1], address(scratch), *args))

    others = [_helpers(threads - 1).submit(work) for _ in range(threads - 1)]
    work()
    for other in others:
        other.result()
    return results


def here(kernel: Callable[..., T], tasks: int, scratch: int, *args: float) -> list[T]:
    """The same in the calling thread, for what is done sooner than another thread wakes up."""
    return [kernel(0, tasks, address(scratch) if scratch else 0, *args)]


def address(floats: int) -> int:
    """Address of this thread's scratch, at least that many floats, aligned to a cache line."""
    memory: np.ndarray | None = getattr(_own, "memory", None)
    if memory is None or memory.size < floats + 16:
        _own.memory = memory = np.empty(floats + 16, np.float32)
    return -(-memory.ctypes.data // 64) * 64


def _helpers(count: int) -> ThreadPoolExecutor:
    global _executor
    with _lock:
        if _executor is None or _executor._max_workers < count:
            _executor = ThreadPoolExecutor(count, thread_name_prefix="kernel")
        return _executor
