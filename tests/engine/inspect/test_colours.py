"""Colour maps: even steps of lightness by a computation of its own, zero in the middle, NaN never a colour of data."""

import numpy as np
import pytest

from engine.inspect.colours import NOT_A_NUMBER, SIZE, paint, paint_rgb, table


def lightness(rgba: np.ndarray) -> np.ndarray:
    """CIE L*, which the maps were not made in."""
    c = rgba[:, :3] / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    Y = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(Y > 216 / 24389, 116 * np.cbrt(Y) - 16, Y * 24389 / 27)


@pytest.mark.parametrize("name", ["grey", "heat"])
def test_lightness_rises_evenly(name):
    steps = np.diff(lightness(table(name))[:: SIZE // 10])
    assert (steps > 0).all()
    assert steps[1:].max() < 2.2 * steps[1:].min()


def test_the_signed_map_is_darkest_at_zero_and_equally_bright_at_both_ends():
    L = lightness(table("signed"))
    assert np.argmin(L) == pytest.approx(SIZE // 2, abs=6)
    assert np.allclose(L, L[::-1], atol=6)
    negative, positive = table("signed")[0], table("signed")[-1]
    assert negative[2] > negative[0] and positive[0] > positive[2]  # blue-green, amber


def test_values_meet_the_ends_and_the_middle_of_the_map():
    rgba = paint(np.array([[-2.0, 0.0, 2.0, 9.0]], np.float32), "grey", -2.0, 2.0)
    assert rgba[0].tolist() == [[0, 0, 0, 255], table("grey")[SIZE // 2].tolist(), [255] * 4, [255] * 4]


def test_what_is_no_number_has_a_colour_that_no_map_has():
    values = np.array([[np.nan, np.inf, -np.inf, 0.0]], np.float32)
    assert (paint(values, "heat", 0, 1)[0, :3] == NOT_A_NUMBER).all()
    for name in ("grey", "heat", "signed"):
        assert not (table(name) == NOT_A_NUMBER).all(axis=1).any()
    assert paint_rgb(np.array([[[np.nan, 0, 0], [0, 0, 0]]]), 0, 1)[0, 0].tolist() == list(NOT_A_NUMBER)


def test_three_values_become_red_green_and_blue():
    assert paint_rgb(np.array([[[-1.0, 0.0, 1.0]]]), -1, 1)[0, 0].tolist() == [0, 128, 255, 255]


def test_no_span_is_no_error():
    assert paint(np.zeros((2, 2), np.float32), "heat", 0.0, 0.0).shape == (2, 2, 4)
