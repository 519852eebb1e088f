"""Leaving a program while threads work: they are asked to end, awaited for a while, and no exit is an abort."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cuda_ops import background
from cuda_ops.background import Background

ROOT = Path(__file__).parents[2]
BUSY = """
import threading
import torch
began = threading.Event()
def busy(*ignored):
    x = torch.randn(128, 128, requires_grad=True)
    began.set()
    for _ in range(100):
        (x @ x).sum().backward()
    print("done")
"""
WORK = {
    "a network is opened": """
from engine import models
models.run_once = busy
models.ModelStore().start("", warm=True)
""",
    "a frame is rendered": """
from engine.renderer import Renderer
from engine.worker import Worker
Worker(Renderer("cpu")).ask(busy)
""",
    "a task runs": """
from app.live.tasks import Tasks
Tasks().start(busy, print, print)
""",
}


@pytest.fixture
def running(monkeypatch) -> set[Background]:
    """The threads that `leave` knows; those of other tests are not asked to end."""
    mine: set[Background] = set()
    monkeypatch.setattr(background, "_started", mine)
    return mine


@pytest.mark.parametrize("what", WORK)
def test_a_program_that_ends_in_the_midst_of_torch_ends_well(what):
    script = BUSY + WORK[what] + "began.wait()\n"
    left = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (left.returncode, left.stdout, left.stderr) == (0, "done\n", "")


NEVER = """
import sys
import torch
from app.cli import bootstrap, entry
from cuda_ops import background
leave = background.leave
background.leave = lambda: leave(0.1)
def work():
    x = torch.randn(64, 64, requires_grad=True)
    while True:
        (x @ x).sum().backward()
background.Background(work, name="never").start()
bootstrap.leave(entry.run(["info", "nowhere.pkl"]))
"""


def test_a_thread_that_never_ends_does_not_spoil_the_exit_code():
    left = subprocess.run([sys.executable, "-c", NEVER], cwd=ROOT, capture_output=True, text=True)
    assert left.returncode == 2 and left.stderr.startswith("nowhere.pkl: no such file")


def test_every_thread_of_the_program_is_such_a_one():
    sources = [path for room in ("app", "engine", "cuda_ops") for path in (ROOT / room).rglob("*.py")]
    others = [path for path in sources if "threading.Thread(" in path.read_text(encoding="utf-8")]
    assert not others and len(sources) > 200


def test_threads_are_asked_to_end_and_those_they_start_as_well(running):
    ended = []

    def work(name: str, event: threading.Event, last: bool) -> None:
        event.wait()
        if not last:
            begin("second", True)
        ended.append(name)

    def begin(name: str, last: bool) -> None:
        event = threading.Event()
        Background(work, name, event, last, name=name, end=event.set).start()

    begin("first", False)
    assert background.leave()
    assert sorted(ended) == ["first", "second"] and all(thread.over for thread in running)


def test_a_thread_that_does_not_end_is_left_behind_and_named(running, caplog):
    event = threading.Event()
    stuck = Background(event.wait, name="stuck")
    stuck.start()
    with caplog.at_level(logging.WARNING):
        assert not background.leave(0.05)
    assert stuck.is_alive() and "without the end of stuck" in caplog.text
    event.set()
    stuck.join()
    Background(int, name="next").start()
    assert stuck not in running  # nobody keeps what is over


def test_a_thread_that_failed_is_not_waited_for(running, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    failing = Background(lambda: 1 / 0, name="failing")
    failing.start()
    failing.join()
    background.leave(0.0)
    assert failing.over
