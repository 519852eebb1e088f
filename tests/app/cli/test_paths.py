"""`bench --paths` prints what was measured: ratios, speeds against the peak, and every step."""

import pytest

from app.cli import paths
from engine import bench


def test_the_table_follows_from_the_measurements(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    slow = bench.PathReport("reference", bench.Times(100.0, 110.0, 90.0), (60.0, 30.0), 0.0)
    fast = bench.PathReport("numba", bench.Times(25.0, 27.0, 22.5), (20.0, 2.5), 3e-6)
    report = bench.Comparison("net", 1, 0.5, 100.0, ("b4.conv1", "b4.torgb"), (0.9, 0.0), (slow, fast))
    monkeypatch.setattr(bench, "compare", lambda name, G, frames: report)
    monkeypatch.setitem(bench.NETWORKS, "net", lambda: None)
    monkeypatch.setenv("COLUMNS", "200")
    saved = paths.compare_paths("net", 5)["lines"]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["numba", "25.0", "27.0", "22.5", "4.00", "40", "40", "%", "3.0e-06"] in lines
    assert ["b4.conv1", "60.00", "20.00", "0.90", "45", "%"] in lines
    assert saved["numba"] == {"p50": 25.0, "p95": 27.0, "cpu": 22.5, "difference": 3e-6}
    assert saved["numba b4.conv1"] == {"p50": 20.0}
