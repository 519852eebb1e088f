"""`figure` as a person types it: a PNG that carries its scene, and sentences for what cannot be drawn."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli import entry
from engine import load_model, scenefile

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
TWO, THREE = str(GOLDEN / "sg2ada_skip_uncond.pkl"), str(GOLDEN / "sg3_t.pkl")


def figure(*words: object) -> int:
    return entry.run(["figure", *map(str, words), "--device", "cpu"])


def contains(page: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a picture [H, W, 3] is somewhere in a page."""
    h, w, _ = picture.shape
    for y in range(len(page) - h + 1):
        x, odd = divmod(page[y].tobytes().find(picture[0].tobytes()), 3)
        if x >= 0 and not odd and np.array_equal(page[y : y + h, x : x + w], picture):
            return True
    return False


@pytest.mark.parametrize(
    "words",
    [
        ("mixing", TWO, "--sources", "1-2", "--destinations", "3"),
        ("truncation", THREE, "--seeds", "3", "--columns", "3"),
        ("noise", TWO, "--seeds", "3", "--draws", "3"),
        ("sticking", TWO, THREE, "--count", "2", "--frames", "4", "--caption", "one", "--caption", "two"),
        ("interpolation", TWO, "--seeds", "3,4", "--columns", "3", "--dark"),
        ("compare", TWO, THREE, "--seeds", "3", "--step", "auto"),
    ],
    ids=lambda words: words[0],
)
def test_every_figure_is_a_png_that_carries_its_scene(words: tuple, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "new" / "f.png"
    cell = load_model(words[1]).img_resolution
    assert figure(*words, "--out", out, "--set", "label.index=-1", "--cell", cell) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.strip() == str(out)
    with Image.open(out) as image:
        assert np.asarray(image).std() > 10
    scene = scenefile.load(out)
    assert scene.label.index == -1 and scene.model.path == words[1]
    again = tmp_path / "again.png"
    assert entry.run(["render", str(out), "--out", str(again), "--device", "cpu"]) == 0
    with Image.open(out) as page, Image.open(again) as first:
        assert contains(np.asarray(page), np.asarray(first)), "the scene is not that of a picture in the figure"


def test_psi_reaches_the_pictures(tmp_path: Path):
    for psi in ("0", "1"):
        out = tmp_path / f"{psi}.png"
        assert figure("compare", TWO, "--seeds", "1-2", "--psi", psi, "--cell", "16", "--out", out) == 0
    flat, varied = (np.asarray(Image.open(tmp_path / f"{psi}.png").convert("RGB")) for psi in ("0", "1"))
    assert flat.shape == varied.shape and (flat != varied).any()


def test_curves_need_no_network(tmp_path: Path):
    (tmp_path / "run").mkdir()
    lines = [{"images": 1000 * i, "r_t": 0.1 * i} for i in range(1, 5)]
    (tmp_path / "run" / "stats.jsonl").write_text("\n".join(map(json.dumps, lines)))
    out = tmp_path / "c.png"
    assert entry.run(["figure", "curves", str(tmp_path / "run"), "--caption", "mine", "--out", str(out)]) == 0
    with Image.open(out) as image:
        assert image.size[0] > 300


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mixing", TWO, "--sources", "x"], "--sources: expected numbers"),
        (["mixing", TWO, "--destinations", "9-1"], "--destinations: expected rising"),
        (["mixing", TWO, "--sources", "1-1000", "--destinations", "1-1000"], "expected at most 100000 pictures"),
        (["mixing", TWO, "--out", "x.jpg"], "--out: expected a .png file"),
        (["mixing", "absent.pkl"], "absent.pkl"),
        (["truncation", TWO, "--columns", "1"], "columns"),
        (["truncation", TWO, "--low", "-7"], "low"),
        (["noise", THREE], "sg3_t: expected a network with noise inputs, found a StyleGAN3"),
        (["sticking", TWO, "--over", "time"], "--over: expected walk or translation, found 'time'"),
        (["sticking", TWO, "--over", "translation"], "expected a StyleGAN3"),
        (["interpolation", TWO, "--seeds", "4"], "--seeds: expected at least two"),
        (["compare", TWO, THREE, "--caption", "one"], "--caption: expected one for each of 2 networks, found 1"),
        (["compare", TWO, "--step", "b9.conv1"], "--step: expected auto or one of"),
        (["compare", TWO, "--seeds", "1-200", "--cell", "2048", "--scale", "8"], "smaller --cell or --scale"),
        (["curves", "absent"], "absent: expected a run folder"),
        (["mosaic"], "No such command 'mosaic'"),
    ],
)
def test_a_wrong_word_is_one_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert entry.run(["figure", *words]) == 2
    shown = capsys.readouterr().err.strip()
    assert said in shown and len(shown.splitlines()) == 1 and "failed unexpectedly" not in shown
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize("words", [["figure", "--help"], ["figure"]])
def test_help_tells_of_every_figure(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert entry.run(words) == 0
    shown = capsys.readouterr().out
    names = ("mixing", "truncation", "noise", "sticking", "interpolation", "curves", "overfitting")
    assert all(name in shown for name in names)
    assert entry.run(["--help"]) == 0
    assert "figure" in capsys.readouterr().out
