"""Moments against numpy, neighbours against their statistics, walks and slices against indexing and formulas."""

import numpy as np
import pytest

from engine.inspect.moments import Moments
from engine.inspect.sticking import neighbours, slide, time_slice, walk
from engine.latents import Latents, rows, seed_to_z
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine import tiny


def test_mean_and_deviation_are_those_of_numpy():
    pictures = np.random.default_rng(1).integers(0, 256, (40, 5, 6, 3), np.uint8)
    pictures[:, 0, 0] = 255  # never changes
    moments = Moments()
    for picture in pictures:
        moments.add(picture)
    assert np.allclose(moments.mean, pictures.mean(axis=0), rtol=0, atol=1e-12)
    assert np.allclose(moments.std, pictures.std(axis=0), rtol=0, atol=1e-9)
    assert (moments.std[0, 0] == 0).all()


def test_neighbours_lie_around_the_seed_and_are_as_long():
    z, scene = seed_to_z(5, 4000), Scene().set("latent.seed", 5)
    found = np.array([s.latent.vector for s in neighbours(scene, 4000, 8, 0.3)])
    cosines = found @ z / np.linalg.norm(found, axis=1) / np.linalg.norm(z)
    assert np.allclose(cosines, np.sqrt(1 - 0.3**2), atol=0.02)
    assert np.allclose(np.linalg.norm(found, axis=1), np.linalg.norm(z), rtol=0.05)
    assert len(np.unique(found, axis=0)) == 8
    same = [s.latent.vector for s in neighbours(scene, 4000, 8, 0.3)]
    assert np.array_equal(same, found)


def test_no_radius_is_the_seed_itself():
    renderer = Renderer(models=tiny.Shelf(tiny=tiny.stylegan2()))
    scene = Scene().set("latent.seed", 5)
    (same,) = neighbours(scene, 16, 1, 0.0)
    assert np.array_equal(renderer.render(same).picture, renderer.render(scene).picture)


def test_a_walk_is_a_straight_line_in_w():
    G = tiny.stylegan2()
    latents = Latents(G, next(G.parameters()).device)
    ws = [latents.ws(rows(s, G.num_ws))[0] for s in walk(Scene().set("latent.seed", 3), 8, 5)]
    ends = [latents.ws(rows(Scene().set("latent.seed", seed), G.num_ws))[0] for seed in (3, 8)]
    assert np.allclose(ws[0], ends[0], atol=1e-6) and np.allclose(ws[4], ends[1], atol=1e-6)
    assert np.allclose(ws[1], 0.75 * ends[0] + 0.25 * ends[1], atol=1e-6)


def test_a_slide_is_even_and_centred():
    ys = [s.transform.y for s in slide(Scene().set("transform.y", 1.0), 0.5, 3)]
    assert ys == pytest.approx([0.75, 1.0, 1.25])


def test_a_slice_is_one_column_over_time():
    pictures = np.random.default_rng(2).integers(0, 256, (7, 4, 5, 3), np.uint8)
    found = time_slice(iter(pictures), 3)
    assert found.shape == (4, 7, 3)
    assert all((found[y, t] == pictures[t, y, 3]).all() for y in range(4) for t in range(7))
