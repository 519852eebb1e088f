"""The commands that make data, train and export, as a person types them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.cli import entry, train
from engine.errors import StyleScopeError

ROOT = Path(__file__).resolve().parents[3]
SMALL = ["--res", "8", "--channels", "8,8", "--batch", "4", "--set", "z_dim=8", "--set", "w_dim=8"]


def main(*words: object, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "main.py", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def test_from_pictures_to_an_exported_network(tmp_path, capsys):
    data, run, out = tmp_path / "planets.zip", tmp_path / "run", tmp_path / "out" / "net.safetensors"
    assert main("dataset", "planets", "--out", data, "--n", 6, "--res", 16).returncode == 0
    done = main("train", "--data", data, "--out", run, *SMALL, "--kimg", 0.012)
    assert done.returncode == 0, done.stderr
    again = main("train", "--resume", run, "--kimg", 0.02)
    assert again.returncode == 0 and "img/s" in again.stdout
    assert [json.loads(line)["images"] for line in (run / "stats.jsonl").read_text().splitlines()] == [12, 20]
    assert "main.py train --data" in (run / "command.txt").read_text()
    exported = main("export", run, out, "--samples", 16, "--remarks", "Tiny.")
    assert exported.returncode == 0, exported.stderr
    assert out.exists() and "Tiny." in out.with_suffix(".md").read_text()
    assert entry.run(["measure", str(run), "--samples", "16"]) == 0
    of_run = capsys.readouterr()
    assert entry.run(["measure", str(out), "--data", str(data), "--samples", "16"]) == 0
    of_file = capsys.readouterr()
    assert of_file.out == of_run.out and "sliced Wasserstein" in of_run.out and "6 pictures on each side" in of_run.err
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 2  # of export and of the run itself
    assert entry.run(["measure", str(out)]) == 2 and "--data: expected" in capsys.readouterr().err
    assert entry.run(["measure", str(run), "--inception", str(data)]) == 2
    assert "pt_inception-2015-12-05-6726825d.pth" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a system with SIGTERM, not Windows")
def test_sigterm_saves_and_nobody_else_trains_there_meanwhile(tmp_path, capsys):
    data, run = tmp_path / "planets.zip", tmp_path / "run"
    main("dataset", "planets", "--out", data, "--n", 6, "--res", 16)
    words = ["train", "--data", data, "--out", run, *SMALL, "--kimg", 1000, "--set", "save_kimg=1000"]
    process = subprocess.Popen(
        [sys.executable, "main.py", *map(str, words)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    while not (run / "sheets").exists() or not list((run / "sheets").glob("sheet-*")):
        assert process.poll() is None
        time.sleep(0.1)
    for again in (["train", "--resume", run], words):
        assert entry.run([str(word) for word in again]) == 2
        assert f"process {process.pid} on " in capsys.readouterr().err
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert len(list((run / "checkpoints").glob("state-*.pt"))) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x"], "--data: expected"),
        (["--data", ".", "--out", "x", "--channels", "a,b"], "channels"),
        (["--data", ".", "--out", "x", "--set", "sharpness=2"], "sharpness"),
        (["--data", ".", "--out", "x", "--set", "sharpness"], "name=value"),
        (["--data", "nowhere.zip", "--out", "x"], "nowhere.zip"),
        (["--resume", "nowhere"], "config.json"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert entry.run(["train", *words]) == 2
    answer = capsys.readouterr().err.strip()
    assert said in answer and "failed unexpectedly" not in answer and len(answer.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_time_left_is_that_of_the_latest_lines(monkeypatch):
    settings = SimpleNamespace(kimg=100.0)
    screen = train.Screen(SimpleNamespace(settings=settings, images=20_000, seconds=5000.0), SimpleNamespace(rank=0))
    assert screen.left() == ""
    line = {"images_per_second": 10.0, "loss_g": 1.0}
    for i in range(1, 31):  # slow at first, then a line of 1000 images every 100 s
        seconds = 5000 + (i * 1000 if i <= 10 else 9000 + i * 100)
        screen.show(SimpleNamespace(line=line | {"images": 20_000 + i * 1000, "seconds": float(seconds)}))
    assert screen.left() == "1 h 23 min left"  # 50,000 images at 10 a second
    assert screen.bar.tasks[0].fields["left"] == screen.left()


def test_presets_give_way_to_what_was_typed(tmp_path):
    typed = train.typed(
        {"data": "d", "cfg": "stylegan3-r", "resolution": "128", "channels": "4096,64", "g_lr": "0.001"}
    )
    settings = train.make_settings(typed, tmp_path)
    assert settings.channels == (4096, 64) and settings.resolution == 128
    assert settings.gamma == 1.0 and settings.blur_sigma == 10 and settings.mixing == 0  # of the preset
    assert settings.g_lr == 0.001
    with pytest.raises(StyleScopeError, match="--out"):
        train.make_settings(typed, None)


def test_a_second_signal_leaves_at_once():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stopping = train.Stopping()
        signal.raise_signal(signal.SIGINT)
        assert stopping.asked()
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
