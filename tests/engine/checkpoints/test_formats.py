"""The variants of each format that people own: forks, old files, missing parts, archives, run folders."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.checkpoints import open_checkpoint
from engine.checkpoints.folder import snapshots
from engine.errors import Cancelled, CheckpointError
from engine.networks import build
from engine.networks.discriminator import Discriminator
from engine.networks.discriminator1 import Discriminator1
from tests.engine.checkpoints import makers

GOLDEN = Path(__file__).parents[2] / "golden"


def opened(path: Path, network: str = "G_ema"):
    return open_checkpoint(path).networks[network]


def same_picture(contents, generator) -> bool:
    """Whether what was read plays as the network that was written."""
    G = build(contents.family, contents.config, dict(contents.state))
    ws = torch.randn(1, generator.num_ws, generator.w_dim, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        return torch.allclose(G.synthesis(ws), generator.synthesis(ws), atol=1e-5)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return makers.every(tmp_path_factory.mktemp("formats"))


@pytest.mark.parametrize("name", [
    "pickle of stylegan2, protocol 4", "pickle of stylegan2, protocol 2", "rosinality zip", "rosinality legacy",
    "bare safetensors",
])  # fmt: skip
def test_stylegan2_plays_the_same_from_every_format(name: str, files: dict[str, Path]):
    assert same_picture(opened(files[name]), makers.stylegan2())


@pytest.mark.parametrize("name", ["pickle of stylegan3, protocol 3", "native", "bare zip"])
def test_stylegan3_plays_the_same_from_every_format(name: str, files: dict[str, Path]):
    assert same_picture(opened(files[name]), makers.stylegan3())


def test_names_and_suffixes_play_no_part(tmp_path: Path, files: dict[str, Path]):
    for i, path in enumerate(files.values()):
        renamed = tmp_path / f"{i}.txt"
        renamed.write_bytes(path.read_bytes())
        beside = path.with_suffix(".json")
        if beside.exists():
            renamed.with_suffix(".json").write_bytes(beside.read_bytes())
        assert open_checkpoint(renamed).format == open_checkpoint(path).format


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_opens(tmp_path: Path, protocol: int):
    G = makers.stylegan3()
    assert same_picture(opened(makers.nvlabs(tmp_path / "a.pkl", G, protocol)), G)


@pytest.mark.parametrize("package", ["src.", "my_fork.lib.", "training_v2."])
def test_forks_under_other_packages_open(tmp_path: Path, package: str):
    G = makers.stylegan2()
    assert same_picture(opened(makers.nvlabs(tmp_path / "a.pkl", G, package=package)), G)


@pytest.mark.parametrize("package", ["tfutil", "network", "fork.dnnlib.tflib.network"])
def test_tensorflow_classes_of_other_packages_open(tmp_path: Path, package: str):
    assert opened(makers.tensorflow(tmp_path / "a.pkl", package=package)).family == "stylegan2"


def test_missing_and_extra_entries_of_a_snapshot_are_listed(tmp_path: Path):
    path = makers.nvlabs(
        tmp_path / "a.pkl", makers.stylegan2(), D=None, G=None, progress={"kimg": 200}, epoch=3
    )
    checkpoint = open_checkpoint(path)
    assert list(checkpoint.networks) == ["G_ema"]
    notes = " ".join(checkpoint.networks["G_ema"].notes)
    assert "'progress'" in notes and "'epoch'" in notes


def test_unknown_settings_become_notes(tmp_path: Path):
    path = makers.nvlabs(tmp_path / "a.pkl", makers.stylegan2(), kwargs={"secret_sauce": 3})
    assert any(
        "'secret_sauce'" in note and "every tensor is accounted for" in note for note in opened(path).notes
    )


def test_unknown_tensors_of_the_synthesis_are_refused_by_name(tmp_path: Path):
    G = makers.stylegan2()
    G.get_submodule("synthesis.b8.conv1").register_buffer("attention", torch.ones(3))
    with pytest.raises(CheckpointError, match=r"synthesis\.b8\.conv1\.attention"):
        open_checkpoint(makers.nvlabs(tmp_path / "a.pkl", G))


def test_unknown_tensors_elsewhere_and_old_filters_become_notes(tmp_path: Path):
    G = makers.stylegan2()
    G.register_buffer("epoch_counter", torch.ones(3))
    G.get_submodule("synthesis.b8.conv1").register_buffer("act_filter", torch.ones(3))
    contents = opened(makers.nvlabs(tmp_path / "a.pkl", G))
    assert any("epoch_counter" in note for note in contents.notes)
    assert any("act_filter" in note for note in contents.notes)
    assert not any(key.endswith(("epoch_counter", "act_filter")) for key in contents.state)


def test_a_missing_tensor_is_refused_by_name(tmp_path: Path):
    G = makers.stylegan2()
    G.get_submodule("synthesis.b8.conv0").bias = None
    with pytest.raises(CheckpointError, match=r"synthesis\.b8\.conv0\.bias"):
        open_checkpoint(makers.nvlabs(tmp_path / "a.pkl", G))


def test_weights_that_are_not_numbers_are_noted(tmp_path: Path):
    G = makers.stylegan2()
    G.get_parameter("synthesis.b4.const")[0] = float("nan")
    assert any(
        "not numbers" in note and "b4.const" in note
        for note in opened(makers.nvlabs(tmp_path / "a.pkl", G)).notes
    )


def test_half_precision_becomes_single(tmp_path: Path):
    G = makers.stylegan2()
    save_file({key: value.half() for key, value in G.state_dict().items()}, tmp_path / "half.safetensors")
    state = opened(tmp_path / "half.safetensors").state
    assert {value.dtype for value in state.values()} == {torch.float32}
    assert torch.equal(state["synthesis.b4.const"], G.get_parameter("synthesis.b4.const").half().float())


def test_rosinality_without_noise_and_average_is_filled_in_the_same_way_each_time(tmp_path: Path):
    state = {
        k: v for k, v in makers.rosinality_state(makers.stylegan2()).items() if not k.startswith("noises")
    }
    torch.save({"g_ema": state}, tmp_path / "old.pt")
    first, second = opened(tmp_path / "old.pt"), opened(tmp_path / "old.pt")
    assert any("constant noise" in note for note in first.notes)
    assert any("average latent" in note for note in first.notes)
    for key in ("synthesis.b8.conv0.noise_const", "mapping.w_avg"):
        assert torch.equal(first.state[key], second.state[key])
    assert first.state["synthesis.b8.conv0.noise_const"].shape == (8, 8)


def test_the_estimated_average_is_the_mean_of_mapped_latents(tmp_path: Path):
    G = makers.stylegan2()
    torch.save({"g_ema": makers.rosinality_state(G)}, tmp_path / "old.pt")
    with torch.no_grad():
        mean = G.mapping(torch.randn(200_000, 4, generator=torch.Generator().manual_seed(9)))[:, 0].mean(
            dim=0
        )
    torch.testing.assert_close(opened(tmp_path / "old.pt").state["mapping.w_avg"], mean, atol=0.05, rtol=0)


def test_non_square_constants_open_and_play(tmp_path: Path):
    G = makers.stylegan2(base=(4, 3))
    contents = opened(makers.nvlabs(tmp_path / "a.pkl", G))
    assert contents.config.base == (4, 3) and same_picture(contents, G)


def test_settings_beside_a_state_dict_are_used(tmp_path: Path):
    G = makers.stylegan2(conv_clamp=0.5, mapping=makers.MappingConfig(num_layers=2, lr_multiplier=0.1))
    settings = {"synthesis_kwargs": {"conv_clamp": 0.5}, "mapping_kwargs": {"lr_multiplier": 0.1}}
    contents = opened(makers.bare(tmp_path / "a.safetensors", G, settings))
    assert contents.config.conv_clamp == 0.5 and contents.config.mapping.lr_multiplier == 0.1
    assert same_picture(contents, G) and not contents.notes


def test_a_state_dict_without_settings_says_what_was_assumed(tmp_path: Path):
    assert any(
        "no settings" in note
        for note in opened(makers.bare(tmp_path / "a.safetensors", makers.stylegan2())).notes
    )


def test_settings_that_are_no_json_are_refused(tmp_path: Path):
    path = makers.bare(tmp_path / "a.safetensors", makers.stylegan2())
    path.with_suffix(".json").write_text("conv_clamp = 3")
    with pytest.raises(CheckpointError, match=r"a\.json"):
        open_checkpoint(path)


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_with_a_model_and_its_settings_opens(tmp_path: Path, packed: int):
    G = makers.stylegan3()
    model = makers.bare(tmp_path / "model.safetensors", G)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", packed) as target:
        target.write(model, "folder/model.safetensors")
        target.writestr("folder/model.json", json.dumps(makers.settings3(G)))
        target.writestr("README.txt", "hello")
    checkpoint = open_checkpoint(tmp_path / "a.zip")
    assert checkpoint.format.endswith("in a zip archive") and same_picture(checkpoint.networks["G_ema"], G)


def test_a_run_folder_opens_its_newest_snapshot_and_says_which(tmp_path: Path):
    for kimg in (200, 1000, 40):
        makers.nvlabs(tmp_path / f"network-snapshot-{kimg:06d}.pkl", makers.stylegan2())
    os.utime(tmp_path / "network-snapshot-000040.pkl")
    (tmp_path / "log.txt").write_text("")
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.path.name == "network-snapshot-001000.pkl"
    assert any(
        "network-snapshot-001000.pkl" in note and "3 snapshots" in note
        for note in checkpoint.networks["G_ema"].notes
    )


def test_snapshots_say_how_far_the_run_was(tmp_path: Path):
    for names in (
        {"network-snapshot-0000012500.safetensors": "12.5 kimg", "network-snapshot-0000002000.safetensors": "2.0 kimg"},
        {"network-snapshot-025000.pkl": "25000 kimg", "network-snapshot-000200.pkl": "200 kimg"},
        {"550000.pt": "snapshot 550000", "90000.pt": "snapshot 90000"},
    ):
        folder = tmp_path / next(iter(names)).split(".")[0]
        folder.mkdir()
        for name in [*reversed(names), "other.pt2", ".550000.pt.aside.pt"]:
            (folder / name).write_bytes(b"x")
        assert [(s.path.name, s.words) for s in snapshots(folder)] == list(names.items())
    (folder / "550000.pt").write_bytes(b"longer")
    assert snapshots(folder)[0].stamp[0] == 6  # a file that grows is another one
    assert snapshots(tmp_path) == []


def test_a_discriminator_that_cannot_be_read_does_not_stop_the_generator(tmp_path: Path):
    D = makers.critic()
    D.get_submodule("b8").register_buffer("oddity", torch.ones(3))
    networks = open_checkpoint(
        makers.nvlabs(tmp_path / "a.pkl", makers.stylegan2(), discriminator=D)
    ).networks
    assert list(networks) == ["G_ema", "G"]
    assert any(
        "Left out the discriminator" in note and "b8.oddity" in note for note in networks["G_ema"].notes
    )


@pytest.mark.parametrize("name", ["plain", "full"])
def test_lucidrains_files_open_with_the_settings_of_their_folder(name: str, tmp_path: Path):
    folder = GOLDEN / "lucidrains" / name
    contents = opened(folder / "model_0.pt")
    settings = json.loads((folder / ".config.json").read_text())
    assert contents.config.mapping.lr_multiplier == settings["lr_mlp"]
    G, data = build("lucidrains", contents.config, dict(contents.state)), np.load(folder / "arrays.npz")
    w = G.mapping(torch.from_numpy(data["z"]))[:, 0]
    torch.testing.assert_close(w, torch.from_numpy(data["w"]), atol=1e-6, rtol=0)
    stored = torch.load(folder / "model_0.pt", weights_only=True)["GAN"]
    kept = {key for key in contents.state if not key.endswith(("w_avg", "noise_const"))}
    assert len(kept) == sum(key.startswith(("SE.", "GE.")) for key in stored)
    assert torch.equal(contents.state["synthesis.blocks.1.conv2.weight"], stored["GE.blocks.1.conv2.weight"])
    shutil.copy(folder / "model_0.pt", tmp_path / "alone.pt")
    assert any("learning rate multiplier" in note for note in opened(tmp_path / "alone.pt").notes)


@pytest.mark.parametrize(
    "name", ["sg2tf_skip", "sg2tf_configd", "sg2adatf_cond", "rosi_train_64", "sg2ada_skip_cond"]
)
def test_discriminators_of_every_format_run(name: str):
    path = next(GOLDEN.glob(f"{name}.p*"))
    contents = opened(path, "D")
    D = Discriminator(contents.config)
    D.load_state_dict(dict(contents.state))
    side, c_dim = contents.config.img_resolution, contents.config.c_dim
    labels = torch.eye(max(c_dim, 4))[:4, :c_dim] if c_dim else None
    assert D(torch.randn(4, 3, side, side), labels).shape == (4, 1)


@pytest.mark.parametrize("name", ["sg1_cond", "sg1_lod"])
def test_discriminators_of_the_first_stylegan_run(name: str):
    contents = opened(GOLDEN / f"{name}.pkl", "D")
    D = Discriminator1(contents.config)
    D.load_state_dict(dict(contents.state))
    assert (
        D(torch.randn(4, 3, contents.config.img_resolution, contents.config.img_resolution)).isfinite().all()
    )


def test_only_one_network_is_read_if_only_one_is_wanted(tmp_path: Path):
    networks = open_checkpoint(makers.nvlabs(tmp_path / "a.pkl", makers.stylegan2()), only="G").networks
    assert {name: bool(c.state) for name, c in networks.items()} == {"G_ema": False, "G": True, "D": False}
    assert networks["G_ema"].config == networks["G"].config


def test_progress_rises_to_one_and_says_what_happens(tmp_path: Path):
    said: list[tuple[float, str]] = []
    path = makers.nvlabs(tmp_path / "a.pkl", makers.stylegan2())
    open_checkpoint(path, progress=lambda fraction, what: said.append((fraction, what)), only="G_ema")
    assert said[-1][0] == 1 and all(0 <= fraction <= 1 for fraction, _ in said)
    assert {"looking at the file", "reading the weights", "ready"} <= {what for _, what in said}


@pytest.mark.parametrize("after", [0, 1, 5, 20])
def test_opening_can_be_cancelled_at_any_point(tmp_path: Path, after: int):
    path = makers.nvlabs(tmp_path / "a.pkl", makers.stylegan2())
    asked = iter(range(10**6))
    with pytest.raises(Cancelled, match=r"a\.pkl"):
        open_checkpoint(path, cancelled=lambda: next(asked) >= after)
