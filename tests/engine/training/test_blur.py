"""StyleGAN3-R's blur of what D sees at first: its taps, its fade, and that reals and fakes both go through it."""

import pytest
import torch

from engine.training.loop import Trainer
from engine.training.objectives import blur
from engine.training.settings import preset
from tests.engine.training.tiny import dataset, settings


def brute(img: torch.Tensor, sigma: float) -> torch.Tensor:
    """The weighted mean of the pixels around each, black outside, summed one by one."""
    reach = [k for k in range(-100, 101) if abs(k) <= int(3 * sigma)]
    weights = {(j, i): 2 ** -((j / sigma) ** 2) * 2 ** -((i / sigma) ** 2) for j in reach for i in reach}
    total, (H, W) = sum(weights.values()), img.shape[2:]
    out = torch.zeros_like(img)
    for y in range(H):
        for x in range(W):
            for (j, i), weight in weights.items():
                if 0 <= y + j < H and 0 <= x + i < W:
                    out[..., y, x] += img[..., y + j, x + i] * (weight / total)
    return out


@pytest.mark.parametrize("sigma", [0.34, 1.0, 1.7, 2.0])
def test_taps_are_powers_of_two_up_to_three_sigma(sigma):
    img = torch.randn(2, 3, 7, 9)
    assert torch.allclose(blur(img, sigma), brute(img, sigma), atol=1e-5)
    assert not torch.allclose(blur(img, sigma), img, atol=1e-2)


@pytest.mark.parametrize("sigma", [0.0, 0.33])
def test_a_sigma_without_a_neighbour_in_reach_does_nothing(sigma):
    img = torch.randn(1, 3, 5, 5)
    assert blur(img, sigma) is img


def test_reals_and_fakes_are_blurred_alike_and_less_and_less():
    data = dataset()
    t = Trainer(settings(blur_sigma=1.2, blur_kimg=0.012, path_weight=0, r1_interval=1), data)
    made, shown = [], []
    t.players.G.synthesis.register_forward_hook(lambda module, args, img: made.append(img.detach().contiguous()))
    t.players.D.register_forward_pre_hook(lambda module, args: shown.append(args[0].detach().contiguous()))
    twin = Trainer(t.settings, data)  # whose pictures come in the same order
    for sigma in (1.2, 0.8, 0.4, 0.0, 0.0):
        made.clear()
        shown.clear()
        t.step()
        real = twin._reals(4)[0]
        assert t.objectives.blur_sigma == pytest.approx(sigma, abs=1e-6)
        before = [made[0], made[1], real, real]  # G's own, D's fake, D's real, R1
        assert len(made) == 2 and len(shown) == 4
        for img, seen in zip(before, shown, strict=True):
            expected = brute(img, sigma) if int(3 * sigma) else img
            assert torch.allclose(seen, expected, atol=1e-5)


def test_gradients_of_r1_are_those_before_the_blur():
    t = Trainer(settings(blur_sigma=1.5, blur_kimg=1.0), dataset())
    t.objectives.blur_sigma = 1.5
    img = torch.randn(4, 3, 8, 8)
    given = img.clone().requires_grad_(True)
    logits = t.players.D(brute(given, 1.5), torch.zeros(4, 0))
    (gradient,) = torch.autograd.grad(logits.sum(), given)
    expected = gradient.square().sum(dim=[1, 2, 3]).mean() * t.settings.gamma / 2
    assert torch.isclose(t.objectives.r1(img, torch.zeros(4, 0)), expected, rtol=1e-4)


def test_only_new_runs_with_rotation_begin_blurred():
    new = preset("stylegan3-r", 64, 16)
    assert new["blur_sigma"] == 10 and new["blur_kimg"] == 100
    for cfg, fine_tuning in (("stylegan3-r", True), ("stylegan3-t", False), ("stylegan2", False)):
        assert "blur_sigma" not in preset(cfg, 64, 16, fine_tuning)
