"""`bench --window` prints each phase's times and how they compare with an idle engine's."""

import pytest

from app.cli import smoothness
from app.live.measure import Smoothness


def test_each_phase_is_compared_with_the_idle_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("COLUMNS", "200")
    report = smoothness.show(Smoothness([10.0, 10.0, 10.0], [30.0], [12.0, 16.0], [25.0, 31.0], "a card", 3))
    said = capsys.readouterr().out
    lines = [line.split() for line in said.splitlines()]
    assert "a card" in said and "3 threads" in said
    assert ["frame,", "kernels", "compiling", "1", "30.0", "30.0", "30.0", "3.00"] in lines
    assert ["frame,", "stylegan2-256", "all", "the", "time", "2", "14.0", "16.0", "16.0", "1.60"] in lines
    assert ["from", "control", "to", "picture", "2", "28.0", "31.0", "31.0"] in lines
    assert report["lines"]["from control to picture"] == {"p50": 28.0, "p95": 31.0}
