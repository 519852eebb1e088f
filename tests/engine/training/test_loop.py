"""A run: repeatable, resumable to the bit, safe against stops, NaN and full disks, and able to learn."""

import json

import msgspec
import pytest
import torch

from engine import load_model
from engine.training import loop
from engine.training.files import RunFolder
from engine.training.loop import Trainer
from engine.training.settings import TrainingError, check, convert, preset
from tests.engine.training.tiny import dataset, settings

VARIANTS = {
    "stylegan2": {"augment": "ada", "ada_kimg": 0.1, "mirror": True},
    "stylegan1": {"cfg": "stylegan1", "resolution": 16, "channels": (8, 8, 8), "grow_from": 4, "grow_kimg": 0.008,
                  "fade_kimg": 0.008, "grow_batch": False, "path_weight": 0, "r1_interval": 0},
    "conditional": {"conditional": True, "micro_batch": 2, "mbstd_group": 2},
}  # fmt: skip


def trainer(**changes):
    s = settings(**changes)
    return Trainer(s, dataset(12, s.resolution, 3 if s.conditional else 0))


def start(path, **changes):
    t, folder = trainer(**changes), RunFolder(path)
    folder.create(t.settings)
    return t, folder


def equal(a: Trainer, b: Trainer) -> bool:
    pairs = zip(a.players.networks().values(), b.players.networks().values())
    return all(
        torch.equal(x, y)
        for one, two in pairs
        for x, y in zip(one.state_dict().values(), two.state_dict().values())
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_resumed_run_equals_one_that_never_stopped(tmp_path, variant):
    whole, folder = start(tmp_path / "whole", **VARIANTS[variant])
    whole.train(folder)
    half, folder = start(tmp_path / "half", **VARIANTS[variant], kimg=0.024)
    half.train(folder)
    resumed = trainer(**VARIANTS[variant])
    resumed.restore(RunFolder(tmp_path / "half").load()[0])
    resumed.train(folder)
    assert resumed.images == whole.images == 40 and equal(resumed, whole) and not equal(resumed, half)
    assert resumed.augmentation.p == whole.augmentation.p


def test_a_resumed_run_learns_at_the_rate_it_is_given(tmp_path):
    t, folder = start(tmp_path / "run", kimg=0.024)
    t.train(folder)
    still = trainer(g_lr=0.0)
    still.restore(folder.load()[0])
    still.step()
    before, after = t.players, still.players
    same = [torch.equal(a, b) for a, b in zip(before.G.parameters(), after.G.parameters(), strict=True)]
    moved = [not torch.equal(a, b) for a, b in zip(before.D.parameters(), after.D.parameters(), strict=True)]
    assert all(same) and any(moved)


def test_a_run_of_another_device_goes_on_with_draws_of_its_own():
    t, other = trainer(), trainer()
    t.step()
    other.restore(t.state() | {"draws": torch.zeros(16, dtype=torch.uint8)})  # as CUDA's generators have it
    assert other.images == 4 and torch.equal(other.draws.normal(2), trainer().draws.normal(2))


def test_two_runs_of_one_seed_are_identical_and_of_two_seeds_are_not():
    runs = [trainer(seed=seed) for seed in (1, 1, 2)]
    for run in runs:
        run.step()
        run.step()
    assert equal(runs[0], runs[1]) and not equal(runs[0], runs[2])


def test_a_run_leaves_its_files(tmp_path):
    t, folder = start(tmp_path / "run", keep=2)
    reports = []
    t.train(folder, tell=reports.append)
    assert [path.name for path in folder.saved()] == ["state-0000000040.pt", "state-0000000032.pt"]
    lines = [json.loads(line) for line in folder.stats.read_text().splitlines()]
    assert [line["images"] for line in lines] == [16, 20, 32, 40] and all(
        line["loss_d"] > 0 for line in lines
    )
    assert (folder.sheets / "data.png").exists() and (folder.sheets / "sheet-0000000040.png").exists()
    assert len(reports) == 4 and reports[-1].checkpoint == folder.saved()[0]
    G = load_model(str(tmp_path / "run"))
    ws = torch.randn(1, G.num_ws, G.w_dim)
    assert torch.allclose(G.synthesis(ws), t.players.G_ema.synthesis(ws), atol=1e-5)


def test_a_stop_saves_where_it_is(tmp_path):
    t, folder = start(tmp_path / "run", save_kimg=1)
    t.train(folder, stop=lambda: t.images >= 12)
    assert t.images == 12 and folder.load()[0]["images"] == 12


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path):
    t, folder = start(tmp_path / "run")
    t.train(folder)
    newest = folder.saved()[0]
    newest.write_bytes(newest.read_bytes()[:1000])
    state, notes = folder.load()
    assert state["images"] == 32 and newest.name in notes[0]
    for path in folder.saved():
        path.write_bytes(b"")
    with pytest.raises(TrainingError, match="none that can be read"):
        folder.load()


def test_stats_are_cut_back_to_the_checkpoint(tmp_path):
    folder = RunFolder(tmp_path)
    folder.stats.write_text('{"images": 10}\n{"images": 20}\n{"images": 30}\n{"ima')
    folder.rewind(20)
    assert folder.stats.read_text() == '{"images": 10}\n{"images": 20}\n'


def test_nan_stops_the_run_before_it_is_saved(tmp_path):
    t, folder = start(tmp_path / "run")
    t.train(folder, stop=lambda: t.images >= 20)
    with torch.no_grad():
        t.players.G.get_parameter("synthesis.b4.const").fill_(float("nan"))
    with pytest.raises(TrainingError, match="NaN"):
        t.train(folder)
    assert folder.load()[0]["images"] == 20


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    t, folder = start(tmp_path / "run")
    t.train(folder, stop=lambda: t.images >= 16)

    def full(state, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match="No space left"):
        t.train(folder)
    assert folder.load()[0]["images"] == 16 and len(list(folder.checkpoints.iterdir())) == 1


def test_existing_runs_are_not_overwritten_and_changed_data_is_noticed(tmp_path):
    t, folder = start(tmp_path / "run")
    t.train(folder)
    with pytest.raises(TrainingError, match="--resume"):
        folder.create(t.settings)
    other = Trainer(t.settings, dataset(13))
    with pytest.raises(TrainingError, match="found 13"):
        other.restore(folder.load()[0])


def test_lazy_terms_scale_the_optimiser():
    groups = {name: o.param_groups[0] for name, o in trainer(g_lr=0.01, d_lr=0.02).optimisers.items()}
    assert groups["G"]["lr"] == pytest.approx(0.01 * 2 / 3) and groups["G"]["betas"] == (
        0,
        pytest.approx(0.99 ** (2 / 3)),
    )
    assert groups["D"]["lr"] == pytest.approx(0.02 * 4 / 5) and groups["D"]["eps"] == 1e-8
    plain = trainer(path_weight=0, gamma=0, g_lr=0.01).optimisers["G"].param_groups[0]
    assert plain["lr"] == 0.01 and plain["betas"] == (0, 0.99)


def test_running_mean_has_its_half_life():
    s = settings(ema_kimg=0.1, ema_ramp=None, batch=4)
    beta = loop.networks.ema_beta(s, 0, 4)
    assert beta**25 == pytest.approx(0.5)  # 100 pictures
    ramp = msgspec.structs.replace(s, ema_ramp=0.5)
    assert (
        loop.networks.ema_beta(ramp, 20, 4) ** (10 / 4) == pytest.approx(0.5)
        and loop.networks.ema_beta(ramp, 0, 4) == 0
    )


def test_settings_are_checked():
    for changes, said in (
        ({"resolution": 12}, "--res"), ({"batch": 6, "micro_batch": 4}, "--batch"), ({"channels": (8,)}, "--channels"),
        ({"d_channels": (8, 8, 8)}, "--d-channels"), ({"grow_from": 4}, "--grow-from"), ({"batch": 6}, "groups of 4"),
    ):  # fmt: skip
        with pytest.raises(TrainingError, match=said):
            check(settings(**changes))
    with pytest.raises(TrainingError, match="sharpness"):
        convert({"data": "x", "sharpness": 3})
    for name, value in (("ema_ramp", "-1"), ("gamma", "nan"), ("batch", 0), ("mixing", 1.5), ("channels", [8, 0])):
        with pytest.raises(TrainingError, match=name):
            convert({"data": "x", name: value})


def test_presets_follow_the_papers():
    assert preset("stylegan3-t", 1024, 32)["gamma"] == 32 and preset("stylegan3-t", 128, 32)["gamma"] == 0.5
    assert preset("stylegan3-r", 256, 32)["blur_kimg"] == 200 and "blur_sigma" not in preset(
        "stylegan3-t", 256, 32
    )
    assert preset("stylegan3-r", 256, 32, fine_tuning=True).get("blur_sigma") is None
    assert preset("stylegan2", 1024, 32)["gamma"] == pytest.approx(6.5536)


def test_sixteen_pictures_are_learned_by_heart():
    s = settings(
        batch=16,
        channels=(24, 24),
        w_dim=16,
        g_lr=0.01,
        d_lr=0.01,
        gamma=0.2,
        ema_kimg=0.3,
        mixing=0,
        path_weight=0,
    )
    data = dataset(16, seed=5)
    t = Trainer(s, data)
    before = distance(t, data)
    for _ in range(150):
        t.step()
    assert distance(t, data) < 0.5 * before


def distance(t: Trainer, data) -> float:
    """Mean distance of generated pictures from the nearest training picture, and the reverse."""
    fake = t.sheet().flatten(1)
    real = (data.images.float() / 127.5 - 1).flatten(1)
    d = torch.cdist(fake, real)
    return float(d.amin(dim=1).mean() + d.amin(dim=0).mean())
