"""Equivariance measured on generators whose answer is known."""

import math

import pytest
import torch

from engine.training import equivariance as eq
from engine.training import players
from engine.training.settings import TrainingError
from tests.engine.training.tiny import settings

R = 64


class Waves:
    """A generator that is exactly equivariant: smooth waves of the transformed position; or it sticks to the pixels."""

    z_dim, c_dim, w_dim = 4, 0, 4
    has_input_transform = True

    def __init__(self, sticks: float = 0.0):
        self.sticks, self.synthesis, self.mapping = sticks, self, lambda z, c: z[:, None].repeat(1, 2, 1)

    def __call__(self, ws, input_transform):
        steps = (torch.arange(R) + 0.5) / R - 0.5
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        p = torch.stack([x, y, torch.ones_like(x)]).reshape(3, -1)
        u, v, _ = (input_transform @ p).reshape(3, R, R)
        w = ws[:, 0, :, None, None]
        img = torch.sin(9 * u + w[:, 0]) * torch.cos(7 * v + w[:, 1]) + 0.3 * torch.sin(
            20 * u - 15 * v + w[:, 2]
        )
        return (img + self.sticks * torch.sin(60 * x))[:, None].repeat(1, 3, 1, 1)


def test_an_equivariant_generator_scores_high_and_one_that_sticks_does_not():
    good = eq.equivariance(Waves(), 12)  # type: ignore[arg-type]
    assert good["eq_t"] > 90 and good["eq_t_frac"] > 50 and good["eq_r"] > 40
    stuck = eq.equivariance(Waves(0.1), 12)  # type: ignore[arg-type]
    # Two unrelated waves of amplitude 0.1 differ by 0.01 in mean square; filtering for rotation weakens them a little.
    for name in ("eq_t", "eq_t_frac"):
        assert stuck[name] == pytest.approx(10 * math.log10(4 / 0.01), abs=3)
    assert stuck["eq_r"] < good["eq_r"] - 10


def test_turning_a_picture_moves_its_content_as_the_input_does():
    waves = Waves()
    ws = torch.randn(1, 2, 4)
    still = waves(ws, torch.eye(3))
    back = torch.eye(3)
    back[:2, :2] = eq.rotation(-0.7)
    turned, mask = eq.rotated(still, 0.7)
    assert mask.mean() > 0.4
    assert ((turned - waves(ws, back)).abs() * mask).max() < 0.02
    wrong = torch.eye(3)
    wrong[:2, :2] = eq.rotation(0.7)
    assert ((turned - waves(ws, wrong)).abs() * mask).max() > 0.2


def test_band_limit_passes_a_constant_and_is_a_plain_low_pass_without_rotation():
    for q in (1, 4):
        taps = eq.band_limit(eq.rotation(0.4), q)
        assert taps.shape == (12 * q - 1, 12 * q - 1)
        phases = [taps[i::q, j::q].sum() for i in range(q) for j in range(q)]
        assert torch.allclose(torch.stack(phases), torch.full([q * q], 1 / q**2), atol=1e-6)
    centre = eq.band_limit(eq.rotation(0.0), 1)
    assert centre[5, 5] == pytest.approx(1, abs=1e-3)  # all pixels of the grid survive: no filter


def test_untrained_stylegan3_keeps_what_its_paper_promises():
    small = {"resolution": 32, "channels": (256, 8), "d_channels": (8, 8, 8, 8), "layers": 6}
    T = players.build(settings(cfg="stylegan3-t", **small), 0).G_ema
    found = eq.equivariance(T, 4)
    assert found["eq_t"] > 30 and found["eq_t_frac"] > 25


def test_a_network_without_input_transform_is_refused():
    with pytest.raises(TrainingError, match="StyleGAN3"):
        eq.equivariance(players.build(settings(), 0).G_ema)
