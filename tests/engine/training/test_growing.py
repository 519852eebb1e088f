"""Progressive growing against the schedule of the paper's code."""

import pytest
import torch

from engine.training import growing
from engine.training.loop import Trainer
from tests.engine.training.tiny import dataset, settings

PAPER = {
    "cfg": "stylegan1",
    "resolution": 1024,
    "channels": (),
    "grow_from": 8,
    "grow_kimg": 600,
    "fade_kimg": 600,
    "batch": 32,
}


@pytest.mark.parametrize(
    ("kimg", "lod", "batch", "factor"),
    [
        (0, 7, 256, 1),  # 8x8
        (600, 7, 256, 1),
        (900, 6.5, 128, 1),  # 16x16 half faded in
        (1200, 6, 128, 1),
        (2399, 5 + 1 / 600, 64, 1),
        (3600, 4, 32, 1),  # 64x64
        (4800, 3, 32, 1.5),
        (6000, 2, 32, 2),
        (7200, 1, 32, 3),
        (8100, 0.5, 32, 3),
        (8400, 0, 32, 3),
        (25000, 0, 32, 3),
    ],
)
def test_schedule(kimg, lod, batch, factor):
    s = settings(**PAPER)
    found = growing.level_of_detail(s, kimg * 1000)
    assert found == pytest.approx(lod)
    assert growing.batch_size(s, found) == batch
    assert growing.rate_factor(s, found) == factor


def test_optimisers_start_anew_when_layers_come():
    assert growing.changes(2.0, 1.99) and growing.changes(1.01, 1.0)
    assert not growing.changes(1.9, 1.8) and not growing.changes(2.0, 2.0)


def test_layers_count_from_the_moment_they_come():
    s = settings(**PAPER)
    for kimg, since in (
        (0, 0),
        (599, 599),
        (600, 0),
        (900, 300),
        (1799, 1199),
        (1800, 0),
        (7800, 0),
        (25000, 17200),
    ):
        assert growing.seen_by_all(s, kimg * 1000) == since * 1000
    assert growing.seen_by_all(settings(), 5000) == 5000


def test_the_running_mean_forgets_what_new_layers_began_as():
    """Without the ramp a layer's random beginning is nine tenths of its mean after as many pictures."""
    growth = {"resolution": 16, "channels": (4, 4, 4), "cfg": "stylegan1", "grow_from": 8, "grow_kimg": 0.016,
              "fade_kimg": 0.032, "grow_batch": False, "batch": 4, "path_weight": 0.0, "ema_kimg": 0.32}  # fmt: skip
    left = {}
    for ramp in (None, 0.1):
        t = Trainer(settings(ema_ramp=ramp, **growth), dataset(resolution=16))
        name = "synthesis.b16.torgb.weight"
        first = t.players.G.state_dict()[name].clone()
        while t.images < 64:
            t.step()
        now, mean = t.players.G.state_dict()[name], t.players.G_ema.state_dict()[name]
        left[ramp] = float((mean - now).norm() / (first - now).norm())
    assert left[None] > 0.8 and left[0.1] < 0.3


def test_reals_are_coarsened_to_what_the_level_shows():
    img = torch.randn(1, 1, 8, 8)
    out = growing.coarsen(img, 1.25)
    for y in range(8):
        for x in range(8):
            fine = img[0, 0, y // 2 * 2 : y // 2 * 2 + 2, x // 2 * 2 : x // 2 * 2 + 2].mean()
            coarse = img[0, 0, y // 4 * 4 : y // 4 * 4 + 4, x // 4 * 4 : x // 4 * 4 + 4].mean()
            assert torch.allclose(out[0, 0, y, x], fine * 0.75 + coarse * 0.25, atol=1e-6)
