"""The grid of layers by sources: painting, shortcuts, sources."""

import random

import pytest

from app.live.panels import sources
from app.live.panels.mixing import MixingPanel, row_names
from engine.bands import bands
from engine.scene import Mixing, Scene, Source
from tests.app.live.panels.doubles import Driven, centre, drag, drive, play, stylegan2, stylegan3

TWO = Scene().set("mixing.sources", (Source(77, 0.8, (4, 5)), Source(1303)))


def layers(scene):
    return [source.layers for source in scene.mixing.sources]


def test_a_click_gives_one_cell_to_its_line():
    stage = drive(MixingPanel(), lambda ctx: ctx.item_click("cell 2 9"), TWO, stylegan2())
    assert layers(stage.scene) == [(4, 5), (9,)]


def test_a_drag_paints_what_it_crosses_and_is_one_undo_entry():
    def script(ctx):
        drag(ctx, "cell 2 3", centre(ctx, "cell 2 5"), centre(ctx, "cell 2 8"))

    stage = drive(MixingPanel(), script, TWO, stylegan2())
    assert layers(stage.scene) == [(), (3, 4, 5, 6, 7, 8)]
    assert stage.history.undo() and stage.scene == TWO
    assert not stage.history.can_undo


def test_a_fast_drag_leaves_no_holes():
    def script(ctx):
        ctx.mouse_move("cell 1 0")
        ctx.mouse_down(0)
        ctx.mouse_teleport_to_pos(centre(ctx, "cell 1 13"))
        ctx.mouse_up(0)

    stage = drive(MixingPanel(), script, TWO, stylegan2())
    assert layers(stage.scene) == [tuple(range(14)), ()]


def test_painting_keeps_to_the_line_it_began_on():
    def script(ctx):
        drag(ctx, "cell 1 1", centre(ctx, "cell 2 2"), centre(ctx, "cell 0 3"))

    stage = drive(MixingPanel(), script, TWO, stylegan2())
    assert layers(stage.scene) == [(1, 2, 3, 4, 5), ()]


def test_painting_the_base_line_takes_layers_back():
    stage = drive(MixingPanel(), lambda ctx: ctx.item_click("cell 0 4"), TWO, stylegan2())
    assert layers(stage.scene) == [(5,), ()]


@pytest.mark.parametrize("frame", [stylegan2(4), stylegan3(40)], ids=["4 rows", "40 rows"])
@pytest.mark.parametrize("width", [150, 336, 900])
def test_the_last_column_can_be_painted_at_any_width(frame, width):
    last = frame.model.num_ws - 1
    stage = drive(MixingPanel(), lambda ctx: ctx.item_click(f"cell 1 {last}"), TWO, frame, width)
    assert last in stage.scene.mixing.sources[0].layers


def test_a_layer_that_this_network_does_not_have_survives_painting():
    start = Scene().set("mixing.sources", (Source(1, layers=(2, 17)),))
    stage = drive(MixingPanel(), lambda ctx: ctx.item_click("cell 1 3"), start, stylegan2(4))
    assert layers(stage.scene) == [(2, 3, 17)]


def test_shortcuts_follow_the_split_of_the_papers():
    def script(ctx):
        ctx.item_click("line 1")
        ctx.item_click("Coarse")
        ctx.item_click("line 2")
        ctx.item_click("Fine")

    stage = drive(MixingPanel(), script, TWO, stylegan2(14))
    assert layers(stage.scene) == [(0, 1, 2, 4, 5), tuple(range(7, 14))]


@pytest.mark.parametrize("num_ws", [4, 6, 10, 14, 16, 18, 40])
@pytest.mark.parametrize("make", [stylegan2, stylegan3])
def test_the_split_covers_every_row_once(make, num_ws):
    frame = make(num_ws)
    found = bands(frame.model, frame.steps)
    assert [row for band in found for row in band.rows] == list(range(num_ws))


def test_a_new_source_owns_nothing_and_is_selected():
    def script(ctx):
        ctx.item_click("+ Source")
        ctx.item_click("Middle")

    stage = drive(MixingPanel(), script, Scene(), stylegan2())
    assert layers(stage.scene) == [(3, 4, 5, 6)]
    assert stage.history.undo() and layers(stage.scene) == [()]
    assert stage.history.undo() and stage.scene == Scene()


def test_there_are_no_more_sources_than_rows():
    full = Scene().set("mixing.sources", tuple(Source(seed) for seed in range(4)))
    stage = drive(MixingPanel(), lambda ctx: ctx.item_click("+ Source"), full, stylegan2(4))
    assert stage.scene == full


def test_seed_and_amount_of_the_selected_source():
    def script(ctx):
        ctx.item_click("line 2")
        ctx.item_input_value("mixing.sources.1.seed", 5)
        ctx.item_input_value("mixing.sources.1.amount", 0.25)

    stage = drive(MixingPanel(), script, TWO, stylegan2())
    assert stage.scene.mixing.sources == (Source(77, 0.8, (4, 5)), Source(5, 0.25))


def test_the_first_source_is_selected_until_another_line_is():
    def script(ctx):
        ctx.item_input_value("mixing.sources.0.seed", 5)
        ctx.item_click("line 0")
        ctx.yield_(2)
        assert not ctx.item_exists("mixing.sources.0.seed")

    stage = drive(MixingPanel(), script, TWO, stylegan2())
    assert stage.scene.mixing.sources[0].seed == 5


def test_undo_of_a_new_source_leaves_the_panel_whole():
    def script(ctx):
        ctx.item_click("+ Source")
        stage.history.undo()
        ctx.yield_(2)
        ctx.item_click("+ Source")

    stage = Driven(MixingPanel(), Scene(), stylegan2(), 336.0)
    play(stage, script)
    assert layers(stage.scene) == [()]


def test_an_amount_outside_its_range_is_refused():
    def script(ctx):
        ctx.item_click("line 1")
        ctx.item_input_value("mixing.sources.0.amount", 1.5)

    stage = drive(MixingPanel(), script, TWO, stylegan2())
    assert stage.scene == TWO
    assert stage.said[-1].startswith("mixing.sources.0.amount: expected a number from 0 to 1")


def test_random_clear_and_remove():
    def pressing(label):
        def script(ctx):
            ctx.item_click("line 1")
            ctx.item_click(label)

        return drive(MixingPanel(), script, TWO, stylegan2()).scene

    assert layers(pressing("Clear")) == [(), ()]
    assert pressing("Remove").mixing.sources == (Source(1303),)
    drawn = {pressing("Random").mixing.sources[0].seed for _ in range(3)}
    assert drawn != {77} and all(0 <= seed < 10_000 for seed in drawn)


def test_random_strokes_leave_each_row_with_one_owner():
    dice = random.Random(0)
    mixing, expected = Mixing(tuple(Source(seed) for seed in range(3))), [0] * 18
    for _ in range(200):
        who, rows = dice.randrange(4), dice.sample(range(18), dice.randrange(6))
        mixing = sources.assign(mixing, who, rows)
        for row in rows:
            expected[row] = who
    assert list(sources.owners(mixing, 18)) == expected
    claimed = [row for source in mixing.sources for row in source.layers]
    assert len(claimed) == len(set(claimed))


def test_where_two_claim_a_row_the_later_one_has_it():
    mixing = Mixing((Source(1, layers=(2, 3)), Source(2, layers=(3,))))
    assert sources.owners(mixing, 5) == (0, 0, 1, 2, 0)


def test_rows_are_named_after_the_steps_that_read_them():
    frame = stylegan2()
    assert row_names(frame.model, frame)[1] == "row 1: b4.torgb, b8.conv0"


def test_without_a_network_it_says_what_mixing_is():
    stage = drive(MixingPanel(), lambda ctx: None, TWO)
    assert "Open a network" in stage.said[-1]
    assert stage.scene == TWO
