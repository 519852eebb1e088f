"""Weights and styles as pictures: every number where the layout says, in every family; kernels' responses by hand."""

import numpy as np
import pytest
import torch

from engine.inspect import parts
from engine.networks.common import Inputs
from tests.engine import tiny

FAMILIES = {"1": tiny.stylegan1, "2": tiny.stylegan2, "3": tiny.stylegan3, "lucidrains": tiny.lucidrains}
NAMES = {  # step, its weight, its affine layer
    "1": ("b8.conv0", "b8.conv0.weight", "b8.conv0.affine"),
    "2": ("b16.torgb", "b16.torgb.weight", "b16.torgb.affine"),
    "3": ("L2_36_12", "L2_36_12.weight", "L2_36_12.affine"),
    "lucidrains": ("blocks.1.conv2", "blocks.1.conv2.weight", "blocks.1.to_style2"),
}


def step_of(G, name):
    return next(s for s in G.synthesis.steps if s.name.startswith(name.split("_")[0]))


@pytest.mark.parametrize("family", NAMES)
def test_weights_lie_where_the_layout_says(family):
    G = FAMILIES[family]()
    name = step_of(G, NAMES[family][0]).name if family == "3" else NAMES[family][0]
    weight = parts.weight_of(G, name)
    assert torch.equal(weight, G.synthesis.get_parameter(NAMES[family][1].replace("L2_36_12", name)))
    part = parts.weight_part(weight)
    O, H, W = part.x.shape
    seen = np.zeros(weight.shape)
    for y in range(H):
        for x in range(W):
            i, row, column = part.layout.at(x, y)
            seen[:, i, row, column] = part.x[:, y, x]
    assert weight.shape[0] == O and np.array_equal(seen, weight)
    assert torch.equal(parts.kernels(part.x, part.layout), weight)


@pytest.mark.parametrize("family", NAMES)
def test_styles_are_what_the_affine_layer_makes_of_w(family):
    G = FAMILIES[family]()
    step = step_of(G, NAMES[family][0]) if family == "3" else None
    step = step or next(s for s in G.synthesis.steps if s.name == NAMES[family][0])
    ws = torch.randn(1, G.num_ws, G.w_dim, generator=torch.Generator().manual_seed(1))
    affine = G.synthesis.get_submodule(NAMES[family][2].replace("L2_36_12", step.name))
    expected = affine(ws[:, step.ws[0]])[0]
    shift = torch.arange(float(step.styles))
    assert torch.allclose(parts.styles_of(G, step, Inputs(ws)), expected)
    assert torch.allclose(parts.styles_of(G, step, Inputs(ws), shift), expected + shift)
    part = parts.styles_part(expected, G.family)
    assert part.x.numel() == step.styles and len(part.x) == (2 if family == "1" else 1)
    i, _, _ = part.layout.at(part.x.shape[2] - 1, 1)
    assert part.x[0, 1, -1] == expected[i]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_has_styles_where_it_says_so(family):
    G = FAMILIES[family]()
    ws = torch.zeros(1, G.num_ws, G.w_dim)
    for step in G.synthesis.steps:
        found = parts.styles_of(G, step, Inputs(ws))
        assert (0 if found is None else found.numel()) == step.styles


def test_steps_without_a_weight_have_none_and_a_constant_is_one():
    G = tiny.stylegan2(architecture="resnet")
    assert parts.weight_of(G, "b8") is None and parts.weight_of(G, "b8.skip") is not None
    G = tiny.stylegan1()
    assert torch.equal(parts.weight_of(G, "b4.const")[:, 0], G.synthesis.get_parameter("b4.const.const"))
    assert parts.affine_of(tiny.stylegan3(), "input") is None


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12, 96, 512])
def test_cells_fill_the_picture_exactly(count):
    part = parts.weight_part(torch.randn(2, count, 3, 3))
    rows, columns = part.x.shape[1] // 3, part.x.shape[2] // 3
    assert rows * columns == count and rows <= columns == part.layout.columns


def test_the_response_of_a_kernel_is_its_discrete_fourier_transform():
    weight = torch.randn(3, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    part = parts.weight_part(weight)
    found = parts.response(part.x, part.layout, 16).numpy()
    f = np.arange(-8, 8) / 16
    taps = np.arange(3)
    wave = np.exp(-2j * np.pi * np.outer(f, taps))  # [f, taps]
    expected = np.abs(np.einsum("yk,oikl,xl->oiyx", wave, weight.numpy(), wave)) ** 2
    assert np.allclose(found, expected.mean(axis=1), rtol=1e-4, atol=1e-4)
    mean = parts.mean_response(part.x, part.layout, 16).numpy()
    assert np.allclose(mean, expected.mean(axis=(0, 1)), rtol=1e-4, atol=1e-4)
    one = torch.zeros(1, 1, 3, 3)
    one[0, 0, 1, 1] = 1
    part = parts.weight_part(one)
    assert torch.allclose(parts.response(part.x, part.layout, 8), torch.ones(1, 8, 8))
