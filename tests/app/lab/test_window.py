"""The lab as its user has it: a real window on a virtual screen, attached to the real app."""

import json
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.renderer import Renderer
from tests.app.lab.labstage import LabStage
from tests.engine import tiny

ROOT = Path(__file__).resolve().parents[3]
PROBE = Path(__file__).with_name("lab_probe.py")


class Probe:
    """The lab's process; `hear()` is the next thing that it tells, while the window goes on."""

    def __init__(self, stage, display, screenshot):
        env = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT)}
        self.stage = stage
        self.process = subprocess.Popen(
            [sys.executable, PROBE, stage.note, screenshot], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
        )

    def hear(self, key):
        for _ in range(20_000):
            self.stage.run_frames()
            if select.select([self.process.stdout], [], [], 0.01)[0]:
                line = self.process.stdout.readline()
                assert line, "the lab ended"
                told = json.loads(line)
                assert key in told, told
                return told
        raise AssertionError(f"the lab never told {key}")


def test_the_window_shows_what_was_computed_and_clicks_select(display, tmp_path):
    if not shutil.which("xdotool"):
        pytest.skip("xdotool is not installed (apt-get install xdotool)")
    with LabStage(tmp_path) as stage:
        stage.app.edit(stage.scene.set("latent.seed", 4).set("view.step", "b8.conv1"))
        stage.happens(lambda: stage.app.shown.scene == stage.scene and stage.engine_double.idle)
        probe = Probe(stage, display, tmp_path / "lab.png")
        told = probe.hear("rows")
        _check_numbers(told, stage)
        stds = {step.name: _activation(stage, step.name).std() for step in stage.G.synthesis.steps}
        assert probe.hear("sorted")["sorted"] == sorted(stds, key=lambda name: -stds[name])
        assert probe.hear("clicked")["clicked"] == "b4.conv1" == stage.scene.view.step
        assert probe.hear("row")["row"] == "b16.conv0" == stage.scene.view.step
        stage.happens(lambda: stage.app.shown.looked is not None)
        assert stage.app.shown.looked.shown.step == "b16.conv0"
        std = _activation(stage, "b16.conv0").std()
        assert probe.hear("time")["time"] == pytest.approx(std, rel=1e-4)
        assert probe.hear("compared")["compared"] == {"A": "b16.conv0", "B": "b16.torgb"}
        stage.happens((tmp_path / "lab.png").exists)
        stage.run_frames(10)
        stage.app.lab.close()
        told = probe.hear("said")
        assert told["still"] and "closed" in told["said"]
        assert probe.process.wait(30) == 0
    with Image.open(tmp_path / "lab.png") as picture:
        assert picture.size == (1280, 800)
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 200


def _activation(stage, name):
    return Renderer(models=tiny.Shelf(tiny=stage.G)).activation(stage.scene.reset("view"), name).numpy().astype(float)


def _check_numbers(told, stage):
    """The table, the histogram, the order of the atlas and the spectrum, by NumPy alone."""
    for step in stage.G.synthesis.steps:
        cells = dict(zip(told["columns"], told["rows"][step.name], strict=True))
        x = _activation(stage, step.name)
        assert (cells["ch"], cells["size"]) == (str(x.shape[0]), str(x.shape[1]))
        for name, value in (("mean", x.mean()), ("std", x.std()), ("peak", abs(x).max())):
            assert float(cells[name]) == pytest.approx(value, abs=6e-4 if abs(value) < 10 else 0.06), (step.name, name)
    assert told["nodes"] == sorted(step.name for step in stage.G.synthesis.steps)
    assert told["chosen"] == "b8.conv1" and "stylegan2" in told["top"]
    x = _activation(stage, "b8.conv1")
    assert told["ends"] == pytest.approx([x.min(), x.max()])
    counts, _ = np.histogram(x.astype(np.float32), len(told["counts"]), tuple(told["ends"]))
    assert abs(np.subtract(told["counts"], counts)).max() <= 1 and sum(told["counts"]) == x.size  # a value on an edge
    energy = (x**2).mean(axis=(1, 2))
    assert np.all(np.diff(energy[told["order"]]) <= 1e-9)
    w = np.kaiser(8, 8.0) / np.sqrt((np.kaiser(8, 8.0) ** 2).sum())
    power = abs(np.fft.fft2((x - x.mean(axis=(1, 2), keepdims=True)) * np.outer(w, w))) ** 2
    along = 10 * np.log10(power.mean(axis=0)[0, :4])  # from zero frequency to the one before Nyquist
    cycles, decibels = told["spectrum"]
    assert cycles == [0.0, 1.0, 2.0, 3.0]
    assert decibels == pytest.approx(along, abs=1e-3)
