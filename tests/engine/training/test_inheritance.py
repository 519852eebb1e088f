"""What a run takes over of the design it starts from, at the same resolution and when it grows."""

import msgspec
import pytest
import torch

from app.cli.train import make_settings
from cuda_ops.upfirdn import upsample2d
from engine.checkpoints import open_checkpoint
from engine.training import players
from engine.training.files import RunFolder
from engine.training.inheritance import inherit, widths
from engine.training.transfer import start_from
from tests.engine.training.test_transfer import GOLDEN, SKIP
from tests.engine.training.tiny import settings


def test_each_doubling_has_half_the_channels_of_the_one_before():
    assert widths((96, 96, 64), 16) == (96, 96, 64)
    assert widths((96, 96, 64), 128) == (96, 96, 64, 32, 16, 8)
    assert widths((24,), 32) == (24, 12, 8, 8) and widths((6, 4), 16) == (6, 4, 4)
    assert widths((96, 96, 64), 8) == (96, 96) and widths((), 64) == ()


def test_a_run_hands_its_design_on_and_widens_it_when_it_grows(tmp_path):
    RunFolder(tmp_path / "run").create(settings(**SKIP, channels=(48, 32), d_channels=(64, 64), w_dim=12))
    same = inherit(tmp_path / "run", {})
    assert (same["channels"], same["d_channels"], same["resolution"]) == ((48, 32), (64, 64), 8)
    assert same["w_dim"] == 12 and same["d_architecture"] == "skip"
    init = {"data": "d", "init": str(tmp_path / "run"), "resolution": 32}
    grown = make_settings(init, tmp_path / "out")
    assert grown.channels == (48, 32, 16, 8) and grown.d_channels == (64, 64, 32, 16)
    assert grown.w_dim == 12 and grown.d_architecture == "skip" and grown.ada_kimg == 100
    other = inherit(tmp_path / "run", {"cfg": "stylegan3-t"})
    assert "ema_ramp" not in same and grown.ema_ramp == other["ema_ramp"] == 0.05
    typed = make_settings(init | {"channels": (48, 32, 32, 32)}, tmp_path / "out")
    assert typed.channels == (48, 32, 32, 32) and typed.d_channels == (64, 64, 32, 16)


def test_stylegan3_keeps_its_rule_for_widths(tmp_path):
    RunFolder(tmp_path / "run").create(
        settings(cfg="stylegan3-r", channels=(256, 16), d_channels=(16, 16), layers=6)
    )
    grown = inherit(tmp_path / "run", {"resolution": 16})
    assert grown["channels"] == (256, 16) and grown["layers"] == 6 and grown["d_channels"] == (16, 16, 8)


@pytest.mark.parametrize("through_a_run", [False, True])
def test_a_published_network_grows(tmp_path, through_a_run):
    source = GOLDEN / "sg2ada_skip_uncond.pkl"
    published = open_checkpoint(source).networks["G_ema"].config
    if through_a_run:
        RunFolder(tmp_path / "run").create(make_settings({"data": "d", "init": str(source)}, tmp_path))
        assert RunFolder(tmp_path / "run").settings().g_config["channels"] == list(published.channels)
    R = 2 * published.img_resolution
    given = {"data": "d", "init": str(tmp_path / "run" if through_a_run else source), "resolution": R}
    found = make_settings(given, tmp_path)
    assert found.channels[:-1] == published.channels and found.g_config is None
    assert (found.z_dim, found.w_dim, found.mapping_layers) == (
        published.z_dim, published.w_dim, published.mapping.num_layers,
    )  # fmt: skip
    made = players.build(found, 0)
    start_from(made, str(source))
    old = players.build_generator(msgspec.structs.replace(found, resolution=R // 2, channels=published.channels), 0)
    old.load_state_dict(open_checkpoint(source).networks["G_ema"].state)
    ws = torch.randn(2, made.G_ema.num_ws, found.w_dim)
    f = made.G_ema.get_buffer(f"synthesis.b{R}.resample_filter")
    assert torch.allclose(made.G_ema.synthesis(ws), upsample2d(old.synthesis(ws[:, : old.num_ws]), f), atol=1e-4)


def test_other_channels_replace_those_of_a_published_network(tmp_path):
    source = GOLDEN / "sg3_r.pkl"
    published = open_checkpoint(source).networks["G_ema"].config
    plain = inherit(source, {"channels": (64, 8)})
    assert plain["cfg"] == "stylegan3-r" and plain["layers"] == published.num_layers and "g_config" not in plain
    assert plain["resolution"] == published.img_resolution
    assert plain["channels"] == (published.channel_base // 2, published.channel_max // 2)
