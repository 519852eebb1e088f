"""Run by `test_window.py` in a process of its own: the lab's real window, what it shows and what clicks in it do."""

import json
import subprocess
import sys
import time
from pathlib import Path

import dearpygui.dearpygui as dpg

from app.lab import main, theme, viewport
from app.lab.link import Link
from app.lab.steptable import COLUMNS

note, screenshot = Path(sys.argv[1]), Path(sys.argv[2])


def until(done, seconds=60.0):
    """Draw until it is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lab.frame()
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def say(**facts):
    print(json.dumps(facts), flush=True)


def rows():
    """The table as it is shown: name -> cells."""
    shown = lab.network.table._lines
    return {dpg.get_item_label(line): [dpg.get_value(cell).strip() for cell in cells] for line, cells in shown}


def click(item):
    """A real click in the upper left of an item."""
    x, y = dpg.get_item_rect_min(item)
    left, top = dpg.get_viewport_pos()
    place = (str(round(left + x + 12)), str(round(top + y + 6)))
    subprocess.run(["xdotool", "mousemove", *place], check=True)
    for _ in range(4):
        lab.frame()
    for act in ("mousedown", "mouseup"):
        subprocess.run(["xdotool", act, "1"], check=True)
        for _ in range(4):
            lab.frame()


dpg.create_context()
link = Link(note.parent, note)
lab = main.Lab(link, None)
theme.apply(1.0)
lab.build()
dpg.create_viewport(title="lab", width=1280, height=800, x_pos=0, y_pos=0)
dpg.setup_dearpygui()
dpg.show_viewport()
dpg.set_primary_window("lab", True)
link.start()

chosen = lambda: lab.analysis.found.get("chosen")  # noqa: E731
until(lambda: link.update and all(stat.mean is not None for stat in link.update.steps))
until(lambda: chosen() and chosen().step == "b8.conv1" and lab.settled)
until(lambda: len(rows()) == len(link.network.steps))
found = chosen()
say(
    rows=rows(), columns=list(COLUMNS), nodes=sorted(lab.network.graph._nodes), chosen=lab.network.graph._chosen,
    counts=found.counts.tolist(), ends=found.low_high, order=list(found.tiles.order),
    spectrum=[v.tolist() for v in found.curves["0°"]], serial=link.arrays[0][0].serial,
    top=dpg.get_value(lab.facts),
)  # fmt: skip

lab.network.table.sort, lab.network.table.falling = "std", True
until(lambda: True)
say(sorted=[dpg.get_item_label(line) for line, _ in lab.network.table._lines])

click(lab.network.graph._nodes["b4.conv1"])
until(lambda: link.scene.view.step == "b4.conv1")
say(clicked=link.step)
click(next(line for line, _ in lab.network.table._lines if dpg.get_item_label(line) == "b16.conv0"))
until(lambda: link.scene.view.step == "b16.conv0" and lab.network.graph._chosen == "b16.conv0")
say(row=link.step)

for room in ("Time", "Compare"):
    dpg.set_value(lab.tabs, lab.rooms[room])
    until(lambda: lab.settled, 60)
    for _ in range(6):
        lab.frame()
        time.sleep(0.05)
    if room == "Time":
        panel = lab.time.panels[0]
        say(time=dpg.get_value(panel.series[0])[1][-1])
until(lambda: set("AB") <= set(lab.analysis.found))
say(compared={side: lab.analysis.found[side].step for side in "AB"})

dpg.set_value(lab.tabs, lab.rooms["Network"])
until(lambda: True)
viewport.capture(lab.frame, screenshot)
until(lambda: not link.attached)
say(said=link.said, still=dpg.is_dearpygui_running())
lab.close()
dpg.destroy_context()
