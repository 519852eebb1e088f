"""Bends against forward passes by hand, in every architecture, and the places they act in."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cuda_ops.rgba import to_rgba8
from cuda_ops.upfirdn import setup_filter, upsample2d
from engine.bending import bent, place
from engine.latents import seed_to_z
from engine.looking import Bend
from engine.networks.common import Inputs, State
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine import tiny


def ws_of(G) -> torch.Tensor:
    return G.mapping(torch.from_numpy(seed_to_z(0, G.z_dim))[None])


def picture(G, *bends: Bend) -> np.ndarray:
    frame = Renderer(models=tiny.Shelf(tiny=G)).render(Scene(bends=bends))
    assert frame.error is None and frame.picture is not None
    return frame.picture


def test_ablated_channels_are_zero_for_the_next_layer():
    G = tiny.stylegan3()
    name, inputs, state = G.synthesis.steps[3].name, Inputs(ws_of(G)), State()
    for step in G.synthesis.steps:
        state = step.run(state, inputs)
        if step.name == name:
            assert state.x is not None
            x = state.x.clone()
            x[:, [1, 3]] = 0
            state = State(x=x, out=x)
    expected = to_rgba8(G.synthesis.picture(state)[0]).numpy()
    assert np.array_equal(picture(G, Bend(name, "ablate", (1, 3))), expected)
    assert not np.array_equal(picture(G), expected)


def test_a_bent_rgb_output_changes_only_its_share_of_the_picture():
    G = tiny.stylegan2()
    inputs, state, img = Inputs(ws_of(G)), State(), None
    for step in G.synthesis.steps:
        state = step.run(state, inputs)
        if step.name.endswith("torgb"):
            assert state.out is not None
            y = state.out * (3.0 if step.name == "b8.torgb" else 1.0)
            img = y if img is None else upsample2d(img, setup_filter((1, 3, 3, 1))) + y
    assert np.array_equal(picture(G, Bend("b8.torgb", "boost", (), 2.0)), to_rgba8(img[0]).numpy())


def test_a_residual_sum_and_its_shortcut_can_be_bent():
    G = tiny.stylegan2(architecture="resnet")
    inputs, state = Inputs(ws_of(G)), State()
    for step in G.synthesis.steps:
        state = step.run(state, inputs)
        if step.name == "b8.skip":
            assert state.skip is not None
            state = dataclasses.replace(state, skip=state.skip + 0.5)
        if step.name == "b16":
            assert state.x is not None
            state = dataclasses.replace(state, x=state.x * 2)
    bends = Bend("b8.skip", "offset", (), 0.5), Bend("b16", "boost", (), 1.0)
    assert np.array_equal(picture(G, *bends), to_rgba8(state.img[0]).numpy())


def test_several_bends_of_one_step_act_in_order():
    x = torch.arange(8.0).reshape(1, 2, 2, 2)
    G = tiny.stylegan2(resolution=8)
    first, second = Bend("b8.conv0", "boost", (0,), 1.0), Bend("b8.conv0", "offset", (0,), 1.0)
    assert torch.equal(bent(bent(x, first), second)[:, 0], x[:, 0] * 2 + 1)
    assert not np.array_equal(picture(G, first, second), picture(G, second, first))


@pytest.mark.parametrize("bend", [Bend("b8.conv0", on=False), Bend("b8.conv0", channels=(999,)), Bend("nowhere")])
def test_what_does_not_act_changes_nothing(bend):
    G = tiny.stylegan2()
    assert np.array_equal(picture(G, bend), picture(G))


def test_a_bend_restarts_at_its_own_step():
    renderer = Renderer(models=tiny.Shelf(tiny=tiny.stylegan2()))
    renderer.render(Scene())
    frame = renderer.render(Scene(bends=(Bend("b16.conv0"),)))
    assert [s.name for s in frame.steps if not s.reused][0] == "b16.conv0"
    assert renderer.render(Scene()).reused == frame.reused


def test_a_bend_leaves_what_it_was_given_alone():
    x = torch.ones(1, 3, 4, 4)
    for kind in ("ablate", "boost", "offset"):
        bent(x, Bend("s", kind, (1,), 5.0, radius=0.3))
    assert torch.equal(x, torch.ones(1, 3, 4, 4))


def test_a_place_is_a_disc_around_its_centre():
    mask = place(64, 64, Bend(x=0.25, y=0.5, radius=0.125))
    y, x = np.mgrid[0:64, 0:64] + 0.5
    distance = np.hypot(x - 16, y - 32)
    assert (mask.numpy()[distance < 7.4] == 1).all() and (mask.numpy()[distance > 8.6] == 0).all()
    assert mask.sum() == pytest.approx(np.pi * 64, rel=0.02)


def test_a_place_lies_where_it_is_in_the_picture_whatever_the_margin():
    bare, margined = place(16, 16, Bend(x=0.3, y=0.7, radius=0.2)), place(36, 36, Bend(x=0.3, y=0.7, radius=0.2), 16)
    assert torch.allclose(margined, F.pad(bare, (10,) * 4), atol=1e-6)


def test_a_stroke_is_all_of_its_discs():
    first, more = Bend(x=0.3, y=0.3, radius=0.1), ((0.6, 0.5), (0.9, 0.9))
    discs = [place(40, 40, Bend(x=x, y=y, radius=0.1)) for x, y in ((0.3, 0.3), *more)]
    stroke = place(40, 40, Bend(x=first.x, y=first.y, radius=0.1, stroke=more))
    assert torch.equal(stroke, torch.stack(discs).amax(dim=0))


def test_only_the_place_is_changed():
    x = torch.randn(1, 2, 32, 32, generator=torch.Generator().manual_seed(0))
    y = bent(x, Bend("s", "ablate", radius=0.2))
    assert (y[0, :, 16, 16] == 0).all() and torch.equal(y[0, :, 0], x[0, :, 0])


@pytest.mark.parametrize("name", ["b8.conv0", "b16.conv1", "b8.torgb"])
def test_a_style_bend_is_a_shifted_bias_of_the_steps_affine_layer(name):
    G, by_hand = tiny.stylegan2(), tiny.stylegan2()
    bias = by_hand.synthesis.get_parameter(f"{name}.affine.bias")
    bias.data[[0, 2]] += 1.5
    assert np.array_equal(picture(G, Bend(name, "style", (0, 2, 999), 1.5)), picture(by_hand))
    assert not np.array_equal(picture(G), picture(by_hand))


def test_styles_of_stylegan3_can_be_shifted_beside_other_bends():
    G, by_hand = tiny.stylegan3(), tiny.stylegan3()
    name = G.synthesis.steps[3].name
    by_hand.synthesis.get_parameter(f"{name}.affine.bias").data += 0.7
    boost = Bend(name, "boost", (1,), 3.0)
    assert np.array_equal(picture(G, Bend(name, "style", (), 0.7), boost), picture(by_hand, boost))


@pytest.mark.parametrize("name", ["b4.const", "b8.conv0", "b16.conv1"])
def test_a_style_bend_of_stylegan_is_a_shifted_bias_of_scales_and_shifts(name):
    G, by_hand = tiny.stylegan1(), tiny.stylegan1()
    channels = by_hand.synthesis.get_parameter(f"{name}.bias").numel()
    scale, move = 2, channels + 3  # scales come first, then shifts
    by_hand.synthesis.get_parameter(f"{name}.affine.bias").data[[scale, move]] += 1.5
    assert np.array_equal(picture(G, Bend(name, "style", (scale, move), 1.5)), picture(by_hand))
    assert not np.array_equal(picture(G), picture(by_hand))


@pytest.mark.parametrize(
    ("name", "affine"),
    [("blocks.1.conv1", "blocks.1.to_style1"), ("blocks.0.conv2", "blocks.0.to_style2"),
     ("blocks.2.to_rgb", "blocks.2.to_rgb.to_style")],
)  # fmt: skip
def test_a_style_bend_of_lucidrains_network_is_a_shifted_bias(name, affine):
    G, by_hand = tiny.lucidrains(), tiny.lucidrains()
    by_hand.synthesis.get_parameter(f"{affine}.bias").data[[1, 4]] += 0.8
    assert np.array_equal(picture(G, Bend(name, "style", (1, 4), 0.8)), picture(by_hand))
    assert not np.array_equal(picture(G), picture(by_hand))


def test_a_step_without_styles_passes_a_style_bend_over():
    G = tiny.stylegan3()
    assert np.array_equal(picture(G, Bend("input", "style")), picture(G))
