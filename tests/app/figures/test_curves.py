"""Curves of training runs: what is read, what is refused, and that a line is drawn where its numbers say."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.figures.boxes import MARGIN, draw
from app.figures.curves import Run, curves, read, running_mean
from app.figures.look import Look
from app.figures.plot import BOTTOM, LEFT, RIGHT, TOP, Line, Plot, dashes, ticks
from engine.errors import StyleScopeError


def run_of(folder: Path, lines: list[dict], end: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + end)
    return folder


LINES = [{"images": 1000, "r_t": 0.2, "note": "words"}, {"images": 2000, "r_t": 0.4, "p": 0.01}]


def test_a_run_is_read_by_key_and_a_line_cut_off_at_the_end_is_left_out(tmp_path: Path):
    run = read(run_of(tmp_path / "ada", LINES, '{"images": 3000, "r_'))
    assert run.name == "ada" and set(run.values) == {"images", "r_t", "p"}
    assert [part.tolist() for part in run.values["r_t"]] == [[1.0, 2.0], [0.2, 0.4]]
    assert [part.tolist() for part in run.values["p"]] == [[2.0], [0.01]]
    assert read(tmp_path / "ada" / "stats.jsonl", "with ADA").name == "with ADA"


def test_what_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(StyleScopeError, match="expected a run folder"):
        read(tmp_path / "absent")
    with pytest.raises(StyleScopeError, match="found none among others"):
        read(run_of(tmp_path / "odd", [], "hello\n"))
    with pytest.raises(StyleScopeError, match="found none with a line"):
        curves(Look(), [read(run_of(tmp_path / "empty", []))])
    runs = [Run(str(i), {"r_t": (np.array([1.0]), np.array([0.5]))}) for i in range(7)]
    with pytest.raises(StyleScopeError, match="at most 6 runs"):
        curves(Look(), runs)


def test_runs_of_different_lengths_and_keys_make_one_figure(tmp_path: Path):
    ada = read(run_of(tmp_path / "ada", LINES))
    none = read(run_of(tmp_path / "none", [{"images": 500, "r_t": 0.9}]))
    assert draw(curves(Look(), [ada, none], 3), Look()).pixels.std() > 0


def test_a_line_goes_through_its_points():
    look = Look(scale=2)
    line = Line(np.array([0.0, 5.0, 10.0]), np.array([0.0, 1.0, 0.0]), "teal")
    pixels = draw(Plot("r_t", [line], 300, 200, (0.0, 10.0)), look).pixels.astype(int)
    left, top = look.pixels(MARGIN + LEFT), look.pixels(MARGIN + TOP)
    w, h = look.pixels(300) - look.pixels(LEFT + RIGHT), look.pixels(200) - look.pixels(TOP + BOTTOM)
    teal = np.array(look.colour("teal"))
    ink = np.abs(pixels - teal).sum(axis=2) < 60
    for x, y in ((0.25, 0.5), (0.5, 0.99), (0.75, 0.5)):
        at_y, at_x = top + round(h * (1 - y)), left + round(w * x)
        assert ink[at_y - 4 : at_y + 5, at_x - 4 : at_x + 5].any(), (x, y)
    assert not ink[: top - 4].any() and not ink[:, : left - 4].any()
    assert not ink[top + h // 2 : top + h - 8, left + w // 2 - 8 : left + w // 2 + 8].any(), "below the peak"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-5.4, 3.8, [-6, -4, -2, 0, 2, 4]), (0, 77.6, [0, 20, 40, 60, 80]),
     (0.14, 0.6, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), (1e-4, 3e-4, [1e-4, 1.5e-4, 2e-4, 2.5e-4, 3e-4])],
)  # fmt: skip
def test_axes_have_round_numbers_around_the_values(low: float, high: float, expected: list[float]):
    assert ticks(low, high) == pytest.approx(expected)


def test_dashes_are_every_second_piece_of_a_line():
    pieces = dashes(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 11.0]]), 4.0)  # 5 long, then 7
    lengths = [np.hypot(*np.diff(piece, axis=0).T).sum() for piece in pieces]
    assert lengths == pytest.approx([4.0, 4.0])
    assert pieces[1][0].tolist() == [3.0, 7.0]
    assert dashes(np.zeros((1, 2)), 4.0) == []


def test_the_running_mean_keeps_lines_and_averages_noise():
    assert running_mean(np.array([1.0, 1.0, 1.0]), 5).tolist() == [1.0, 1.0, 1.0]
    assert running_mean(np.array([0.0, 3.0, 0.0, 3.0]), 3).tolist() == [1.5, 1.0, 2.0, 1.5]
    assert running_mean(np.array([2.0, 4.0]), 1).tolist() == [2.0, 4.0]
