"""Spectra against NumPy on signals whose spectrum is known: a sine where it must be, at the right power."""

import numpy as np
import pytest
import torch

from engine.inspect import spectrum


def sine(size: int, fx: int, fy: int, amplitude: float = 1.0, offset: float = 0.0) -> torch.Tensor:
    y, x = np.mgrid[0:size, 0:size] / size
    wave = offset + amplitude * np.sin(2 * np.pi * (fx * x + fy * y) + 0.3)
    return torch.from_numpy(wave.astype(np.float32))[None]


@pytest.mark.parametrize(("fx", "fy", "amplitude"), [(5, 0, 1.0), (0, 7, 2.0), (6, -3, 0.25)])
def test_a_sine_stands_at_its_frequency_with_its_power(fx, fy, amplitude):
    size = 32
    found = spectrum.power(sine(size, fx, fy, amplitude, offset=3.0), beta=0)[0].numpy()
    expected = np.zeros((size, size))
    for sign in (1, -1):  # a real wave has two halves of amplitude a/2
        expected[size // 2 + sign * fy, size // 2 + sign * fx] = (amplitude / 2) ** 2 * size**2
    assert np.allclose(found, expected, atol=1e-3 * expected.max())
    peak = 10 * np.log10(amplitude**2 * size**2 / 4)
    assert spectrum.decibels(torch.from_numpy(found)).max() == pytest.approx(peak, abs=0.01)


def test_frequencies_are_cycles_per_picture_width():
    size, rate = 36, 16.0  # 36 samples at 16 a width, as the first layers of StyleGAN3
    x = np.arange(size) / rate
    wave = torch.from_numpy(np.sin(2 * np.pi * 4 * x).astype(np.float32)).expand(1, size, size)
    line = spectrum.power(wave, beta=8)[0][size // 2].numpy()
    assert abs(spectrum.frequencies(size, rate)[np.argmax(line)]) == pytest.approx(4, abs=rate / size / 2)


def test_windowed_and_padded_power_is_numpys():
    x = np.random.RandomState(0).randn(2, 20, 12)
    w = np.outer(np.kaiser(20, 8), np.kaiser(12, 8))
    w /= np.sqrt((w**2).sum())
    centred = x - x.mean(axis=(1, 2), keepdims=True)
    expected = np.abs(np.fft.fftshift(np.fft.fft2(centred * w, s=(80, 48)), axes=(1, 2))) ** 2
    found = spectrum.power(torch.from_numpy(x), beta=8, pad=4)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 7, 9), (1, 1, 1), (4, 4, 12), (2, 9, 4), (3, 1, 5)])
def test_the_mean_from_half_spectra_is_the_mean_of_whole_ones(shape):
    x = np.random.RandomState(1).randn(*shape) + 2
    w = np.outer(np.kaiser(shape[1], 8), np.kaiser(shape[2], 8))
    w /= np.sqrt((w**2).sum())
    centred = (x - x.mean(axis=(1, 2), keepdims=True)) * w
    expected = (np.abs(np.fft.fftshift(np.fft.fft2(centred), axes=(1, 2))) ** 2).mean(axis=0)
    assert np.allclose(spectrum.mean_power(torch.from_numpy(x)), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("beta", [0.0, 8.0])
@pytest.mark.parametrize("size", [16, 64])
def test_white_noise_has_its_variance_everywhere_at_any_size(beta, size):
    x = torch.from_numpy(np.random.RandomState(3).randn(400, size, size)) * 2.0
    mean = spectrum.power(x, beta, centred=False).mean(dim=0)
    assert mean.mean() == pytest.approx(4.0, rel=0.02)
    assert mean.min() > 2.5 and mean.max() < 6.0


def test_slices_run_along_the_axis_and_the_diagonal():
    size = 64
    power = spectrum.power(sine(size, 9, 0) + sine(size, 12, 12), beta=0)[0].numpy()
    f, p = spectrum.along(power, 0, rate=size)
    assert f[np.argmax(p)] == 9
    f, p = spectrum.along(power, 45, rate=size)
    assert f[np.argmax(p)] == pytest.approx(12 * np.sqrt(2))


def test_the_radial_average_finds_a_ring_and_keeps_a_constant():
    size = 64
    f, p = spectrum.radial(spectrum.power(sine(size, 6, 8), beta=0)[0].numpy(), rate=size)
    assert f[np.argmax(p)] == 10 and len(f) == 33
    assert np.allclose(spectrum.radial(np.full((9, 13), 2.0), 13.0)[1], 2.0)


def test_nothing_and_not_a_number():
    assert spectrum.decibels(torch.zeros(2)).tolist() == [spectrum.FLOOR_DB] * 2
    x = sine(16, 3, 0)
    x[0, 0, 0] = float("nan")
    assert torch.isfinite(spectrum.power(x)).all()
    assert spectrum.power(torch.ones(2, 1, 1)).tolist() == [[[0.0]], [[0.0]]]
