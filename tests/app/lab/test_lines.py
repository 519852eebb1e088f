"""Smoothing against the sum it is defined by; thinning and cutting against what must still be seen."""

import numpy as np
import pytest

from app.lab.lines import in_view, smooth, thin


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.9, 0.99])
def test_smoothing_is_the_weighted_mean_of_the_past(weight):
    y = np.random.default_rng(0).normal(size=300)
    y[[0, 5, 6, 100]] = np.nan
    expected = np.full(300, np.nan)
    for i in range(300):
        past = [(weight ** (i - j), y[j]) for j in range(i + 1) if not np.isnan(y[j])]
        if not np.isnan(y[i]):
            expected[i] = sum(w * v for w, v in past) / sum(w for w, _ in past)
    np.testing.assert_allclose(smooth(y, weight), expected, atol=1e-9)


def test_a_constant_stays_what_it_is_and_nothing_stays_nothing():
    np.testing.assert_allclose(smooth(np.full(1000, 3.0), 0.95), 3.0)
    assert np.isnan(smooth(np.full(10, np.nan), 0.5)).all()
    assert len(smooth(np.empty(0), 0.5)) == 0


def test_thinning_keeps_every_spike_and_the_order():
    x, y = np.arange(100_000.0), np.sin(np.arange(100_000) / 3000)
    y[[17, 50_000, 99_999]] = 9, -9, 5
    thin_x, thin_y = thin(x, y, 300)
    assert len(thin_x) <= 600 and (np.diff(thin_x) >= 0).all()
    assert {17, 50_000, 99_999} <= set(thin_x.astype(int))
    np.testing.assert_array_equal(thin_y, y[thin_x.astype(int)])  # points of the curve, none invented


def test_a_stretch_without_numbers_stays_a_gap():
    y = np.ones(10_000)
    y[3000:6000] = np.nan
    _, thinned = thin(np.arange(10_000.0), y, 100)
    assert np.isnan(thinned).any() and np.isfinite(thinned).any()
    gap = np.flatnonzero(np.isnan(thinned))
    assert (np.diff(gap) == 1).all()  # one gap, not many


def test_few_points_are_left_alone():
    x = np.arange(50.0)
    assert thin(x, x, 25)[0] is x


def test_the_view_takes_one_point_more_on_each_side_so_that_lines_reach_the_edge():
    x = np.arange(0.0, 100, 10)
    assert list(x[in_view(x, 25, 55)]) == [20, 30, 40, 50, 60]
    assert list(x[in_view(x, -5, 500)]) == list(x)
    assert list(x[in_view(x, 41, 42)]) == [40, 50]
