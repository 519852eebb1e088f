"""Effects of style channels against what really happens to the kernel when w moves."""

import numpy as np
import torch

from engine.inspect.styles import MOST, effects, style_order
from tests.engine import tiny


def test_the_effect_is_how_far_the_kernel_moves_with_w():
    G = tiny.stylegan2()
    step = next(s for s in G.synthesis.steps if s.name == "b8.conv0")
    layer = G.synthesis.get_submodule("b8.conv0")
    w = torch.randn(4000, G.w_dim, generator=torch.Generator().manual_seed(0))
    styles = layer.get_submodule("affine")(w).detach().numpy()  # [n, I]
    weight = layer.get_parameter("weight").detach().numpy()  # [O, I, k, k]
    moved = styles.std(axis=0) * np.sqrt((weight**2).sum(axis=(0, 2, 3)))
    assert np.allclose(effects(G, step), moved, rtol=0.1)


def test_every_step_with_styles_is_ranked_and_no_other():
    for G in (tiny.stylegan1(), tiny.stylegan2(architecture="resnet"), tiny.stylegan3(), tiny.lucidrains()):
        order = style_order(G)
        assert set(order) == {s.name for s in G.synthesis.steps if s.styles}
        for step in G.synthesis.steps:
            if step.styles:
                found = effects(G, step)[list(order[step.name])]
                assert len(found) == min(MOST, step.styles) and (found.diff() <= 0).all()


def test_the_effect_on_lucidrains_network_is_how_far_the_kernel_moves_with_w():
    G = tiny.lucidrains()
    step = next(s for s in G.synthesis.steps if s.name == "blocks.1.conv1")
    w = torch.randn(4000, G.w_dim, generator=torch.Generator().manual_seed(0))
    styles = G.synthesis.get_submodule("blocks.1.to_style1")(w).detach().numpy()
    weight = G.synthesis.get_parameter("blocks.1.conv1.weight").detach().numpy()
    assert np.allclose(effects(G, step), styles.std(axis=0) * np.sqrt((weight**2).sum(axis=(0, 2, 3))), rtol=0.1)


def test_the_effect_in_stylegan_is_the_spread_of_its_scales_and_shifts():
    G = tiny.stylegan1()
    step = next(s for s in G.synthesis.steps if s.name == "b8.conv1")
    w = torch.randn(4000, G.w_dim, generator=torch.Generator().manual_seed(0))
    styles = G.synthesis.get_submodule("b8.conv1.affine")(w).detach().numpy()
    assert np.allclose(effects(G, step), styles.std(axis=0), rtol=0.1)
