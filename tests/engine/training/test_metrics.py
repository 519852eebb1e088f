"""Measures against cases whose answer is known."""

import math

import pytest
import torch

from engine.training import metrics, players
from tests.engine.training.tiny import dataset, settings


def test_pyramid_adds_up_to_the_picture():
    img = torch.randn(2, 3, 64, 64)
    levels = metrics.laplacian_pyramid(img)
    assert [level.shape[3] for level in levels] == [64, 32, 16]
    whole = levels[-1]
    for level in reversed(levels[:-1]):
        whole = level + metrics.double(whole)
    assert torch.allclose(whole, img, atol=1e-5)
    flat = torch.full([1, 3, 32, 32], 0.3)
    assert metrics.laplacian_pyramid(flat)[0].abs().max() < 1e-6


def test_wasserstein_distance_of_shifted_points_is_the_shift():
    a, shift = torch.randn(500, 20), torch.randn(20)
    generator = torch.Generator().manual_seed(0)
    found = metrics.sliced_distance(a, a + shift, generator)
    expected = float(shift.norm()) * math.sqrt(
        2 / (math.pi * 20)
    )  # mean |cos| of a random direction in 20 dimensions
    assert found == pytest.approx(expected, rel=0.1)


def test_sliced_distance_sees_at_which_scale_pictures_differ():
    real = dataset(64, 32, seed=1).images.float() / 127.5 - 1
    same = dataset(64, 32, seed=2).images.float() / 127.5 - 1
    noisy = same + 0.1 * torch.randn(same.shape, generator=torch.Generator().manual_seed(0))
    close, far = metrics.sliced_wasserstein(real, same), metrics.sliced_wasserstein(real, noisy)
    assert (
        set(close) == {32, 16}
        and far[32] > 4 * close[32]
        and far[32] - close[32] > 3 * abs(far[16] - close[16])
    )
    assert metrics.sliced_wasserstein(real, real)[16] < close[16]


def test_path_length_is_that_of_the_jacobian():
    G = players.build(settings(), 0).G_ema
    found = metrics.path_length(G, metrics.rgb_distance, samples=16, step=1e-2)
    again = metrics.path_length(G, metrics.rgb_distance, samples=16, step=5e-3)
    assert found == pytest.approx(again, rel=0.1) and found > 0  # the quotient has a limit
    scaled = metrics.path_length(G, lambda a, b: 4 * metrics.rgb_distance(a, b), samples=16, step=1e-2)
    assert scaled == pytest.approx(4 * found)
    assert metrics.path_length(G, metrics.rgb_distance, samples=16, space="z", step=1e-2) > 0
