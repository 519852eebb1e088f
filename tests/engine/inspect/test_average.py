"""The average spectrum against the mean of spectra taken one by one."""

import numpy as np
import pytest
import torch

from engine.inspect.average import AverageSpectrum, curves
from engine.latents import seed_to_z
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine import tiny


def by_hand(samples: list[np.ndarray]) -> np.ndarray:
    size = samples[0].shape[1]
    w = np.kaiser(size, 8) / np.sqrt((np.kaiser(size, 8) ** 2).sum())
    centred = [x - x.mean(axis=(1, 2), keepdims=True) for x in samples]
    power = [np.abs(np.fft.fftshift(np.fft.fft2(x * np.outer(w, w)), axes=(1, 2))) ** 2 for x in centred]
    return np.mean([p.mean(0) for p in power], axis=0) / np.mean([(x**2).mean() for x in centred])


def test_a_steps_spectrum_is_the_mean_over_its_seeds():
    G = tiny.stylegan2()
    scene = Scene().set("latent.seed", 4).set("latent.x", 0.5).set("view.step", "b16.conv0")
    job = AverageSpectrum(Renderer(models=tiny.Shelf(tiny=G)), scene, "b16.conv0", 3)
    job.run()
    samples = []
    for seed in (4, 5, 6):
        ws = G.mapping(torch.from_numpy(seed_to_z(seed, G.z_dim))[None])
        samples.append(G.synthesis.activation("b16.conv0", ws)[0].numpy())
    assert job.seen == 3 and job.rate == 16
    assert np.allclose(job.power, by_hand(samples), rtol=1e-3, atol=1e-6)


def test_the_pictures_spectrum_is_that_of_its_bytes():
    G = tiny.stylegan3()
    renderer = Renderer(models=tiny.Shelf(tiny=G))
    pictures = [renderer.render(Scene().set("latent.seed", s)).picture[..., :3].transpose(2, 0, 1) for s in (0, 1)]
    job = AverageSpectrum(Renderer(models=tiny.Shelf(tiny=G)), Scene().set("view.step", "input"), "", 2)
    job.start()
    job._thread.join(30)
    expected = by_hand([p.astype(float) for p in pictures])
    assert not job.running and np.allclose(job.power, expected, rtol=1e-3, atol=1e-6)


def test_a_margin_is_not_part_of_the_rate():
    G = tiny.stylegan3()
    step = G.synthesis.steps[1]
    job = AverageSpectrum(Renderer(models=tiny.Shelf(tiny=G)), Scene(), step.name, 1)
    job.run()
    assert step.rate is not None and job.rate == step.rate < step.shape[2]
    assert job.power is not None
    x, y = curves(job.power, job.rate)["45°"]()
    assert x[1] == pytest.approx(np.sqrt(2) * step.rate / step.shape[2]) and len(x) == len(y)


def test_it_can_be_stopped_and_says_what_went_wrong():
    renderer = Renderer(models=tiny.Shelf(tiny=tiny.stylegan2()))
    job = AverageSpectrum(renderer, Scene(), "", 10)
    job.cancel()
    job.run()
    assert job.seen == 0 and job.power is None
    wrong = AverageSpectrum(renderer, Scene(), "b9", 1)
    wrong.run()
    assert "b9" in wrong.error
