"""Getting the compiled kernels ready in the background: cache, compilation, self-check, and what to tell people."""

import importlib.util
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cuda_ops.background import Background
from cuda_ops.cpu import build, kernelcache

log = logging.getLogger(__name__)

HEAD_START = 0.5  # seconds that a first picture may have the interpreter to itself


@dataclass(frozen=True)
class State:
    """`stage` is idle, missing, compiling, ready or failed; `why` a sentence; `done` of `total` kernels."""

    stage: str
    why: str
    done: int = 0
    total: int = 0


_state = State("idle", "The compiled kernels are loaded when the first picture is computed.")
_thread: threading.Thread | None = None
_lock = threading.Lock()
_free = threading.Event()
_free.set()
_leaving = threading.Event()


def state() -> State:
    return _state


def ready() -> bool:
    """Whether the compiled kernels serve; the first call sets out to get them, in the background."""
    if _state.stage == "idle":
        start()
    return _state.stage == "ready"


def start() -> None:
    """Begin, unless that has been done."""
    global _thread
    with _lock:
        if _thread is None:
            _thread = Background(_run, name="compile", end=_leave)
            _thread.start()


@contextmanager
def held() -> Iterator[None]:
    """Within `with`, compilation that sets out waits a little: a first picture comes sooner without it."""
    _free.clear()
    try:
        yield
    finally:
        _free.set()


def wait(timeout: float | None = None) -> State:
    """Get the kernels ready and return when that has come to an end, for tests and measurements."""
    start()
    assert _thread is not None
    if _thread is not threading.current_thread():  # whose own check may ask: it has not come to an end
        _thread.join(timeout)
    return _state


class _Leaves(Exception):
    """The program ends, and with it the wish for kernels."""


def _leave() -> None:
    """Have the thread end before its work is done."""
    _leaving.set()
    build.stop()


def _run() -> None:
    _free.wait(HEAD_START)
    began = time.perf_counter()
    try:
        _load()
    except (
        Exception
    ) as error:  # whatever goes wrong here costs speed alone: the torch path serves, and says why
        if _leaving.is_set():
            log.info("left after %.1f s, before the kernels were ready", time.perf_counter() - began)
            return
        log.exception("compiled kernels")
        _tell(
            "failed",
            f"The compiled kernels failed ({type(error).__name__}: {error}); torch computes instead.",
        )
    else:
        log.info("%s after %.1f s", _state.stage, time.perf_counter() - began)


def _load() -> None:
    if importlib.util.find_spec("numba") is None:
        _tell("missing", "Numba is not installed; torch computes instead, several times slower.")
        return
    _tell("compiling", "Loading the compiler.")
    folder = kernelcache.writable(kernelcache.folder())
    mark = kernelcache.mark(folder)
    if not mark.exists() and build.elsewhere(folder, kernelcache.MODULES, _progress):
        mark.touch()
    _stay()
    jobs = build.kernels(folder, kernelcache.MODULES)
    for name, done, total in build.compiled(jobs):
        _progress(name, done, total)
    kernelcache.prune(folder)
    from cuda_ops.cpu.selfcheck import complaint

    wrong = complaint(_stay)
    if wrong:
        _tell("failed", f"The compiled kernels are off: {wrong}; torch computes instead.")
    else:
        _tell("ready", "Compiled kernels for this processor.", len(jobs), len(jobs))


def _stay() -> None:
    """Go on only while the program does."""
    if _leaving.is_set():
        raise _Leaves


def _progress(kernel: str, done: int, total: int) -> None:
    _stay()
    _tell("compiling", f"Compiling the kernels for this processor: {kernel}.", done, total)


def _tell(stage: str, why: str, done: int = 0, total: int = 0) -> None:
    global _state
    _state = State(stage, why, done, total)
