"""Filter responses and RGB shares against NumPy and networks taken apart by hand."""

import numpy as np
import pytest
import torch

from engine.inspect.filters import contributions, layer_filters, noise_strengths, response
from engine.inspect.statistics import Statistics, measure
from engine.networks.filters import lowpass
from engine.networks.stylegan3 import plan
from tests.engine import tiny


def test_the_response_is_the_fourier_transform_of_the_taps():
    taps = np.random.RandomState(0).randn(12)
    size, rate = 512, 64.0
    expected = 20 * np.log10(np.abs(np.fft.rfft(taps, size)))
    found = response(tuple(taps), rate, np.fft.rfftfreq(size, 1 / rate))
    assert np.allclose(found, expected, atol=1e-6)


def test_a_box_has_its_zero_and_no_filter_passes_everything():
    assert response((0.5, 0.5), 2.0, np.array([0.0, 0.5, 1.0])) == pytest.approx([0, -3.0103, -200], abs=1e-3)
    assert (response((), 2.0, np.linspace(0, 1, 5)) == 0).all()


@pytest.mark.parametrize("radial", [False, True])
def test_what_was_designed_passes_below_the_cutoff_and_stops_beyond_the_stopband(radial):
    G = tiny.stylegan3(use_radial_filters=radial)
    filters = layer_filters(G)
    assert [f.step for f in filters] == [s.name for s in G.synthesis.steps[1:]]
    assert any(f.radial for f in filters) == radial
    for f, layer in zip(filters, plan(G.config)):
        assert f.inner_rate == f.out_rate * layer.down and f.margin in (4, 0)
        if f.down:
            low, cut, stop = response(f.down, f.inner_rate, np.array([0.0, f.cutoff, f.inner_rate / 2]))
            assert low == pytest.approx(0, abs=1e-4) and -12 < cut < -2 and stop < -20


def test_a_radial_filter_is_shown_along_its_axis():
    f = lowpass(12, 4.0, 8.0, 32.0, radial=True).double()
    size = 256
    expected = 20 * np.log10(np.abs(np.fft.fft2(f.numpy(), (size, size)))[0, : size // 2])
    frequencies = np.fft.fftfreq(size, 1 / 32.0)[: size // 2]
    assert np.allclose(response(tuple(f.sum(dim=0).tolist()), 32.0, frequencies), expected, atol=1e-3)


def test_other_generations_have_no_such_filters():
    assert layer_filters(tiny.stylegan2()) == ()


def test_shares_of_the_rgb_outputs_are_their_deviations():
    G = tiny.stylegan2()
    ws = torch.ones(1, G.num_ws, G.w_dim)
    outs = {s.name: G.synthesis.activation(s.name, ws) for s in G.synthesis.steps}
    found = contributions({name: measure(x) for name, x in outs.items()}, tuple(outs))
    stds = {name: x.numpy().std() for name, x in outs.items() if name.endswith("torgb")}
    assert [name for name, _ in found] == list(stds)
    assert [part for _, part in found] == pytest.approx([s / sum(stds.values()) for s in stds.values()], rel=1e-4)
    assert contributions({}, tuple(outs)) == ()


def test_noise_strengths_are_those_of_the_checkpoint():
    G = tiny.stylegan2()
    G.synthesis.get_parameter("b8.conv0.noise_strength").data.fill_(-0.25)
    noisy = [s.name for s in G.synthesis.steps if s.noise is not None]
    assert dict(zip(noisy, noise_strengths(G))) == {n: -0.25 if n == "b8.conv0" else 0.5 for n in noisy}
    assert noise_strengths(tiny.stylegan3()) == ()


def test_a_network_that_grows_shows_one_resolution_or_fades_between_two():
    names = tuple(f"b{4 << i}.torgb" for i in range(4))
    known = {name: Statistics(0.0, std, -1.0, 1.0) for name, std in zip(names, (1.0, 2.0, 3.0, 4.0))}
    share = lambda lod: dict(contributions(known, names, True, lod))  # noqa: E731
    assert share(0.0) == {**dict.fromkeys(names, 0.0), "b32.torgb": 1.0}
    assert share(1.0) == {**dict.fromkeys(names, 0.0), "b16.torgb": 1.0}
    half = share(0.25)  # three quarters of the finest, a quarter of the one before
    assert half["b32.torgb"] == 3.0 / 3.75 and half["b16.torgb"] == 0.75 / 3.75 and half["b4.torgb"] == 0
    assert dict(contributions(known, names))["b4.torgb"] == 0.1
