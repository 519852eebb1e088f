"""`bench --start`: what a real start reports, and how imports are added up."""

from pathlib import Path

import pytest

from app.cli import entry, start

LOG = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |   torch._C
import time:     20000 |      30000 |     torch.nn
import time:      6000 |      36100 | torch
import time:      7000 |       7000 | numpy
import time:       900 |        900 | glfw
Some other line: 5 | 6 | not an import
"""


def test_imports_are_added_up_by_package():
    assert start.by_package(LOG) == pytest.approx({"torch": 26.1, "numpy": 7.0, "all others": 0.9})


def test_a_start_reaches_its_first_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    run = start._run(None)
    assert list(run)[0] == "Python itself" and list(run)[-1] == "first picture"
    assert list(run.values()) == sorted(run.values()) and run["Python itself"] > 0
    monkeypatch.setattr(start, "_run", lambda source: run)
    monkeypatch.setattr(start, "_imports", lambda source: {"torch": 26.1})
    saved = str(tmp_path / "start.json")
    assert entry.run(["bench", "--start", "--json", saved]) == 0
    assert f"{run['first picture']:.0f}" in capsys.readouterr().out.splitlines()[6]
    assert entry.run(["bench", "--compare", saved, saved]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["imports", "of", "torch", "26.10", "26.10", "1.00"] in lines


def test_a_start_that_fails_says_why(capsys: pytest.CaptureFixture[str]):
    assert entry.run(["bench", "absent.pkl", "--start"]) == 2
    assert "absent.pkl" in capsys.readouterr().err
