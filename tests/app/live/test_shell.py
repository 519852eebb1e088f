"""The window as a person uses it: picture, shortcuts, layout, messages."""

from dataclasses import replace

import pytest
from imgui_bundle import imgui

from app.live import viewport
from engine.scene import Scene
from tests.app.live.appstage import FACTS, AppStage, Engine, drag

CTRL, SHIFT = imgui.Key.mod_ctrl, imgui.Key.mod_shift


@pytest.fixture
def stage(tmp_path):
    with AppStage(tmp_path) as stage:
        yield stage


# --- the picture ------------------------------------------------------------------------------------------------


def test_walking_is_one_undo_entry(stage):
    stage.play_app(lambda ctx: drag(ctx, stage.middle(), (130, 65)))
    assert stage.scene.latent.x == pytest.approx(0.5, abs=0.02)  # 0.05 seeds an em, 13 pixels an em
    assert stage.scene.latent.y == pytest.approx(0.25, abs=0.02)
    stage.play_app(lambda ctx: ctx.item_click("//Top/Undo"))
    assert stage.scene == Scene()
    assert not stage.app.history.can_undo


def test_move_follows_the_pointer_in_picture_widths(stage):
    def script(ctx):
        ctx.item_click("//Picture/Move")
        width = stage.app.viewport.placed.width * stage.app.viewport.placed.pixel
        drag(ctx, stage.middle(), (width / 8, -width / 16))

    stage.play_app(script)
    assert stage.scene.transform.x == pytest.approx(1 / 8, abs=0.003)
    assert stage.scene.transform.y == pytest.approx(-1 / 16, abs=0.003)


def test_rotate_turns_counter_clockwise_about_the_centre(stage):
    def script(ctx):
        ctx.item_click("//Picture/Rotate")
        x, y = stage.middle()
        drag(ctx, (x + 100, y), (0, -100))  # from east to north-east

    stage.play_app(script)
    assert stage.scene.transform.rotate == pytest.approx(45, abs=0.5)


def test_tools_without_effect_cannot_be_chosen(tmp_path):
    engine = Engine(replace(FACTS, has_input_transform=False))
    with AppStage(tmp_path, engine=engine) as stage:
        stage.play_app(lambda ctx: ctx.item_click("//Picture/Move"))
        assert stage.app.settings.tool == "Walk"


def test_the_wheel_zooms_about_the_pointer(stage):
    seen = []

    def script(ctx):
        x, y = stage.middle()
        at = imgui.ImVec2(x + 80, y - 40)
        ctx.mouse_move_to_pos(at)
        seen.append((stage.app.viewport.placed.at(at.x, at.y), stage.app.viewport.placed.pixel))
        ctx.mouse_wheel_y(3)
        ctx.yield_(2)
        seen.append((stage.app.viewport.placed.at(at.x, at.y), stage.app.viewport.placed.pixel))

    stage.play_app(script)
    (before, small), (after, large) = seen
    assert before == after
    assert large == pytest.approx(small * 1.2**3)


def test_double_click_fits_again_and_1_shows_pixels_as_they_are(stage):
    def script(ctx):
        ctx.mouse_move_to_pos(imgui.ImVec2(*stage.middle()))
        ctx.key_press(imgui.Key._1)
        ctx.yield_(2)
        assert stage.app.viewport.placed.pixel == 1.0
        ctx.mouse_double_click(0)
        ctx.yield_(2)

    stage.play_app(script)
    assert stage.app.viewport.view.fit
    assert stage.scene == Scene()


def test_space_drag_moves_the_view_and_does_not_pause(stage):
    def script(ctx):
        ctx.mouse_move_to_pos(imgui.ImVec2(*stage.middle()))
        ctx.key_down(imgui.Key.space)
        drag(ctx, stage.middle(), (40, 0))
        ctx.key_up(imgui.Key.space)
        ctx.yield_(2)

    before = stage.app.viewport.placed.x
    stage.play_app(script)
    assert stage.app.viewport.placed.x == pytest.approx(before + 40, abs=1)
    assert stage.app.playing
    assert stage.scene == Scene()


# --- keys -------------------------------------------------------------------------------------------------------


def test_shortcuts(stage):
    def script(ctx):
        ctx.mouse_move_to_pos(imgui.ImVec2(*stage.middle()))
        ctx.key_press(imgui.Key.space)
        ctx.yield_(2)
        assert not stage.app.playing
        ctx.key_press(imgui.Key.right_arrow)
        ctx.key_press(SHIFT | imgui.Key.down_arrow)
        ctx.key_press(imgui.Key.n)
        ctx.yield_(2)

    stage.play_app(script)
    latent = stage.scene.latent
    assert (latent.x, latent.y, stage.scene.noise.mode) == (0.1, 1.0, "random")
    stage.play_app(lambda ctx: ctx.key_press(CTRL | imgui.Key.z, 2))
    assert (stage.scene.latent.x, stage.scene.latent.y, stage.scene.noise.mode) == (0.1, 0.0, "const")
    stage.play_app(lambda ctx: ctx.key_press(CTRL | imgui.Key.y))
    assert stage.scene.latent.y == 1.0


def test_letters_typed_into_a_field_are_no_shortcuts(stage):
    def script(ctx):
        ctx.item_double_click("//Left/Latent/Seed")
        ctx.yield_(3)
        ctx.key_chars_replace("77r")  # r would draw a random seed
        ctx.key_press(imgui.Key.escape)
        ctx.yield_(3)

    stage.play_app(script)
    assert stage.scene == Scene()


def test_tab_hides_everything_but_the_picture(stage):
    stage.play_app(lambda ctx: ctx.key_press(imgui.Key.tab))
    stage.run_frames(3)
    placed = stage.app.viewport.placed
    assert placed.height * placed.pixel == pytest.approx(800, abs=1)
    stage.play_app(lambda ctx: ctx.key_press(imgui.Key.escape))
    assert stage.app.panels_shown


def test_help_names_every_key_and_closes(stage):
    def script(ctx):
        ctx.item_click("//Top/?")
        ctx.yield_(2)
        assert stage.app.dialogs.help
        ctx.key_press(imgui.Key.escape)
        ctx.yield_(2)

    stage.play_app(script)
    assert not stage.app.dialogs.help


# --- what the engine says ---------------------------------------------------------------------------------------


def test_a_failed_frame_is_a_sentence_and_the_picture_stays(stage):
    stage.engine_double.trouble = lambda scene: (
        "label.index: too large." if scene.truncation.psi < 0 else None
    )
    good = stage.app.shown.picture
    stage.play_app(lambda ctx: ctx.item_input_value("//Left/Truncation/Psi", -0.5))
    stage.run_frames(2)
    assert stage.said == ["label.index: too large."]
    assert stage.app.shown.picture is good
    assert stage.app.picture_scene == Scene()
    stage.play_app(lambda ctx: ctx.item_click("//Picture/message frame/Undo"))
    stage.run_frames(2)
    assert stage.said == [] and stage.scene == Scene()


def test_a_slow_engine_holds_nothing_up(stage):
    stage.engine_double.idle = False
    stage.engine_double.submit = lambda scene, budget_ms=None: stage.engine_double.scenes.append(scene)  # never answers
    stage.play_app(lambda ctx: ctx.item_input_value("//Left/Truncation/Psi", 0.4))
    stage.run_frames(2)
    assert stage.scene.truncation.psi == 0.4
    assert stage.engine_double.scenes[-1] == stage.scene
    assert stage.app.busy


def test_an_unchanged_scene_is_not_submitted_again_and_leaves_the_window_at_rest(stage):
    submitted = len(stage.engine_double.scenes)
    stage.run_frames(20)
    assert len(stage.engine_double.scenes) == submitted
    assert not stage.app.busy


def test_walking_plays_without_undo_entries(stage):
    stage.play_app(lambda ctx: ctx.item_input_value("//Left/Latent/Walk", 2.0))
    start = stage.scene.latent.x
    stage.run_frames(30, dt=1 / 60)
    assert stage.scene.latent.x == pytest.approx(start + 1.0, abs=0.01)  # 2 seeds a second for half a second
    stage.app.undo()
    stage.run_frames(1)
    assert stage.scene.latent.walk == 0
    assert not stage.app.history.can_undo


# --- layout -----------------------------------------------------------------------------------------------------


def test_sections_move_pop_out_and_return(stage):
    def script(ctx):
        ctx.mouse_move("//Left/Truncation/Heading")
        ctx.item_click("//Left/Truncation/Menu")
        ctx.item_click("//$FOCUSED/To the right column")
        ctx.yield_(2)
        assert stage.app.columns.layout.right == ["Layers", "Truncation"]
        ctx.item_click("//Left/Latent/Menu")
        ctx.item_click("//$FOCUSED/Own window")
        ctx.yield_(3)
        ctx.item_input_value("//Latent/Latent/Seed", 9)

    stage.play_app(script)
    assert stage.scene.latent.seed == 9
    assert stage.app.columns.layout.floating == ["Latent"]
    stage.app.ui.act("layout.reset")
    stage.run_frames(3)
    layout = stage.app.columns.layout
    assert (layout.left, layout.right, layout.floating) == (["Truncation", "Latent"], ["Layers"], [])


def test_a_heading_folds_its_section(stage):
    stage.play_app(lambda ctx: ctx.item_click("//Left/Truncation/Heading"))
    assert stage.app.columns.layout.folded == ["Truncation"]
    stage.play_app(lambda ctx: ctx.item_click("//Left/Truncation/Heading"))
    assert stage.app.columns.layout.folded == []


def test_the_layout_is_there_again_next_time(tmp_path):
    with AppStage(tmp_path) as stage:
        stage.app.columns.move("Truncation", "right")
        stage.app.use_workspace("Inspect")
        stage.app.columns.fold("Latent")
        stage.app.close()
    with AppStage(tmp_path) as stage:
        assert stage.app.settings.workspace == "Inspect"
        assert stage.app.columns.layout.folded == ["Latent"]
        stage.app.use_workspace("Play")
        assert stage.app.columns.layout.right == ["Layers", "Truncation"]


@pytest.mark.parametrize("size", [(1, 1), (300, 200), (200, 900), (5000, 300), (3840, 2160)])
def test_any_size_of_window_can_be_drawn(tmp_path, size):
    with AppStage(tmp_path) as stage:
        stage.app.messages.fail("a sentence " * 30, "topic")
        stage.app.dialogs.toggle_help()
        stage.size = size
        stage.run_frames(4)
        stage.app.dialogs.open_file()
        stage.run_frames(4)
        stage.size = (1280, 800)
        stage.run_frames(3)
        assert stage.app.viewport.placed is not None


@pytest.mark.parametrize("scale", [0.75, 1.5, 2.0, 3.0])
def test_rows_keep_their_proportions_at_every_scale(tmp_path, scale):
    with AppStage(tmp_path, size=(round(1280 * scale), round(800 * scale))) as stage:
        stage.app.use_screen_scale(scale)
        stage.run_frames(3)
        rects = []
        stage.play_app(lambda ctx: rects.append(ctx.item_info("//Left/Truncation/Psi").rect_full))
        rect = rects[0]
        assert rect.get_height() / scale == pytest.approx(19, abs=1)
        assert rect.min.x / scale == pytest.approx(104, abs=2)


def test_a_drag_asks_for_a_quick_picture_and_the_clock_does_not(stage):
    budgets = []
    answer = stage.engine_double.submit
    stage.engine_double.submit = lambda scene, budget_ms=None: (budgets.append(budget_ms), answer(scene))
    stage.play_app(lambda ctx: drag(ctx, stage.middle(), (130, 65)))
    assert budgets and set(budgets) == {33.0}
    stage.app.set_preview(0)
    stage.play_app(lambda ctx: drag(ctx, stage.middle(), (-130, 65)))
    assert budgets[-1] is None


def test_a_preview_is_labelled_as_one(stage, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(viewport, "_label", lambda ui, draw, words, at, mono=False: said.append(words))
    stage.run_frames(2)
    assert not any("Preview" in words for words in said)
    stage.app.shown = replace(stage.app.shown, preview=(12, 16))
    stage.run_frames(1)
    assert any("Preview at 16 x 12" in words for words in said)
