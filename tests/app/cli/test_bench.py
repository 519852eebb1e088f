"""What `bench` makes of its measurements: speed against the peak and the reference, networks by name."""

import pytest
import torch

from app.cli import bench
from cuda_ops import cpu
from engine import bench as engine_bench
from engine.models import ModelStore
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine import tiny


def test_a_line_tells_its_speed_and_how_much_the_reference_takes():
    line = {"p50": 20.0, "p95": 25.0, "reference": 70.0, "gflop": 1.5}
    assert bench.against(line, 150.0) == ["70.00", "3.5", "75", "50 %"]
    assert bench.against({"p50": 20.0, "p95": 25.0}, 150.0) == ["", "", "", ""]
    assert bench.against(line, None) == ["70.00", "3.5", "", ""]  # not on a CPU


def test_the_reference_runs_by_the_reference_path_and_the_path_is_restored(monkeypatch: pytest.MonkeyPatch):
    modes, before = [], cpu.mode()
    renderer = Renderer(models=tiny.Shelf(tiny=tiny.stylegan2()))
    render = renderer.render
    monkeypatch.setattr(renderer, "render", lambda scene: (modes.append(cpu.mode()), render(scene))[1])
    report = bench.measure(renderer, Scene(), 3, 0)
    assert modes.count("reference") == 3 and cpu.mode() == before
    assert report["frame"]["reference"] > 0
    report = bench.measure(renderer, Scene(), 3, 0, reference=False)
    assert "reference" not in report["frame"] and modes.count("reference") == 3


def test_a_published_shape_is_a_file_for_as_long_as_it_is_measured(monkeypatch: pytest.MonkeyPatch):
    G = tiny.stylegan2()
    monkeypatch.setitem(engine_bench.NETWORKS, "small", lambda: G)
    with bench.network_file("small") as file:
        found, own = ModelStore().get(file).generator.state_dict(), G.state_dict()
        assert found.keys() == own.keys() and all(torch.equal(found[name], own[name]) for name in own)
    with bench.network_file("other.pkl") as file:
        assert file == "other.pkl"
