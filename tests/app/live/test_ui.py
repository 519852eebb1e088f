"""The value bar and its neighbours, driven by label in a bare context."""

from imgui_bundle import imgui

from engine.scene import Scene
from tests.app.live.harness import run_panel


class Rows:
    title = "Truncation"
    hint = ""

    def draw(self, ui, scene, frame):
        scene = ui.row(scene, "truncation.psi")
        scene = ui.row(scene, "truncation.cutoff", high=14)
        scene = ui.row(scene, "latent.seed")
        scene = ui.choice(scene, "noise.mode", {"none": "Off"})
        scene = ui.toggles(scene, ["transform.snap", ("transform.anchor", "Anchor")])
        ui.buttons([("Picture", "capture.picture", "", True), ("Never", "x", "", False)])
        return scene


def test_typing_a_value_sets_it_as_one_entry():
    stage = run_panel(Rows(), lambda ctx: ctx.item_input_value("Psi", 0.7))
    assert stage.scene == Scene().set("truncation.psi", 0.7)
    assert stage.history.undo() and stage.scene == Scene()
    assert not stage.history.undo()


def test_a_refused_text_says_why_and_changes_nothing():
    panel, said = Rows(), []

    def draw(ui, scene, frame):
        said.append(ui.bars.error_at("truncation.psi"))
        return Rows.draw(panel, ui, scene, frame)

    panel.draw = draw

    def script(ctx):
        ctx.item_input_value("Psi", "1e9")
        ctx.yield_(3)

    stage = run_panel(panel, script)
    assert said[-1].startswith("truncation.psi: expected a number from -1 to 2, found 1")
    assert stage.scene == Scene()


def test_a_drag_is_one_undo_entry():
    def script(ctx):
        ctx.mouse_move("Psi")
        ctx.mouse_down(0)
        for _ in range(4):
            ctx.mouse_move_to_pos((imgui.get_mouse_pos().x - 20, imgui.get_mouse_pos().y))
        ctx.mouse_up(0)
        ctx.yield_(2)

    stage = run_panel(Rows(), script)
    assert stage.scene.truncation.psi < 0.5
    assert stage.history.undo() and stage.scene == Scene()
    assert not stage.history.can_undo


def test_ctrl_drag_is_ten_times_finer():
    def drag(ctrl):
        def script(ctx):
            ctx.mouse_move("Psi")
            if ctrl:
                ctx.key_down(imgui.Key.mod_ctrl)
            ctx.mouse_down(0)
            ctx.mouse_drag_with_delta((-50, 0))
            ctx.mouse_up(0)
            if ctrl:
                ctx.key_up(imgui.Key.mod_ctrl)
            ctx.yield_(2)

        return 1.0 - run_panel(Rows(), script).scene.truncation.psi

    coarse, fine = drag(False), drag(True)
    assert coarse > 0.5
    assert abs(fine - coarse / 10) < 0.011


def test_the_reset_mark_returns_to_the_default():
    start = Scene().set("truncation.psi", 0.3)
    stage = run_panel(Rows(), lambda ctx: ctx.item_click("Reset Psi"), scene=start)
    assert stage.scene == Scene()


def test_choices_toggles_and_buttons():
    def script(ctx):
        ctx.item_click("Off")
        ctx.item_click("Snap px")
        ctx.item_click("Picture")

    stage = run_panel(Rows(), script)
    assert stage.scene.noise.mode == "none"
    assert stage.scene.transform.snap is True
    assert stage.acts == [("capture.picture", ())]


def test_the_wheel_steps_a_resting_pointer():
    def script(ctx):
        ctx.mouse_move("Seed")
        ctx.sleep_no_skip(0.5, 0.05)
        ctx.mouse_wheel_y(3)
        ctx.mouse_move("Psi")
        ctx.yield_(2)

    stage = run_panel(Rows(), script)
    assert stage.scene.latent.seed == 3
    assert stage.history.undo() and stage.scene == Scene()
