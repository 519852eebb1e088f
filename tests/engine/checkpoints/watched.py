"""Opens files under watch, in a process of its own: what runs code, hangs, grows or dies is reported, not survived.

`python -m tests.engine.checkpoints.watched FILE...` prints a line of JSON for each file. `fuzz.py` uses the same watch.
"""

import json
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.checkpoints import open_checkpoint
from engine.errors import CheckpointError

SECONDS = 5  # of processor time for one file
MEMORY = 512 << 20  # bytes of address space on top of what the process has when it begins
FORBIDDEN = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "compile", "exec",
    "import", "pickle.find_class", "socket.connect", "ctypes.dlopen", "os.remove", "os.rename", "os.mkdir",
    "os.truncate", "shutil",
)  # fmt: skip
_watching: list[Path] = []
_seen: list[str] = []


class Hang(BaseException):
    """Opening one file took too long."""


def install() -> None:
    """Watch this process from here on: audit events, processor time, memory."""
    sys.addaudithook(_audit)
    signal.signal(signal.SIGPROF, _hang)
    soft = _address_space() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (soft, resource.RLIM_INFINITY))


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _audit(event: str, arguments: tuple) -> None:
    if not _watching or threading.current_thread() is not threading.main_thread():
        return
    if event.startswith(FORBIDDEN) or (event == "open" and _strange(arguments)):
        _seen.append(f"{event} {str(arguments)[:200]}")


def _strange(arguments: tuple) -> bool:
    """Whether something else than the file and its settings is opened, or anything for writing."""
    name, mode = arguments[0], arguments[1]
    path = _watching[0]
    beside = map(str, (path, path.with_suffix(".json"), path.with_name(".config.json")))
    return str(name) not in beside or (isinstance(mode, str) and not set(mode) <= set("rb"))


def _hang(signum: int, frame: object) -> None:
    raise Hang


@contextmanager
def watch(path: Path) -> Iterator[None]:
    _watching.append(path)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _watching.clear()


def open_watched(path: Path) -> dict:
    """What became of one file: `error` (its sentence, None if it opened) and `fault` (what must never happen)."""
    _seen.clear()
    error = fault = cause = None
    try:
        with watch(path):
            open_checkpoint(path)
    except CheckpointError as refused:
        error = str(refused)
        inner = refused.__cause__ and refused.__cause__.__cause__
        cause = None if inner is None else type(inner).__name__
        if "memory of this computer" in error:
            fault = "took more memory than it may"
    except Hang:
        fault = "hung"
    except BaseException as strange:  # noqa: BLE001 whatever it is, it is the finding
        fault = f"{type(strange).__name__}: {strange}"
    return {"error": error, "fault": fault or (f"ran {_seen[0]}" if _seen else None), "cause": cause}


def warm_up() -> None:
    """Import what opening imports lazily, so that imports of a hostile file stand out."""
    import encodings.cp437  # noqa: F401 names in old archives
    import tempfile

    from tests.engine.checkpoints import makers

    with tempfile.TemporaryDirectory() as folder:
        for path in makers.every(Path(folder)).values():
            open_checkpoint(path)


def main() -> None:
    warm_up()
    install()
    for name in sys.argv[1:]:
        print(json.dumps(open_watched(Path(name))), flush=True)


if __name__ == "__main__":
    main()
