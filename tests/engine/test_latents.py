"""Latents against the same thing written out by hand with the mapping network."""

import numpy as np
import pytest
import torch

from engine.animate import advance, is_moving
from engine.latents import Latents, plane, rows
from engine.scene import Scene
from tests.engine import tiny


@pytest.fixture(scope="module")
def G():
    return tiny.stylegan2()


def ws_of(G, scene, default_cutoff=None):
    return Latents(G, torch.device("cpu")).ws(rows(scene, G.num_ws, default_cutoff))


def w_of(G, seed):
    z = torch.from_numpy(np.random.RandomState(seed).randn(1, 16)).float()
    return G.mapping(z)[0, 0]


def test_a_seed_is_what_the_published_tools_draw(G):
    torch.testing.assert_close(ws_of(G, Scene().set("latent.seed", 85)), w_of(G, 85).expand(1, G.num_ws, 16))


def test_the_plane_blends_four_seeds_in_w(G):
    scene = Scene().set("latent.seed", 10).set("latent.x", 1.25).set("latent.y", -0.5)
    want = 0.5 * (0.75 * w_of(G, 11) + 0.25 * w_of(G, 12)) + 0.5 * (
        0.75 * w_of(G, 10 + 1 - 100 + 2**32) + 0.25 * w_of(G, 10 + 2 - 100 + 2**32)
    )
    torch.testing.assert_close(ws_of(G, scene)[0, 0], want)


def test_weights_on_the_plane_sum_to_one_and_whole_places_are_single_seeds():
    assert plane(5, 2.0, 3.0) == ((5 + 2 + 300, 1.0),)
    for x, y in [(0.1, 0.9), (-3.7, 2.2), (99.5, -0.5)]:
        assert sum(weight for _, weight in plane(0, x, y)) == pytest.approx(1)


def test_truncation_stops_at_the_cutoff(G):
    scene = Scene().set("truncation.psi", -0.5).set("truncation.cutoff", 2)
    w, avg = w_of(G, 0), G.mapping.w_avg
    ws = ws_of(G, scene)[0]
    torch.testing.assert_close(ws[1], avg - 0.5 * (w - avg))
    torch.testing.assert_close(ws[2], w)
    own = ws_of(G, scene.set("truncation.cutoff", None), default_cutoff=3)[0]
    torch.testing.assert_close(own[2], avg - 0.5 * (w - avg))
    torch.testing.assert_close(own[3], w)


def test_mixing_gives_rows_to_sources_by_amount(G):
    sources = [{"seed": 4, "layers": [0, 1], "amount": 0.25}, {"seed": 6, "layers": [1, 5]}]
    ws = ws_of(G, Scene().set("mixing.sources", sources))[0]
    torch.testing.assert_close(ws[0], 0.75 * w_of(G, 0) + 0.25 * w_of(G, 4))
    torch.testing.assert_close(ws[1], w_of(G, 6))  # claimed twice: the later source has it
    torch.testing.assert_close(ws[5], w_of(G, 6))
    torch.testing.assert_close(ws[2], w_of(G, 0))


def test_vectors_of_w_and_z(G):
    values = tuple(float(v) for v in np.linspace(-1, 1, 16))
    scene = Scene().set("latent.mode", "vector").set("latent.vector", values)
    torch.testing.assert_close(ws_of(G, scene)[0, 0], G.mapping(torch.tensor([values]))[0, 0])
    torch.testing.assert_close(ws_of(G, scene.set("latent.space", "w"))[0, 0], torch.tensor(values))


def test_the_clock_walks_spins_and_travels():
    scene = Scene().set("latent.walk", 0.5).set("transform.spin", 100.0)
    assert is_moving(scene) and not is_moving(Scene())
    for _ in range(100):
        scene = advance(scene, 0.02)
    assert scene.latent.x == pytest.approx(1.0) and scene.time == pytest.approx(2.0)
    assert scene.transform.rotate == pytest.approx(200 - 360)


def test_travel_returns_after_its_period():
    scene = Scene().set("transform.travel", 0.2)
    far = 0.0
    for _ in range(800):
        scene = advance(scene, 0.01)
        far = max(far, abs(scene.transform.x), abs(scene.transform.y))
    assert far > 0.2 and abs(scene.transform.x) < 0.01 and abs(scene.transform.y) < 0.01


def test_what_stands_still_does_not_change_with_time():
    assert advance(Scene(), 1.0) == Scene().set("time", 1.0)
