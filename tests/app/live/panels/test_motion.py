"""Motion: the transform, and why some networks have none."""

import pytest

from app.live.panels.motion import MotionPanel
from engine.parameters import describe
from engine.scene import Scene, Transform
from tests.app.live.panels.doubles import drive, stylegan2, stylegan3

ROWS = {
    "Translate x": "x",
    "Translate y": "y",
    "Rotate": "rotate",
    "Scale": "scale",
    "Travel": "travel",
    "Spin": "spin",
}


def test_every_number_of_the_transform_is_a_row():
    def script(ctx):
        for label in ROWS:
            ctx.item_input_value(label, 0.5)

    stage = drive(MotionPanel(), script, frame=stylegan3())
    assert stage.scene.transform == Transform(0.5, 0.5, 0.5, 0.5, travel=0.5, spin=0.5)


@pytest.mark.parametrize("label", ROWS)
def test_rows_refuse_what_is_beyond_their_range(label):
    p = describe(f"transform.{ROWS[label]}")
    assert p.low is not None and p.high is not None
    beyond = p.high

    def script(ctx):
        ctx.item_input_value(label, str(2 * beyond))

    stage = drive(MotionPanel(), script, frame=stylegan3())
    assert stage.scene == Scene()
    assert stage.said[-1].startswith(f"{p.path}: expected a number from {p.low:g} to {p.high:g}")


def test_switches():
    def script(ctx):
        for label in ("Snap px", "Untransform", "Anchor"):
            ctx.item_click(label)

    stage = drive(MotionPanel(), script, frame=stylegan3())
    assert stage.scene.transform == Transform(snap=True, untransform=True, anchor=True)


def test_stop_stays_where_it_is_and_reset_goes_home():
    start = Scene().set("transform.x", 0.25).set("transform.travel", 0.1).set("transform.spin", 9.0)
    stopped = drive(MotionPanel(), lambda ctx: ctx.item_click("Stop"), start, stylegan3()).scene
    assert stopped == Scene().set("transform.x", 0.25)
    stage = drive(MotionPanel(), lambda ctx: ctx.item_click("Reset"), start, stylegan3())
    assert stage.scene == Scene()
    assert stage.history.undo() and stage.scene == start


def test_without_an_input_transform_it_says_why_and_what_to_do():
    stage = drive(MotionPanel(), lambda ctx: ctx.item_click("Open a StyleGAN3…"), frame=stylegan2())
    assert "StyleGAN2 has no input transform" in stage.said[-1]
    assert stage.acts == [("file.open", ())]
