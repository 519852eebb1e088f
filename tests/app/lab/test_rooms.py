"""The parts of the rooms that are no widgets: the past, the order of things, what is computed, the second network."""

import time
from pathlib import Path

import numpy as np
import pytest

from app.lab.analysis import Analysis, Asked, analyse
from app.lab.graph import columns_of, first_rows
from app.lab.link import numbers, statistics
from app.lab.protocol import Stat, Step
from app.lab.record import Record, thinned
from app.lab.second import Second
from app.lab.steptable import ordered
from engine.renderer import Renderer
from engine.scene import Scene

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "sg2ada_skip_uncond.pkl"


def step(name: str, size: int, ws: tuple[int, ...] = (), channels: int = 8) -> Step:
    return Step(name, (channels, size, size), "float32", ws, True, float(size), None, name.endswith("rgb"))


# --- the past ---------------------------------------------------------------------------------------------------


def test_a_record_keeps_the_newest_samples():
    record = Record(depth=50)
    for i in range(120):
        record.add(i * 0.1, {"psi": i, "late": -i} if i >= 100 else {"psi": i})
    times, values = record.series("psi")
    assert list(values) == list(range(70, 120)) and times[-1] == pytest.approx(11.9)
    assert list(record.series("late")[1]) == [-i for i in range(100, 120)]
    assert len(record.series("never")[0]) == 0


def test_a_value_that_nobody_touched_is_held_not_ramped():
    record = Record()
    record.add(0.0, {"psi": 1.0})
    record.add(10.0, {"psi": 2.0})
    times, values = record.series("psi", now=12.0)
    assert np.interp(5.0, times, values) == 1.0 and np.interp(9.9, times, values) == 1.0
    assert (times[-1], values[-1]) == (12.0, 2.0)


def test_many_names_find_room():
    record = Record(depth=4)
    record.add(0.0, {str(i): float(i) for i in range(300)})
    assert [record.series(str(i))[1][0] for i in range(300)] == list(range(300))


def test_thinning_keeps_the_outline():
    times = np.arange(10_000.0)
    values = np.sin(times / 900)
    values[4321], values[7777] = 9.0, -9.0
    few_times, few = thinned(times, values, 400)
    assert len(few) <= 420 and few.max() == 9.0 and few.min() == -9.0
    assert few_times[0] == 0 and few_times[-1] == 9999 and np.all(np.diff(few_times) > 0)
    assert np.array_equal(values[few_times.astype(int)], few)


def test_what_can_be_plotted_is_every_number():
    assert numbers({"latent.x": 1.5, "noise.mode": "const", "latent.vector": [1.0], "view.fft": True}) == {
        "latent.x": 1.5, "view.fft": 1.0,
    }  # fmt: skip
    found = statistics({"a": Stat(2.0, False, 0.5, 1.0, -3.0, 2.0, None, 1, 0), "b": Stat(0.0, True)})
    assert found["a: peak"] == 3.0 and found["a: ms"] == 2.0 and found["a: nan"] == 1.0
    assert not any(name.startswith("b") for name in found)


# --- order ------------------------------------------------------------------------------------------------------


def test_columns_are_resolutions_and_each_row_of_w_stands_where_it_is_read_first():
    steps = (step("b4.conv1", 4, (0,)), step("b4.torgb", 4, (1,)), step("b8.conv0", 8, (1,)), step("b8.conv1", 8, (2,)))
    columns = columns_of(steps)
    assert [[s.name for s in column] for column in columns] == [["b4.conv1", "b4.torgb"], ["b8.conv0", "b8.conv1"]]
    assert first_rows(columns) == [[0, 1], [2]]
    chain = tuple(step(f"L{i}", 52, (i + 1,)) for i in range(5))  # StyleGAN3 has many of one size
    assert [len(column) for column in columns_of(chain)] == [2, 2, 1]


def test_the_table_sorts_by_number_not_by_letters():
    steps = tuple(step(f"s{i}", size) for i, size in enumerate((8, 16, 4, 128)))
    stats = {f"s{i}": Stat(ms, False, mean) for i, (ms, mean) in enumerate(((3, 0.1), (20, -5.0), (1, 10.0)))}
    assert [s.name for s in ordered(steps, stats, "size", True)] == ["s3", "s1", "s0", "s2"]
    assert [s.name for s in ordered(steps, stats, "mean", False)] == ["s3", "s1", "s0", "s2"]  # what is unknown, first
    assert ordered(steps, stats, "", False) == list(steps)


# --- what is computed -------------------------------------------------------------------------------------------


def test_a_sine_appears_where_it_must():
    """Six cycles across 64 samples, of which 58 make a picture width."""
    x = np.zeros((2, 64, 64), np.float32)
    x[:] = np.sin(2 * np.pi * 6 * np.arange(64) / 64)
    found = analyse("a", x, 58.0, Asked())
    cycles, decibels = found.curves["0°"]
    assert cycles[np.argmax(decibels)] == pytest.approx(6 * 58 / 64)
    assert found.nyquist == 29.0
    w = np.kaiser(64, 8.0) / np.sqrt((np.kaiser(64, 8.0) ** 2).sum())
    peak = abs(np.fft.fft2(x[0] * np.outer(w, w)))[0, 6] ** 2
    assert decibels.max() == pytest.approx(10 * np.log10(peak), abs=1e-3)


def test_sick_and_strange_activations_are_shown():
    for shape in ((1, 1, 1), (1000, 4, 4), (3, 5, 9)):
        assert analyse("a", np.ones(shape, np.float32), 4.0, Asked()).rgba.ndim == 3
    x = np.random.default_rng(0).normal(size=(4, 8, 8)).astype(np.float32)
    x[1, 2, 3], x[2, 0, 0] = np.nan, np.inf
    found = analyse("a", x, 8.0, Asked())
    assert np.isfinite(found.low_high).all() and found.counts.sum() == x.size - 2
    assert all(np.isfinite(db).all() for _, db in found.curves.values())


def test_the_newest_question_of_a_place_is_answered():
    analysis = Analysis()
    blank = analyse("blank", np.zeros((1, 2, 2), np.float32), 2.0, Asked())
    asked = []
    for i in range(5):
        analysis.ask("here", i, lambda i=i: asked.append(i) or blank)
        analysis.ask("here", i, lambda: asked.append("twice") or blank)
    end = time.monotonic() + 30
    while (analysis.busy or 4 not in asked) and time.monotonic() < end:
        time.sleep(0.005)
    analysis.close()
    assert asked[-1] == 4 and "twice" not in asked and analysis.found["here"] is blank


# --- the second network -----------------------------------------------------------------------------------------


def test_the_second_network_plays_the_windows_scene():
    second, scene = Second(), Scene().set("latent.seed", 6).set("truncation.psi", 0.5).set("view.step", "x")
    second.open(GOLDEN)
    wait(second, scene, "b8.conv1")
    alone = scene.reset("view").set("model.path", str(GOLDEN))
    assert np.array_equal(second.sample.values, Renderer().activation(alone, "b8.conv1").numpy())
    wait(second, scene, "no such step")  # the last one stands in
    assert second.sample.step == second.steps[-1]


def test_a_second_network_that_cannot_be_opened_is_a_sentence(tmp_path):
    second = Second()
    second.open(tmp_path / "gone.pkl")
    wait(second, Scene(), "a")
    assert "gone.pkl" in second.error and second.sample is None


def wait(second: Second, scene: Scene, name: str) -> None:
    second.tick(scene, name)
    second._thread.join(60)
