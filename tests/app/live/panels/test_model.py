"""The network that plays, and files being opened."""

from types import SimpleNamespace

import pytest

from app.live.panels.model import ModelPanel, count, fact_lines
from engine.scene import Scene
from tests.app.live.panels.doubles import drive, stylegan2, stylegan3


def test_facts_in_words():
    lines = " | ".join(fact_lines(stylegan2(c_dim=10).model))
    for words in ("StyleGAN2", "256 × 256", "RGB", "1.23 M parameters", "14 ws", "z 8", "w 6", "10 classes"):
        assert words in lines
    assert "StyleGAN3" in fact_lines(stylegan3().model)[0]
    assert "no classes" in fact_lines(stylegan3().model)[1]


@pytest.mark.parametrize(
    ("number", "words"), [(7, "7"), (999, "999"), (1000, "1 k"), (30_370_060, "30.4 M"), (2_500_000_000, "2.5 G")]
)
def test_counts_are_short(number, words):
    assert count(number) == words


def test_an_untrained_network_says_so():
    assert "Untrained" in drive(ModelPanel(), lambda ctx: None, frame=stylegan2(trained=False)).said[-1]
    assert drive(ModelPanel(), lambda ctx: None, frame=stylegan2()).said == []


def test_another_network_of_the_file_is_an_action():
    frame = stylegan2(networks=("G_ema", "G"))

    def script(ctx):
        ctx.item_click("G_ema")
        ctx.item_click("G")

    stage = drive(ModelPanel(), script, frame=frame)
    assert stage.acts == [("model.network", ("G",))]
    assert stage.scene == Scene()


def test_notes_unfold():
    frame, note = stylegan2(notes=("D was left out.",)), "D was left out."
    assert note not in drive(ModelPanel(), lambda ctx: None, frame=frame).said
    assert note in drive(ModelPanel(), lambda ctx: ctx.item_click("Notes"), frame=frame).said


def test_open_and_recent():
    def script(ctx):
        ctx.item_click("Open…")
        ctx.item_click("Recent")
        ctx.item_click("//$FOCUSED/two.pkl##1")

    stage = drive(ModelPanel(), script, frame=stylegan2(), recent=("/a/one.pkl", "/b/two.pkl"))
    assert stage.acts == [("file.open", ()), ("file.open", ("/b/two.pkl",))]


def test_a_file_being_opened_can_be_cancelled():
    loading = SimpleNamespace(path="/nets/big.pkl", progress=0.42, what="reading")
    stage = drive(ModelPanel(), lambda ctx: ctx.item_click("Cancel"), frame=stylegan2(), loading=loading)
    assert stage.acts == [("file.cancel", ())]


def test_a_bad_file_is_explained_with_a_way_on():
    def script(ctx):
        ctx.item_click("Open another…")

    stage = drive(ModelPanel(), script, frame=stylegan2(), load_error="cats.pkl: an HTML page.")
    assert "cats.pkl: an HTML page." in stage.said
    assert stage.acts == [("file.open", ())]


def test_no_network_teaches_what_can_be_opened():
    assert "Open a StyleGAN" in drive(ModelPanel(), lambda ctx: None).said[-1]
