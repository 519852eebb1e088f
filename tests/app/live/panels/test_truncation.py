"""Psi and cutoff."""

import pytest

from app.live.panels.truncation import TruncationPanel, cutoff_text
from engine.parameters import describe
from engine.scene import Scene
from tests.app.live.panels.doubles import centre, drag, drive, stylegan2


def test_psi_takes_the_whole_declared_range_and_no_more():
    p = describe("truncation.psi")
    assert (p.low, p.high) == (-1, 2)
    for value in (p.low, p.high):
        stage = drive(TruncationPanel(), lambda ctx, value=value: ctx.item_input_value("Psi", value), frame=stylegan2())
        assert stage.scene == Scene().set("truncation.psi", value)
    stage = drive(TruncationPanel(), lambda ctx: ctx.item_input_value("Psi", 2.5), frame=stylegan2())
    assert stage.scene == Scene()


@pytest.mark.parametrize(("side", "expected"), [(1, 14), (-1, 0)])
def test_the_bar_of_cutoff_ends_at_the_network_s_layers(side, expected):
    def script(ctx):
        middle = centre(ctx, "Cutoff")
        drag(ctx, "Cutoff", (middle.x + side * 60, middle.y), (middle.x + side * 600, middle.y))

    stage = drive(TruncationPanel(), script, Scene().set("truncation.cutoff", 5), stylegan2(14))
    assert stage.scene.truncation.cutoff == expected


def test_reset_unsets_the_cutoff():
    start = Scene().set("truncation.cutoff", 14)
    stage = drive(TruncationPanel(), lambda ctx: ctx.item_click("Reset Cutoff"), start, stylegan2(14))
    assert stage.scene.truncation.cutoff is None


def test_an_unset_cutoff_reads_as_what_the_network_does():
    plain, limited = stylegan2(14).model, stylegan2(18, default_cutoff=8).model
    assert cutoff_text(None, plain) == "all 14"
    assert cutoff_text(14, plain) == "all 14"
    assert cutoff_text(4, plain) == "4 of 14"
    assert cutoff_text(None, limited) == "8 of 18"
    assert cutoff_text(None, None) == "all"
