"""Statistics and histograms against NumPy in double precision, also where values are huge, tiny, or not numbers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.inspect.statistics import energies, histogram, measure


@given(
    st.integers(0, 1000), st.sampled_from([(1, 1, 1), (3, 4, 4), (64, 5, 7), (1024, 4, 4)]),
    st.sampled_from([1e-30, 1e-3, 1.0, 300.0, 1e30]), st.sampled_from([0.0, 0.5, -3.0]),
)  # fmt: skip
def test_moments_and_extremes_are_those_of_numpy(seed, shape, scale, offset):
    x = (np.random.RandomState(seed).randn(*shape) + offset).astype(np.float32) * np.float32(scale)
    found, wide = measure(torch.from_numpy(x)), x.astype(np.float64)
    magnitude = np.abs(wide).max()
    assert found.mean == pytest.approx(wide.mean(), abs=1e-5 * magnitude)
    assert found.std == pytest.approx(wide.std(), rel=1e-3, abs=1e-5 * magnitude)
    assert (found.low, found.high) == (wide.min(), wide.max())
    assert found.clipped is None and found.healthy


def test_a_small_spread_about_a_large_mean_is_seen():
    x = 1000 + np.random.RandomState(0).randn(32, 16, 16).astype(np.float32)
    assert measure(torch.from_numpy(x)).std == pytest.approx(x.astype(np.float64).std(), rel=1e-2)


def test_values_at_the_clamp_are_counted():
    x = torch.zeros(2, 5, 5)
    x[0, 0, :3] = torch.tensor([256.0, -256.0, 255.9])
    assert measure(x, clamp=256.0).clipped == 2 / 50
    assert measure(x / 2, clamp=256.0).clipped == 0


def test_what_is_not_a_number_is_counted_and_left_out():
    x = torch.arange(12.0).reshape(3, 2, 2)
    x[0, 0, 0], x[1, 0, 0], x[2, 0, 0] = math.nan, math.inf, -math.inf
    found = measure(x, clamp=11.0)
    rest = [1.0, 2, 3, 5, 6, 7, 9, 10, 11]
    assert (found.nan, found.inf, found.healthy) == (1, 2, False)
    assert (found.mean, found.low, found.high) == (pytest.approx(6.0), 1.0, 11.0)
    assert found.std == pytest.approx(np.std(rest)) and found.clipped == pytest.approx(1 / 9)


def test_nothing_finite_at_all():
    found = measure(torch.full((1, 4, 4), math.nan))
    assert (found.nan, found.mean, found.std, found.peak) == (16, 0, 0, 0)


def test_half_precision_does_not_overflow():
    x = torch.full((2, 64, 64), 60000.0, dtype=torch.float16)
    assert measure(x).mean == 60000 and measure(x).std == 0


def test_energy_of_each_channel():
    x = torch.from_numpy(np.random.RandomState(1).randn(7, 9, 4).astype(np.float32))
    assert np.allclose(energies(x), x.double().square().mean(dim=(1, 2)))
    x[3] = 1e30
    assert energies(x)[3] == pytest.approx(1e60, rel=1e-5)
    x[2, 0, 0] = math.nan
    assert torch.isfinite(energies(x)).all()


def test_histogram_counts_every_finite_value_once():
    x = torch.from_numpy(np.random.RandomState(2).randn(4, 8, 8).astype(np.float32))
    counts = histogram(x, measure(x), 16)
    assert np.array_equal(counts, np.histogram(x.numpy(), 16, (float(x.min()), float(x.max())))[0])
    large = torch.arange(4.0).repeat(1 << 19)
    counts = histogram(large, measure(large), 4)
    assert counts.sum() <= 1 << 19 and counts.max() - counts.min() <= 1
    flat = torch.full((1, 3, 3), 2.5)
    assert histogram(flat, measure(flat)).sum() == 9
    x[0, 0, 0] = math.nan
    assert histogram(x, measure(x)).sum() == x.numel() - 1
