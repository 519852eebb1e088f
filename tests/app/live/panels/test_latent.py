"""The seed plane and the stored vector."""

import math

import numpy as np
import pytest
from imgui_bundle import imgui

from app.live.panels.latent import LatentPanel, SeedPad, snapped, vector_facts
from engine.scene import Latent, Scene
from tests.app.live.panels.doubles import centre, drag, drive, stylegan2

EM = 13.0  # pixels at scale 1


def vectors(scene=None, **latent):
    scene = scene or Scene()
    for name, value in {"mode": "vector", **latent}.items():
        scene = scene.set(f"latent.{name}", value)
    return scene


def test_seed_plane_and_walk_are_rows():
    def script(ctx):
        for label, value in (("Seed", 2041), ("Plane x", 0.35), ("Plane y", -1.2), ("Walk", 0.25)):
            ctx.item_input_value(label, value)

    stage = drive(LatentPanel(), script, frame=stylegan2())
    assert stage.scene.latent == Latent(seed=2041, x=0.35, y=-1.2, walk=0.25)


def test_snap_goes_to_the_nearest_whole_seed():
    start = Scene().set("latent.x", 2.6).set("latent.y", -1.2)
    stage = drive(LatentPanel(), lambda ctx: ctx.item_click("Snap"), start)
    assert (stage.scene.latent.x, stage.scene.latent.y) == (3, -1)


def test_snapping_a_snapped_scene_changes_nothing():
    scene = snapped(Scene().set("latent.x", -0.5).set("latent.y", 7.49))
    assert snapped(scene) == scene


def test_reset_forgets_where_one_was_and_stops():
    start = Scene().set("latent.seed", 5).set("latent.walk", 2.0).set("truncation.psi", 0.5)
    stage = drive(LatentPanel(), lambda ctx: ctx.item_click("Reset"), start)
    assert stage.scene == Scene().set("truncation.psi", 0.5)


def test_random_is_the_action_that_the_key_runs_too():
    assert drive(LatentPanel(), lambda ctx: ctx.item_click("Random")).acts == [("latent.random", ())]


def test_dragging_the_map_moves_the_point_the_other_way_in_one_entry():
    def script(ctx):
        middle = centre(ctx, "Seed plane")
        drag(ctx, "Seed plane", *((middle.x - 26 * i, middle.y) for i in (1, 2, 3)))

    stage = drive(LatentPanel(), script)
    assert stage.scene.latent.x == pytest.approx(78 / (SeedPad.UNIT * EM), abs=0.001)
    assert stage.scene.latent.y == 0
    assert stage.history.undo() and stage.scene == Scene() and not stage.history.can_undo


def test_ctrl_makes_the_map_fine():
    def dragged(ctrl):
        def script(ctx):
            ctx.mouse_move("Seed plane")
            if ctrl:
                ctx.key_down(imgui.Key.mod_ctrl)
            ctx.mouse_down(0)
            ctx.mouse_drag_with_delta((-60, 0))
            ctx.mouse_up(0)
            if ctrl:
                ctx.key_up(imgui.Key.mod_ctrl)

        return drive(LatentPanel(), script).scene.latent.x

    assert dragged(True) == pytest.approx(dragged(False) / 10, abs=0.01)


def test_a_click_on_the_map_goes_to_that_seed():
    def script(ctx):
        middle = centre(ctx, "Seed plane")
        at = (middle.x + 2.3 * SeedPad.UNIT * EM, middle.y)
        ctx.mouse_move_to_pos(at)
        ctx.mouse_click(0)
        ctx.yield_(2)

    stage = drive(LatentPanel(), script, Scene().set("latent.x", 0.4))
    assert (stage.scene.latent.x, stage.scene.latent.y) == (3, 0)  # 0.4 + 2.3 is nearest to 3
    assert stage.history.undo() and not stage.history.can_undo


def test_the_plane_has_edges():
    def script(ctx):
        drag(ctx, "Seed plane", (20, 300), (20, 300))

    stage = drive(LatentPanel(), script, Scene().set("latent.x", 1e6))
    assert stage.scene.latent.x == 1e6


def test_vector_mode_is_a_segment():
    stage = drive(LatentPanel(), lambda ctx: ctx.item_click("Vector"), frame=stylegan2())
    assert stage.scene == vectors()
    assert "No vector yet" in stage.said[-1]


def test_randomise_draws_a_normal_z_each_time():
    def drawn():
        stage = drive(LatentPanel(), lambda ctx: ctx.item_click("Randomise"), vectors(), stylegan2(z_dim=4096))
        return stage.scene.latent.vector

    first, second = drawn(), drawn()
    assert first != second
    assert len(first) == 4096
    assert abs(np.mean(first)) < 0.1 and abs(np.std(first) - 1) < 0.1


def test_keep_seed_stores_the_published_z():
    stage = drive(LatentPanel(), lambda ctx: ctx.item_click("Keep seed"), vectors(seed=3, x=2.0), stylegan2())
    expected = np.random.RandomState(5).randn(8).astype(np.float32)
    np.testing.assert_array_equal(np.float32(stage.scene.latent.vector), expected)


def test_keep_between_seeds_stores_the_w_of_the_blend():
    asked = []

    def base_w(scene):
        asked.append(scene.latent)
        return (0.5,) * 6

    start = vectors(seed=3, x=0.5)
    stage = drive(LatentPanel(), lambda ctx: ctx.item_click("Keep seed"), start, stylegan2(), base_w=base_w)
    assert stage.scene == start.set("latent.space", "w").set("latent.vector", (0.5,) * 6)
    assert (asked[0].mode, asked[0].seed, asked[0].x) == ("seeds", 3, 0.5)


def test_random_w_is_mapped_from_a_whole_random_seed():
    asked = []

    def base_w(scene):
        asked.append(scene.latent)
        return (1.0,) * 6

    start = vectors(space="w", x=0.5)
    stage = drive(LatentPanel(), lambda ctx: ctx.item_click("Randomise"), start, stylegan2(), base_w=base_w)
    assert stage.scene.latent.vector == (1.0,) * 6
    assert asked[0].mode == "seeds" and (asked[0].x, asked[0].y) == (0, 0)


def test_a_random_w_needs_a_network_in_memory():
    start = vectors(space="w")
    assert drive(LatentPanel(), lambda ctx: ctx.item_click("Randomise"), start, stylegan2()).scene == start


def test_files_are_asked_for_as_actions():
    def script(ctx):
        ctx.item_click("Load .npy")
        ctx.item_click("Save .npy")

    stage = drive(LatentPanel(), script, vectors(vector=(1.0,) * 8), stylegan2())
    assert [name for name, _ in stage.acts] == ["vector.open", "vector.save"]


def test_nothing_to_save_without_a_vector():
    assert drive(LatentPanel(), lambda ctx: ctx.item_click("Save .npy"), vectors(), stylegan2()).acts == []


def test_a_file_that_does_not_fit_is_explained_in_the_panel():
    stage = drive(LatentPanel(), lambda ctx: None, vectors(), stylegan2(), vector_error="w.npy: expected 6 numbers.")
    assert "w.npy: expected 6 numbers." in stage.said


def test_a_vector_of_another_network_is_pointed_out():
    stage = drive(LatentPanel(), lambda ctx: None, vectors(vector=(1.0,) * 5), stylegan2())
    assert "This network's z has 8 numbers, not 5." in stage.said


def test_facts_name_dimension_and_norm():
    facts = dict(vector_facts(vectors(vector=(3.0, 4.0)), None))
    assert facts["Dimension"] == "2"
    assert facts["Norm"].startswith("5.00") and f"{math.sqrt(2):.1f}" in facts["Norm"]
