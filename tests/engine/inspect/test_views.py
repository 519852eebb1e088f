"""Views of an activation against direct indexing and NumPy; odd activations must all show something."""

import math
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch

from engine.inspect import pca, probe, sheet, values, views
from engine.looking import View
from engine.parameters import describe

MODES = describe("view.mode").choices


def activation(C: int = 6, H: int = 10, W: int = 10, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randn(C, H, W).astype(np.float32))


def view(**changes) -> View:
    return View(step="s", **changes)


def test_values_are_those_of_the_activation():
    x = activation()
    show = lambda **c: views.show(x, view(**c), "s", 10.0)  # noqa: E731
    assert np.array_equal(show(channel=2).values, x[2])
    assert np.array_equal(show(channel=8).values, x[2])  # counts from the start again
    assert np.array_equal(show(mode="rgb", channel=4).values, np.stack([x[4], x[5], x[0]], axis=2))
    assert np.allclose(show(mode="mean").values, x.numpy().mean(0), atol=1e-6)
    assert np.allclose(show(mode="norm").values, np.sqrt((x.numpy() ** 2).mean(0)), atol=1e-6)


def test_scale_and_normalise_move_the_ends_of_the_colours():
    x = activation()
    peak = float(x[0].abs().max())
    assert views.show(x, view(), "s", 10.0).high == pytest.approx(peak)
    assert views.show(x, view(scale_db=20.0), "s", 10.0).high == pytest.approx(peak / 10)
    plain = views.show(x, view(normalise=False), "s", 10.0)
    assert (plain.low, plain.high) == (-1, 1)
    assert views.show(x, view(mode="norm"), "s", 10.0).low == 0


def test_the_spectrum_is_of_the_channels_that_are_shown():
    x = activation(4, 16, 16)
    power = lambda c: np.abs(np.fft.fftshift(np.fft.fft2(c - c.mean()))) ** 2 / 256  # noqa: E731
    one = views.show(x, view(fft=True, fft_beta=0.0, channel=1, fft_range=30.0), "s", 16.0)
    expected = 10 * np.log10(power(x[1].numpy()).clip(1e-20))
    expected[8, 8] = one.values[8, 8]  # the mean, taken away: nothing but rounding
    assert np.allclose(one.values, expected, atol=1e-3) and one.is_spectrum and one.unit == "dB"
    assert one.high == pytest.approx(expected.max()) and one.high - one.low == pytest.approx(30)
    every = views.show(x, view(fft=True, fft_beta=0.0, fft_all=True), "s", 16.0)
    mean = np.mean([power(c.numpy()) for c in x], axis=0)
    assert np.allclose(every.values[0], 10 * np.log10(mean[0]), atol=1e-3)


def test_principal_components_are_those_of_the_singular_value_decomposition():
    rows = np.random.RandomState(0).randn(500, 40) * np.linspace(10, 0.1, 40) ** 2
    mean, axes, variances = (t.numpy() for t in pca.axes(torch.from_numpy(rows.astype(np.float32))))
    _, s, vt = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    assert np.allclose(mean, rows.mean(0), atol=1e-2)
    assert np.allclose(variances, s[:3] ** 2 / 500, rtol=1e-3)
    assert np.allclose(np.abs((axes * vt[:3]).sum(1)), 1, atol=1e-3)  # same direction, the sign is ours


@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 4, 4), (1024, 4, 4), (5, 1, 1)])
def test_components_of_few_channels_or_pixels_are_finite(shape):
    assert torch.isfinite(pca.components(activation(*shape))).all()


def test_a_sheet_shows_every_channel_where_it_says():
    x = activation(7, 3, 5)
    shown = views.show(x, view(mode="sheet", sort="index"), "s", 5.0)
    tiles, seen = shown.tiles, {}
    assert tiles.size == shown.values.shape
    for row in range(tiles.size[0]):
        for column in range(tiles.size[1]):
            seen.setdefault(tiles.channel_at(column, row), []).append(shown.values[row, column])
    gaps = seen.pop(None)
    assert np.isnan(gaps).all()
    assert {c: np.reshape(v, (3, 5)).tolist() for c, v in seen.items()} == {c: x[c].tolist() for c in range(7)}


def test_a_sheet_is_sorted_by_energy_or_likeness():
    x = activation(5, 8, 8) * torch.tensor([1.0, 5, 2, 4, 3])[:, None, None]
    assert sheet.order(x, "energy") == (1, 3, 4, 2, 0)
    x[3] = -0.01 * x[1] + 7  # the same pattern with another gain, sign and offset
    assert sheet.order(x, "distance", 1)[:2] == (1, 3)
    assert sheet.order(x, "index") == (0, 1, 2, 3, 4)


def test_each_channel_to_its_own_scale():
    x = activation(4, 4, 4) * torch.tensor([1.0, 1e-3, 0, 1e3])[:, None, None]
    values = views.show(x, view(mode="sheet", sort="index", each=True), "s", 4.0).values
    assert np.nanmax(np.abs(values[:4, :4])) == 1 and np.nanmax(np.abs(values[:4, 5:9])) == 1


def test_large_sheets_are_averaged_down():
    x = activation(9, 64, 64)
    tiles = sheet.lay_out((9, 64, 64), tuple(range(9)), most_pixels=9 * 16 * 16)
    assert tiles.cell == (16, 16)
    expected = x[4].reshape(16, 4, 16, 4).mean(dim=(1, 3))
    assert torch.allclose(sheet.assemble(x, tiles)[17:33, 17:33], expected, atol=1e-6)
    assert np.prod(sheet.lay_out((1024, 36, 36), tuple(range(1024))).size) < 1.2 * sheet.MOST_PIXELS


ODD = {
    "a thousand channels": activation(1024, 4, 4),
    "one channel": activation(1, 16, 16),
    "one pixel": activation(3, 1, 1),
    "not square": activation(3, 4, 12),
    "nothing": torch.zeros(4, 8, 8),
    "huge": activation() * 1e30,
    "tiny": activation() * 1e-30,
    "some NaN": activation().masked_fill(activation(seed=1) > 1, math.nan),
    "all NaN": torch.full((4, 8, 8), math.nan),
    "infinite": torch.full((4, 8, 8), math.inf),
    "half": activation().half(),
}


@pytest.mark.parametrize("fft", [False, True])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("x", ODD.values(), ids=ODD)
def test_odd_activations_show_something(x, mode, fft):
    for show in (views.show, views.thumbnails):
        shown = show(x, view(mode=mode, fft=fft), "s", float(x.shape[2]))
        assert shown.rgba.dtype == np.uint8 and shown.rgba.shape == (*shown.values.shape[:2], 4)
        assert math.isfinite(shown.low) and math.isfinite(shown.high) and shown.low < shown.high


def test_a_probe_reads_what_is_under_it():
    x = activation(8, 16, 16)
    found = probe.probe(x, "s", 0.26, 0.9)
    row, column = int(0.9 * 16), int(0.26 * 16)
    assert found.at == (row, column)
    best = np.argsort(-np.abs(x[:, row, column].numpy()))[:5]
    assert found.channels == tuple(best) and found.values == pytest.approx(x[best, row, column].tolist())


def test_a_probe_leaves_out_the_margin():
    assert probe.sample(36, 36, 0.0, 0.0, rate=16) == (10, 10)  # ten samples of margin on each side
    assert probe.sample(36, 36, 0.999, 0.999, rate=16) == (25, 25)
    assert probe.sample(4, 4, 1.0, 1.0) == (3, 3)


def test_a_place_that_is_not_a_number_comes_first():
    x = activation(8, 4, 4)
    x[6] = math.nan
    assert probe.probe(x, "s", 0.5, 0.5).channels[0] == 6


def test_every_mode_is_tried():
    hint = get_type_hints(View, include_extras=True)["mode"]
    assert set(MODES) == set(get_args(get_args(hint)[0]))


def test_the_radial_spectrum_finds_a_wave_and_white_noise_is_flat():
    x = np.tile(np.arange(64) / 64, (64, 1))
    wave = torch.from_numpy(np.sin(2 * np.pi * 10 * x).astype(np.float32))[None].repeat(3, 1, 1)
    f, p = values.radial_of(wave, 64.0)
    assert f[np.argmax(p)] == pytest.approx(10, abs=1)
    f, p = values.radial_of(activation(30, 64, 64) * 5, 32.0)
    assert f[-1] == 16 and p[3:].mean() == pytest.approx(1, rel=0.1)
    assert np.isfinite(values.radial_of(torch.full((2, 4, 4), math.nan), 4.0)[1]).all()


def test_small_spectra_show_frequencies_of_the_whole_not_folded_ones():
    x = torch.from_numpy(np.sin(2 * np.pi * 0.4 * np.arange(512)).astype(np.float32)).expand(1, 512, 512)
    small = views.thumbnails(x, view(fft=True), "s", 512.0).values
    row = small[small.shape[0] // 2 - 1 : small.shape[0] // 2 + 2].max(axis=0)
    peak = abs(int(np.argmax(row)) - len(row) // 2) / len(row)
    assert peak == pytest.approx(0.4, abs=0.03)
