"""Noise: mode, strength, and the list of layers."""

import pytest

from app.live.panels.noise import NoisePanel, padded, trimmed
from engine.scene import Noise, Scene
from tests.app.live.panels.doubles import drive, stylegan2, stylegan3

RANDOM = Scene().set("noise.mode", "random")


def test_modes_are_const_random_off():
    for label, mode in (("Random", "random"), ("Off", "none")):
        stage = drive(NoisePanel(), lambda ctx, label=label: ctx.item_click(label), frame=stylegan2())
        assert stage.scene == Scene().set("noise.mode", mode)
    assert drive(NoisePanel(), lambda ctx: ctx.item_click("Const"), RANDOM, stylegan2()).scene == Scene()


def test_random_noise_has_a_seed_and_can_be_animated():
    def script(ctx):
        ctx.item_input_value("Strength", 0.5)
        ctx.item_input_value("Noise seed", 7)
        ctx.item_click("Animate")
        ctx.item_input_value("Rate", 24)

    stage = drive(NoisePanel(), script, RANDOM, stylegan2())
    assert stage.scene.noise == Noise("random", 0.5, (), 7, True, 24.0)


def test_the_rate_waits_for_animate():
    stage = drive(NoisePanel(), lambda ctx: ctx.mouse_move("Rate"), RANDOM, stylegan2())
    assert stage.scene == RANDOM


def test_editing_one_layer_fills_those_before_it():
    def script(ctx):
        ctx.item_click("Per layer")
        ctx.item_input_value("noise.layers.5", 0.25)

    stage = drive(NoisePanel(), script, frame=stylegan2())
    assert stage.scene.noise.layers == (1, 1, 1, 1, 1, 0.25)
    assert stage.history.undo() and stage.scene == Scene()


def test_resetting_the_only_touched_layer_is_the_default_again():
    def script(ctx):
        ctx.item_click("Per layer")
        ctx.item_click("Reset noise.layers.2")

    stage = drive(NoisePanel(), script, Scene().set("noise.layers", (1.0, 1.0, 0.5)), stylegan2())
    assert stage.scene == Scene()


def test_layers_beyond_this_network_are_kept():
    def script(ctx):
        ctx.item_click("Per layer")
        ctx.item_input_value("noise.layers.0", 0.0)

    start = Scene().set("noise.layers", (1.0,) * 10 + (3.0,))
    stage = drive(NoisePanel(), script, start, stylegan2(4))
    assert stage.scene.noise.layers == (0.0,) + (1.0,) * 9 + (3.0,)


@pytest.mark.parametrize("layers", [(), (1.0, 0.5), (0.0,) * 9])
def test_padding_then_trimming_gives_the_scene_back(layers):
    scene = Scene().set("noise.layers", layers)
    assert len(padded(scene, 7).noise.layers) == max(7, len(layers))
    assert trimmed(padded(scene, 7)) == scene


def test_networks_without_noise_say_why():
    for frame, reason in ((stylegan3(), "StyleGAN3 has no noise inputs"), (stylegan2(noise=False), "use_noise")):
        stage = drive(NoisePanel(), lambda ctx: None, RANDOM, frame)
        assert reason in stage.said[-1]
        assert stage.scene == RANDOM
