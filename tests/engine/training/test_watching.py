"""Reading a run from outside: growing, torn, rewound and strange stats.jsonl files, and what is said of the run."""

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from engine.errors import StyleScopeError
from engine.training import curves
from engine.training.curves import Curves, StatsFile
from engine.training.files import RunFolder
from engine.training.settings import convert
from engine.training.watching import Glimpse, Watched, duration, newest_run


def line(images: int, **more: object) -> dict:
    return {"images": images, "seconds": images / 10, "loss_g": images / 7} | more


def plain(text: str) -> list[dict]:
    """The whole file parsed at once: a line that goes back replaces what lies after it."""
    kept: list[dict] = []
    for words in text.split("\n")[:-1]:
        try:
            values = json.loads(words)
        except ValueError:
            continue
        if isinstance(values, dict) and isinstance(values.get("images"), int):
            kept = [old for old in kept if old["images"] < values["images"]] + [values]
    return kept


def same(found: Curves, wanted: list[dict]) -> None:
    columns = found.columns()
    assert list(columns["images"]) == [values["images"] for values in wanted]
    for name, column in columns.items():
        expected = [values.get(name) for values in wanted]
        expected = [v if isinstance(v, int | float) and not isinstance(v, bool) else np.nan for v in expected]
        np.testing.assert_array_equal(column, expected)


@pytest.mark.parametrize("seed", range(6))
def test_a_file_read_as_it_grows_says_what_it_says_as_a_whole(tmp_path, monkeypatch, seed):
    chance = random.Random(seed)
    monkeypatch.setattr(curves, "CHUNK", chance.choice((300, 1000, 1 << 20)))
    path, images, text = tmp_path / "stats.jsonl", 0, ""
    stats = StatsFile(path)
    for _ in range(chance.randrange(400, 700)):
        images += 1000
        if chance.random() < 0.01:
            images = max(1000, images - 20_000)  # resumed without tidying up
        values = line(images, p=chance.random()) if chance.random() < 0.5 else line(images, loss_d=float("nan"))
        words = json.dumps(values)
        if chance.random() < 0.05:
            words = chance.choice(('{"images": 5', "", "[1, 2]", "null", '{"loss_g": 1}', '{"images": "many"}'))
        text += words + "\n"
        if chance.random() < 0.1:
            path.write_text(text[: len(text) - chance.choice((0, 0, 1, 5))])  # some of it ends in half a line
            for _ in range(chance.choice((1, 2))):
                stats.read()
    path.write_text(text)
    while stats.read():
        pass
    same(stats.curves, plain(text))


def test_columns_that_were_given_out_do_not_change(tmp_path):
    found = Curves()
    for images in range(1000, 5000, 1000):
        found.append(line(images))
    before = found.columns()
    copies = {name: column.copy() for name, column in before.items()}
    for images in (2000, 2500, *range(3000, 900_000, 1000)):  # goes back, then grows beyond the room there was
        found.append(line(images, p=0.5))
    for name, column in before.items():
        np.testing.assert_array_equal(column, copies[name])
    assert list(found.columns()["images"][:4]) == [1000, 2000, 2500, 3000]


def test_a_resumed_run_writes_its_file_anew_and_is_read_anew(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create(convert({"data": "none"}))
    stats = StatsFile(folder.stats)
    for images in range(1000, 40_000, 1000):
        folder.log(line(images))
        stats.read()
    folder.rewind(20_000)
    for images in range(21_008, 90_000, 1000):  # by now the file is longer than it was
        folder.log(line(images))
    stats.read()
    wanted = [*range(1000, 21_000, 1000), *range(21_008, 90_000, 1000)]
    assert list(stats.curves.columns()["images"]) == wanted


def test_numbers_that_no_float_holds_and_lines_that_are_no_text_are_gaps(tmp_path):
    path = tmp_path / "stats.jsonl"
    huge = b'{"images": 2, "r1": 1' + b"0" * 400 + b"}"
    path.write_bytes(b'{"images": 1, "r1": 1e999, "p": true}\n\xff\xfe\n' + huge + b"\n" + b"[" * 9999)
    stats = StatsFile(path)
    stats.read()
    assert stats.skipped == 1
    assert np.isnan(stats.curves.columns()["r1"]).all() and len(stats.curves) == 2
    assert "p" not in stats.curves.columns()


def test_a_line_without_an_end_does_not_stop_the_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(curves, "CHUNK", 64)
    path = tmp_path / "stats.jsonl"
    path.write_text("x" * 500 + "\n" + json.dumps({"images": 5}) + "\n")
    stats = StatsFile(path)
    while stats.read():
        pass
    assert list(stats.curves.columns()["images"]) == [5]


# --- the folder -------------------------------------------------------------------------------------------------


def run_folder(path, images: int = 10_000, config: str = '{"kimg": 100.0, "sheet_kimg": 5.0}'):
    for name in ("sheets", "checkpoints"):
        (path / name).mkdir(parents=True)
    (path / "config.json").write_text(config)
    lines = [json.dumps(line(i)) + "\n" for i in range(1000, images + 1, 1000)]
    (path / "stats.jsonl").write_text("".join(lines))
    return path


def state_after(path, silent: float) -> tuple[str, str]:
    glimpse = Watched(path).look()
    return glimpse.state(now=glimpse.written + silent)


def test_a_run_says_how_it_is(tmp_path):
    run = run_folder(tmp_path / "run")  # a line every 100 s
    assert state_after(run, 350) == ("training", "training")
    assert state_after(run, 500) == ("stale", "no line for 8 min")
    (run / "checkpoints" / "state-0000010000.pt").write_bytes(b"")
    assert state_after(run, 500) == ("stopped", "stopped at 10.0 kimg, saved")
    (run / "config.json").write_text('{"kimg": 10.0}')
    assert state_after(run, 0) == ("finished", "finished at 10.0 kimg")


def test_speed_and_time_left_follow_the_latest_lines(tmp_path):
    glimpse = Watched(run_folder(tmp_path / "run")).look()
    assert glimpse.speed == pytest.approx(10) and glimpse.seconds_left == pytest.approx(9000)
    assert Watched(run_folder(tmp_path / "one", images=1000)).look().seconds_left is None


def test_a_folder_may_come_and_go(tmp_path):
    path = tmp_path / "run"
    watched = Watched(path)
    assert watched.look().state() == ("missing", "no run in this folder yet")
    run_folder(path, images=0)
    assert watched.look().state() == ("starting", "no line yet")
    (path / "stats.jsonl").write_text(json.dumps(line(1000)) + "\n")
    assert watched.look().images == 1000
    os.rename(path, tmp_path / "elsewhere")
    gone = watched.look()
    assert gone.state() == ("missing", "the folder is gone") and gone.images == 1000 and gone.sheets == ()
    run_folder(path, images=3000)  # another run of that name
    assert watched.look().images == 3000


def test_sheets_and_checkpoints_are_found_by_their_numbers(tmp_path):
    run = run_folder(tmp_path / "run")
    for name in ("sheet-0000010000.png", "sheet-0000000000.png", "sheet-99999.png", "data.png", ".sheet-1.png.x.png"):
        (run / "sheets" / name).write_bytes(b"x")
    for name in ("state-0000004000.pt", "state-0000008000.pt", "notes.txt"):
        (run / "checkpoints" / name).write_bytes(b"x")
    glimpse = Watched(run).look()
    assert [sheet.images for sheet in glimpse.sheets] == [0, 10_000, 99_999]
    assert glimpse.saved == 8000
    first = glimpse.sheets[0]
    (run / "sheets" / "sheet-0000000000.png").write_bytes(b"longer")
    assert Watched(run).look().sheets[0] != first


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(tmp_path):
    run = run_folder(tmp_path / "run", config='{"kimg": 10')
    glimpse = Watched(run).look()
    assert "config.json cannot be read" in glimpse.trouble and glimpse.images == 10_000
    (run / "config.json").write_text('{"kimg": 20.0}')
    watched = Watched(run)
    assert watched.look().goal == 20_000
    (run / "config.json").write_text("[]")
    later = watched.look()
    assert later.goal == 20_000 and "config.json" in later.trouble  # the settings known before stay


def test_measures_are_the_whole_lines(tmp_path):
    run = run_folder(tmp_path / "run")
    (run / "metrics.jsonl").write_text('{"images": 5, "swd": 3.5}\n{"images": 9, "sw')
    assert Watched(run).look().measures == ({"images": 5, "swd": 3.5},)


def test_the_newest_run_is_found_under_a_folder(tmp_path):
    with pytest.raises(StyleScopeError, match="expected a training run in or under this folder, found none"):
        newest_run(tmp_path)
    for age, name in ((50, "a/old"), (10, "b/c/new"), (90, "oldest")):
        run = run_folder(tmp_path / name)
        for file in ("stats.jsonl", "config.json"):
            os.utime(run / file, (1e9 - age, 1e9 - age))
    assert newest_run(tmp_path) == tmp_path / "b" / "c" / "new"
    assert newest_run(tmp_path / "oldest") == tmp_path / "oldest"


def test_an_empty_glimpse_is_a_run_that_nobody_has_looked_at():
    glimpse = Glimpse(Path("somewhere"))
    assert glimpse.images == 0 and glimpse.seconds_left is None and glimpse.speed == 0


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "1 h 0 min"), (90_000, "1 d 1 h")]
)
def test_durations_read_as_people_say_them(seconds, words):
    assert duration(seconds) == words
