"""Run by `test_monitor.py` in a process of its own: drives the monitor and prints what it shows as JSON."""

import json
import shutil
import sys
import time
from pathlib import Path

import dearpygui.dearpygui as dpg
import numpy as np
from PIL import Image

from app.lab import alone, viewport
from app.lab.monitor import Monitor
from app.lab.watcher import Watcher

DEADLINE = 60.0  # seconds; ends a probe that would hang


def write_run(path: Path, lines: int, colour: int = 0, **config: object) -> Path:
    """A run folder with curves, two sheets of one colour, settings and measures."""
    for name in ("sheets", "checkpoints"):
        (path / name).mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"kimg": 100.0, "gamma": 0.5, "g_lr": 0.0025} | config))
    log(path, range(1, lines + 1))
    for images in (0, 1000):
        sheet(path, images, colour + images // 10)
    (path / "metrics.jsonl").write_text('{"images": 4000, "swd": 12.5}\n')
    return path


def log(path: Path, numbers) -> None:
    with open(path / "stats.jsonl", "a") as file:
        for i in numbers:
            values = {"images": i * 1000, "seconds": i * 10.0, "images_per_second": 100.0, "loss_g": 1 + i / 100}
            values |= {"loss_d": float("nan") if i % 7 == 0 else 0.5, "r_t": 0.4, "p": i / 1e6}
            file.write(json.dumps(values) + "\n")


def sheet(path: Path, images: int, grey: int) -> None:
    Image.new("RGB", (40, 32), (grey, 0, 0)).save(path / "sheets" / f"sheet-{images:010d}.png")


class Probe:
    """A monitor and what it shows."""

    def __init__(self) -> None:
        dpg.create_context()
        self.monitor = Monitor(Watcher(every=0.01))
        alone.open_window(self.monitor, "probe", (1280, 800), 1.0)

    def until(self, what) -> None:
        """Draw until `what()` holds."""
        began = time.monotonic()
        while not what():
            self.draw()
            if time.monotonic() - began > DEADLINE:
                raise SystemExit(f"it did not happen: {what.__code__.co_firstlineno}")
        self.draw()

    def draw(self, frames: int = 1) -> None:
        for _ in range(frames):
            self.monitor.tick()
            dpg.render_dearpygui_frame()

    def curve(self, name: str, chart: int = 0, kind: str = "mean") -> tuple[list, list]:
        """The points of the first run's curve as the plot has them."""
        items = self.monitor.charts.plots[chart].series
        key = (self.monitor.runs[0], name, kind)
        x, y = dpg.get_value(items[key])[:2] if key in items else ([], [])
        return list(x), list(y)

    def sheet(self) -> int:
        """Images of the sheet that is shown; -1 for none."""
        return self.monitor.sheets.shown.images if self.monitor.sheets.shown else -1

    def states(self) -> list[str]:
        return [dpg.get_value(line.state) for line in self.monitor.list.lines]

    def cells(self, table) -> list[list[str]]:
        """The texts of a table, row by row."""
        found = []
        for item in dpg.get_item_children(table.place, 1) or []:
            for row in dpg.get_item_children(item, 1) or []:
                found.append([dpg.get_value(cell) for cell in dpg.get_item_children(row, 1) or []])
        return found


def main(folder: Path) -> dict:
    probe, facts = Probe(), {}
    monitor, run = probe.monitor, folder / "run"
    monitor.open(run)
    probe.until(lambda: probe.states() == ["no run in this folder yet"])
    write_run(run, 10, augment="ada", ada_target=0.6)
    probe.until(lambda: len(probe.curve("loss_g")[0]) == 10 and probe.sheet() == 1000)
    probe.until(lambda: probe.cells(monitor.measures))
    facts["states"] = probe.states()
    facts["raw"], facts["gaps"] = probe.curve("loss_g", kind="raw"), probe.curve("loss_d", kind="raw")[1]
    facts["numbers"] = [dpg.get_value(item) for item in monitor.list.lines[0].numbers]
    facts["bar"] = dpg.get_item_configuration(monitor.list.lines[0].bar)["overlay"]
    facts["target"] = dpg.get_value(monitor.charts.plots[2].series[(run, "ada_target")])[0]
    facts["settings"], facts["measures"] = probe.cells(monitor.settings), probe.cells(monitor.measures)

    log(run, [11, 12])  # it goes on, with a new sheet
    sheet(run, 12_000, 200)
    probe.until(lambda: len(probe.curve("loss_g")[0]) == 12 and probe.sheet() == 12_000)
    log(run, [8])  # and back
    probe.until(lambda: len(probe.curve("loss_g")[0]) == 8)
    (run / "sheets" / "sheet-0000013000.png").write_bytes(b"\x89PNG half")
    probe.until(lambda: "13000" in dpg.get_value(monitor.sheets.note))
    facts["trouble"], facts["kept"] = dpg.get_value(monitor.sheets.note), probe.sheet()
    (run / "sheets" / "sheet-0000013000.png").unlink()

    dpg.set_value(monitor.axis, "hours")
    probe.until(lambda: probe.curve("loss_g")[0][-1] < 1)
    facts["hours"] = probe.curve("loss_g")[0]
    dpg.set_value(monitor.axis, "kimg")
    dpg.set_value(monitor.smoothing, 0.0)
    probe.until(lambda: probe.curve("loss_g", kind="raw") == ([], []))
    facts["unsmoothed"] = probe.curve("loss_g")[1]
    dpg.set_value(monitor.log, True)
    probe.draw(3)
    facts["log"] = dpg.get_axis_limits(monitor.charts.plots[0].y)
    dpg.set_value(monitor.log, False)

    other = write_run(folder / "other", 5, gamma=2.0)
    probe.until(lambda: dpg.get_item_configuration(monitor.others)["items"] == ["other"])
    monitor.add(other)
    probe.until(lambda: len(monitor.list.lines) == 2 and (other, "loss_g", "mean") in monitor.charts.plots[0].series)
    facts["title"] = dpg.get_item_label(monitor.charts.plots[0].item)
    facts["compared"] = probe.cells(monitor.settings)
    monitor.shut(run)
    probe.until(lambda: len(monitor.list.lines) == 1 and monitor.sheets.run == other)
    facts["left"] = sorted(str(key[0]) for key in monitor.charts.plots[0].series)

    monitor.sheets.toggle()  # play, from the start
    seen = set()
    probe.until(lambda: seen.add(monitor.sheets.at) or not monitor.sheets.playing)
    facts["played"] = sorted(seen)

    long = write_run(folder / "long", 100_000)
    monitor.open(long)
    probe.until(lambda: monitor.watcher.glimpses()[0].complete and probe.curve("loss_g")[0][-1:] == [100_000.0])
    facts["points"] = len(probe.curve("loss_g")[0])
    monitor.charts.following = False
    dpg.set_axis_limits(monitor.charts.plots[0].x, 50_000, 50_020)
    probe.until(lambda: len(probe.curve("loss_g")[0]) < 30)
    facts["closer"] = probe.curve("loss_g")[0]
    dpg.set_axis_limits_auto(monitor.charts.plots[0].x)
    shutil.rmtree(long)
    probe.until(lambda: probe.states() == ["the folder is gone"])
    facts["still"] = monitor.watcher.glimpses()[0].images

    viewport.capture(lambda: alone.draw(monitor), folder / "window.png")
    monitor.close()
    dpg.destroy_context()
    return facts


if __name__ == "__main__":
    found = main(Path(sys.argv[1]))
    print(json.dumps(found, default=lambda value: np.asarray(value).tolist()))
