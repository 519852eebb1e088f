"""Starting from other networks: growth keeps the function, what does not fit is said."""

from pathlib import Path

import pytest
import torch

from cuda_ops.upfirdn import downsample2d, upsample2d
from engine.checkpoints import open_checkpoint
from engine.training import players, runs
from engine.training.files import RunFolder
from engine.training.inheritance import inherit
from engine.training.loop import Trainer
from engine.training.settings import TrainingError, convert, preset
from engine.training.transfer import adopt, start_from
from tests.engine.training.tiny import dataset, settings

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
SKIP = {"d_architecture": "skip"}


def test_a_grown_pair_is_the_old_pair_seen_through_the_filter():
    small = players.build(settings(**SKIP), 0)
    large = players.build(settings(**SKIP, resolution=16, channels=(8, 8, 4), seed=5), 0)
    for name, network in large.networks().items():
        adopt(network, small.networks()[name].state_dict())
    ws = torch.randn(4, 6, 8)
    f = large.G.get_buffer("synthesis.b16.resample_filter")
    assert torch.allclose(large.G.synthesis(ws), upsample2d(small.G.synthesis(ws[:, :4]), f), atol=1e-5)
    img = torch.randn(4, 3, 16, 16)
    assert torch.allclose(large.D(img), small.D(downsample2d(img, f)), atol=1e-5)


def test_what_was_added_learns():
    t = Trainer(settings(**SKIP, resolution=16, channels=(8, 8, 4), path_weight=0), dataset(12, 16))
    adopt(t.players.G, players.build(settings(), 0).G.state_dict())
    adopt(t.players.D, players.build(settings(**SKIP), 0).D.state_dict())
    new = [
        t.players.G.get_parameter("synthesis.b16.torgb.weight"),
        t.players.D.get_parameter("b16.conv1.weight"),
    ]
    assert all((p == 0).all() for p in new)
    for _ in range(3):
        t.step()
    assert all((p != 0).any() for p in new)


@pytest.mark.parametrize("what", ["run", "snapshot"])
def test_networks_come_from_a_run_or_a_file(tmp_path, what):
    first, folder = Trainer(settings(), dataset()), RunFolder(tmp_path / "first")
    folder.create(first.settings)
    first.train(folder)
    source = folder.path if what == "run" else next(folder.path.glob("network-snapshot-*40.safetensors"))
    second = players.build(settings(seed=9), 0)
    notes = start_from(second, str(source))
    for name, network in second.networks().items():
        old = first.players.networks()[name].state_dict()
        assert all(torch.equal(old[key], value) for key, value in network.state_dict().items())
    assert len(notes) == 3 and all(str(source) in note for note in notes)


def test_stylegan3_grows_with_its_first_layers_and_filters_of_its_own():
    design = {"cfg": "stylegan3-t", "channels": (256, 16), "d_channels": (8, 8, 8), "mapping_layers": 1}
    small = players.build(settings(**design, resolution=16, layers=4), 0).G
    large = players.build(
        settings(**design | {"d_channels": (8, 8, 8, 8)}, resolution=32, layers=5, seed=5), 0
    ).G
    filters = [b.clone() for name, b in large.named_buffers() if name.endswith("down_filter")]
    adopt(large, small.state_dict())
    old, new = ([m for name, m in G.synthesis.named_children() if name[0] == "L"][:3] for G in (small, large))
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(old, new, strict=True))
    assert torch.equal(*(G.get_buffer("synthesis.input.freqs") for G in (small, large)))
    kept = [b for name, b in large.named_buffers() if name.endswith("down_filter")]
    assert filters and all(torch.equal(a, b) for a, b in zip(filters, kept, strict=True))


def test_networks_of_another_design_are_refused():
    with pytest.raises(TrainingError, match="same design"):
        adopt(players.build(settings(), 0).G, {"other.weight": torch.zeros(1)})


def test_a_run_starts_from_settings_and_continues_with_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "open_dataset", lambda *args, **options: dataset())
    trainer, folder, notes = runs.start(settings(kimg=0.016), tmp_path / "run")
    trainer.train(folder)
    folder.release()
    again, folder, _ = runs.resume(tmp_path / "run", {"kimg": 0.024})
    assert again.images == 16 and again.settings.kimg == 0.024 and notes == ()
    again.train(folder)
    assert folder.settings().kimg == 0.024 and folder.load()[0]["images"] == 24


@pytest.mark.parametrize(
    "name", ["sg2ada_resnet", "sg2ada_skip_cond", "sg3_t", "sg3_r", "sg1_basic", "rosi_train_64"]
)
def test_published_networks_go_on_learning(name):
    source = GOLDEN / (f"{name}.pt" if name.startswith("rosi") else f"{name}.pkl")
    design = inherit(source, {})
    t = Trainer(
        convert(
            {"data": "none", "batch": 4, "mbstd_group": 4, **preset(design["cfg"], 32, 4, True), **design}
        ),
        dataset(8, design["resolution"], 5 if "cond" in name else 0),
    )
    notes = start_from(t.players, str(source))
    published = open_checkpoint(source).networks["G_ema"].state
    kept = [key for key, value in t.players.G_ema.state_dict().items() if torch.equal(value, published[key])]
    assert len(kept) == len(published) and notes
    before = t.players.G.state_dict()["mapping.fc0.weight"].clone()
    t.step()
    assert torch.isfinite(t.players.G(torch.randn(2, t.players.G.z_dim), t.dataset.labels[:2])).all()
    assert not torch.equal(before, t.players.G.state_dict()["mapping.fc0.weight"])
