"""Getting the compiled kernels ready in the background: cache, compilation, self-check, and what to tell people."""

import hashlib
import importlib
import importlib.util
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

MODULES = ("winograd", "upconv", "pointwise", "pixels", "matvec", "flrelu")
SHARED = ("simd", "gemm", "epilogue", "winograd4", "winograd6")  # what the kernels are made of
CACHE_VARIABLE = "STYLESCOPE_KERNEL_CACHE"  # folder for compiled kernels; by default the user's cache folder
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
            _thread = threading.Thread(target=_run, name="compile", daemon=True)
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
    _thread.join(timeout)
    return _state


def cache_folder() -> Path:
    """Where compiled kernels are kept: named after their sources, so that no kernel outlives a change of them."""
    import numba

    room = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for name in SHARED + MODULES:
        digest.update((room / f"{name}.py").read_bytes())
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen is None:
        import platformdirs

        chosen = platformdirs.user_cache_dir("stylescope", appauthor=False)
    return Path(chosen) / "kernels" / digest.hexdigest()[:16]


def _run() -> None:
    _free.wait(HEAD_START)
    began = time.perf_counter()
    try:
        _load()
    except (
        Exception
    ) as error:  # whatever goes wrong here costs speed alone: the torch path serves, and says why
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
    jobs = [job for module in _modules() for job in module.SIGNATURES.items()]
    for i, (kernel, signature) in enumerate(jobs):
        _tell("compiling", f"Compiling the kernels for this processor: {kernel.__name__}.", i, len(jobs))
        kernel.compile(signature)
    from cuda_ops.cpu.selfcheck import complaint

    wrong = complaint()
    if wrong:
        _tell("failed", f"The compiled kernels are off: {wrong}; torch computes instead.")
    else:
        _tell("ready", "Compiled kernels for this processor.", len(jobs), len(jobs))


def _modules() -> list:
    """The kernels, with Numba told where to keep them; its own setting stays as it was."""
    config: Any = importlib.import_module("numba.core.config")
    before = config.CACHE_DIR
    config.CACHE_DIR = str(_writable(cache_folder()))
    try:
        return [importlib.import_module(f"cuda_ops.cpu.{name}") for name in MODULES]
    finally:
        config.CACHE_DIR = before


def _writable(folder: Path) -> Path:
    """The folder, made if need be; a temporary one where that is not allowed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("%s cannot be written (%s); kernels are compiled at each start", folder, error)
        return Path(tempfile.mkdtemp(prefix="stylescope-kernels-"))
    return folder


def _tell(stage: str, why: str, done: int = 0, total: int = 0) -> None:
    global _state
    _state = State(stage, why, done, total)
