"""The class of a conditional network."""

import pytest

from app.live.panels.label import LabelPanel
from engine.scene import Scene
from tests.app.live.panels.doubles import centre, drag, drive, stylegan2

TEN = stylegan2(c_dim=10)


def at(index):
    return Scene().set("label.index", index)


def test_shown_only_where_there_is_a_choice():
    panel = LabelPanel()
    assert panel.shown(TEN)
    assert not panel.shown(stylegan2()) and not panel.shown(None)


@pytest.mark.parametrize(("side", "expected"), [(1, 9), (-1, -1)])
def test_the_bar_runs_from_the_zero_label_to_the_last_class(side, expected):
    def script(ctx):
        middle = centre(ctx, "Class")
        drag(ctx, "Class", (middle.x + side * 60, middle.y), (middle.x + side * 600, middle.y))

    assert drive(LabelPanel(), script, at(4), TEN).scene == at(expected)


@pytest.mark.parametrize(
    ("label", "start", "expected"),
    [("Next", 3, 4), ("Next", 9, 9), ("Next", -1, 0), ("Previous", 3, 2), ("Previous", 0, 0), ("Previous", 4000, 9),
     ("Zero label", 3, -1)],
)  # fmt: skip
def test_buttons_stay_inside(label, start, expected):
    assert drive(LabelPanel(), lambda ctx: ctx.item_click(label), at(start), TEN).scene == at(expected)


def test_a_class_of_another_network_is_pointed_out():
    stage = drive(LabelPanel(), lambda ctx: None, at(12), TEN)
    assert stage.said[-1] == "This network has classes 0 to 9, the scene asks for 12."
