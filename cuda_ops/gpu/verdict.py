"""What the check of this machine's kernels said: run once in a process of its own, remembered on disk.

An illegal access poisons a process's whole CUDA context, so the first try is made where a crash or a hang does no harm.
Until its verdict is there, and for every kernel that failed, the torch path serves.
"""

import contextlib
import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cuda_ops.background import Background
from cuda_ops.gpu import cache, device, program

log = logging.getLogger(__name__)

KERNELS = (
    "fir fp32", "fir fp16", "epilogue fp32", "epilogue fp16", "adain fp32", "adain fp16", "rgba fp32", "rgba fp16",
)  # fmt: skip
TIMEOUT = 180.0  # seconds for one run of the check, which compiles some thirty kernels the first time
GRACE = 10.0  # seconds that a check which is ended may take for it
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Verdict:
    """`off` says of each kernel that may not be used why not; `stage` is idle, checking or done."""

    stage: str
    off: Mapping[str, str] = field(default_factory=dict)


IDLE = Verdict("idle")
_verdicts: dict[int, Verdict] = {}
_threads: dict[int, threading.Thread] = {}
_lock = threading.Lock()
_leaving = threading.Event()
_checks: "set[subprocess.Popen[str]]" = set()


def allows(name: str, index: int) -> bool:
    """Whether kernel `name` may run on GPU `index`; the first question sets out to learn it, in the background."""
    known = _verdicts.get(index)
    if known is None:
        start(index)
        return False
    return known.stage == "done" and name not in known.off


def of(index: int) -> Verdict:
    """What is known so far; asking starts nothing."""
    return _verdicts.get(index, IDLE)


def start(index: int) -> None:
    """Begin to learn the verdict, unless that has been done."""
    with _lock:
        if index not in _threads:
            _verdicts[index] = Verdict("checking")
            _threads[index] = Background(_learn, index, name="gpu check", end=_leave)
            _threads[index].start()


def wait(index: int, timeout: float | None = None) -> Verdict:
    """Learn the verdict and return it, for programs that want the same path from their first picture on."""
    start(index)
    _threads[index].join(timeout)
    return of(index)


def forget() -> None:
    """Ask again at the next use; a check that is running is left to itself."""
    with _lock:
        _verdicts.clear()
        _threads.clear()


def _leave() -> None:
    """End a running check; its verdict counts for nothing."""
    _leaving.set()
    for check in tuple(_checks):
        check.kill()


def _learn(index: int) -> None:
    try:
        verdict = _remembered(index)
    except (OSError, RuntimeError, ValueError) as error:
        if _leaving.is_set():
            return
        why = f"the check could not be made ({type(error).__name__}: {error})"
        log.exception("the check of the kernels")
        verdict = Verdict("done", dict.fromkeys(KERNELS, why))
    for name, why in verdict.off.items():
        log.warning("%s: kernel off, the torch path serves (%s)", name, why)
    _verdicts[index] = verdict


def _remembered(index: int) -> Verdict:
    known = cache.read(_file(index))
    return anew(index) if known is None else Verdict("done", json.loads(known))


def anew(index: int) -> Verdict:
    """Make the check, whatever is remembered, and remember what it says now."""
    verdict = examine(command(index))
    cache.write(_file(index), json.dumps(dict(verdict.off)).encode())
    _verdicts[index] = verdict
    return verdict


def _file(index: int) -> str:
    return f"verdict-{cache.key(*asdict(device.here.identity(index)).values(), program.fingerprint())}.json"


def command(index: int) -> list[str]:
    """The command line of the check; names of kernels are added to it."""
    return [sys.executable, "-m", "cuda_ops.gpu.check", "--lines", "--device", str(index)]


def examine(check: list[str], timeout: float = TIMEOUT) -> Verdict:
    """Run the check until every kernel has passed or has been blamed; one that crashes or hangs is left out next."""
    off: dict[str, str] = {}
    open_ = list(KERNELS)
    while open_:
        passed, failed, blamed = _run([*check, *open_], timeout)
        off |= failed
        if blamed is None:
            off |= {name: "the check said nothing of it" for name in open_ if name not in passed | failed.keys()}
            break
        name, why = blamed
        off |= {name: why} if name else dict.fromkeys(open_, why)
        open_ = [] if name is None else [n for n in open_ if n not in passed | off.keys()]
    return Verdict("done", {name: off[name] for name in KERNELS if name in off})


def _run(line: list[str], timeout: float) -> tuple[set[str], dict[str, str], tuple[str | None, str] | None]:
    """Kernels that passed, those that failed and why, and which one ended the run before its time, if one did."""
    said, complaint, end = _outcome(line, timeout)
    passed, failed, running = set(), {}, None
    for event in _events(said):
        running = event["kernel"] if event["event"] == "begin" else None
        if event["event"] == "end" and event["why"] is None:
            passed.add(event["kernel"])
        elif event["event"] == "end":
            failed[event["kernel"]] = event["why"]
    if end is None:
        return passed, failed, None
    last = complaint.strip().splitlines()[-1:] if running is None else []
    return passed, failed, (running, ": ".join([end, *last]))


def _outcome(line: list[str], timeout: float) -> tuple[str, str, str | None]:
    """What the check wrote to both of its outputs, and how it ended before its time, if it did."""
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complaint:
        process = subprocess.Popen(line, cwd=ROOT, text=True, stdout=said, stderr=complaint)
        _checks.add(process)
        try:
            code = process.wait(timeout)
            end = f"the check crashed (exit code {code})" if code else None
        except subprocess.TimeoutExpired:
            end = f"the check did not end within {timeout:.0f} s"
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # a driver may hold on to it: it is left behind
                process.wait(GRACE)
        _checks.discard(process)
        if _leaving.is_set():
            raise RuntimeError("the program was left before its check had ended")
        for file in (said, complaint):
            file.seek(0)
        return said.read(), complaint.read(), end


def _events(said: str) -> Iterator[dict]:
    """The check's lines; other people's prints, and a line cut short by a crash, are passed over."""
    for line in said.splitlines():
        if line.startswith('{"event"') and line.endswith("}"):
            yield json.loads(line)
