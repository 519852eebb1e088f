"""The training monitor as its user has it: on a virtual screen, over run folders that grow, break and vanish."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli import entry, monitor
from engine.errors import StyleScopeError

ROOT = Path(__file__).resolve().parents[3]
PROBE = Path(__file__).with_name("monitor_probe.py")


@pytest.fixture(scope="module")
def probe(display, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    env = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, PROBE, folder], cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) | {"folder": folder}


def test_the_list_tells_state_progress_and_the_newest_numbers(probe):
    assert probe["states"] == ["training"] and probe["bar"] == "10.0 of 100 kimg"
    assert probe["numbers"] == ["100.0", "1.100", "0.500", "0.400", "0.0000"]


def test_curves_show_every_line_over_kimg_and_gaps_where_there_is_no_number(probe):
    x, y = probe["raw"]
    assert x == list(range(1, 11)) and y == pytest.approx([1 + i / 100 for i in x])
    assert [i for i, v in zip(x, probe["gaps"], strict=True) if math.isnan(v)] == [7]


def test_adas_target_is_a_line(probe):
    assert probe["target"] == [0.6]


def test_hours_smoothing_and_a_logarithmic_axis(probe):
    assert probe["hours"] == pytest.approx([i * 10 / 3600 for i in range(1, 9)])
    assert probe["unsmoothed"] == pytest.approx([1 + i / 100 for i in range(1, 9)])
    assert probe["log"][0] > 0


def test_settings_and_measures_are_tables(probe):
    assert ["gamma", "0.5"] in probe["settings"] and ["augment", "ada"] in probe["settings"]
    assert probe["measures"] == [["images", "4.0 kimg"], ["swd", "12.5"]]


def test_a_broken_sheet_is_said_and_the_one_before_stays(probe):
    assert probe["kept"] == 12_000
    assert "sheet-0000013000.png cannot be read" in probe["trouble"]


def test_two_runs_share_the_charts_and_their_settings_stand_side_by_side(probe):
    assert probe["title"] == "Losses: G, pale D"
    assert ["gamma", "0.5", "2"] in probe["compared"] and ["augment", "ada", "–"] in probe["compared"]
    assert set(probe["left"]) == {str(probe["folder"] / "other")}  # a run that is shut leaves nothing behind


def test_play_goes_through_the_sheets_once(probe):
    assert probe["played"] == [0, 1]


def test_a_hundred_thousand_lines_are_thinned_and_whole_again_from_close(probe):
    assert 600 <= probe["points"] <= 1200
    assert probe["closer"] == list(range(49_999, 50_022))


def test_a_folder_that_vanishes_leaves_its_curves(probe):
    assert probe["still"] == 100_000_000


def test_the_window_is_drawn(probe):
    pixels = np.asarray(Image.open(probe["folder"] / "window.png").convert("RGB"))
    assert pixels.shape[0] >= 700 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100


# --- the command ------------------------------------------------------------------------------------------------


def test_the_command_takes_a_picture_of_the_newest_run(display, probe, tmp_path):
    out = tmp_path / "monitor.png"
    words = ["monitor", "--frames", "20", "--screenshot", str(out)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *words], cwd=probe["folder"], env={**os.environ, "DISPLAY": display},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Image.open(out).size == (1280, 800)


def test_without_a_display_there_is_a_sentence_instead_of_a_crash(tmp_path):
    (tmp_path / "run").mkdir()
    command = [sys.executable, str(ROOT / "main.py"), "monitor", "run"]
    for found, words in (("", "DISPLAY is not set"), (":987654", "nothing answers at DISPLAY=:987654")):
        env = {**os.environ, "DISPLAY": found}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 2 and words in done.stderr


def test_without_a_run_there_is_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert entry.run(["monitor"]) == 2
    assert "expected a training run in or under this folder, found none" in capsys.readouterr().err
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StyleScopeError, match="expected a run folder, found a file"):
        monitor.usable(Path("file"))
