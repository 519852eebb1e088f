"""StyleScope's own format: everything comes back, by memory map, and a broken write leaves nothing behind."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.checkpoints import open_checkpoint, write_native
from engine.errors import CheckpointError
from tests.engine.checkpoints import makers

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.mark.parametrize("name", [
    "sg1_cond.pkl", "sg1_variant.pkl", "sg2ada_options.pkl", "sg2tf_configd.pkl", "sg2tf_cond.pkl", "sg3_r_cond.pkl",
    "sg3_t_options.pkl", "rosi_train_64.pt",
])  # fmt: skip
def test_what_was_read_is_written_and_read_again_the_same(name: str, tmp_path: Path):
    before = open_checkpoint(GOLDEN / name)
    write_native(before.networks, tmp_path / "a.safetensors")
    after = open_checkpoint(tmp_path / "a.safetensors")
    assert after.format == "StyleScope safetensors" and list(after.networks) == list(before.networks)
    for key, contents in before.networks.items():
        again = after.networks[key]
        assert (again.family, again.kind, again.config) == (contents.family, contents.kind, contents.config)
        assert again.notes == contents.notes and again.state.keys() == contents.state.keys()
        assert all(torch.equal(again.state[tensor], value) for tensor, value in contents.state.items())


def test_a_configuration_made_by_hand_comes_back(tmp_path: Path):
    G = makers.stylegan2(c_dim=3)
    assert makers.native(tmp_path / "a.safetensors", G, trained=False)
    contents = open_checkpoint(tmp_path / "a.safetensors").networks["G_ema"]
    assert not contents.trained and contents.config.c_dim == 3 and contents.config.channels == (4, 4)


def test_tensors_are_mapped_not_copied(tmp_path: Path):
    """All of them lie in one storage as long as the file, and the file does not change when they do."""
    path = makers.native(tmp_path / "a.safetensors", makers.stylegan2())
    before = path.read_bytes()
    state = open_checkpoint(path).networks["G_ema"].state
    assert {value.untyped_storage().nbytes() for value in state.values()} == {len(before)}
    assert len({value.untyped_storage().data_ptr() for value in state.values()}) == 1
    state["synthesis.b4.const"].zero_()
    assert path.read_bytes() == before


def test_a_configuration_that_contradicts_its_tensors_is_refused(tmp_path: Path):
    G = makers.stylegan2()
    path = makers.native(tmp_path / "a.safetensors", G, config=replace(G.config, kernel_size=5))
    with pytest.raises(CheckpointError, match="kernel_size 3"):
        open_checkpoint(path)


def test_shared_tensors_are_written_twice(tmp_path: Path):
    G = makers.stylegan2()
    state = G.state_dict()
    state["synthesis.b8.conv1.bias"] = state["synthesis.b8.conv0.bias"]
    makers.native(tmp_path / "a.safetensors", G, state=state)
    again = open_checkpoint(tmp_path / "a.safetensors").networks["G_ema"].state
    assert torch.equal(again["synthesis.b8.conv1.bias"], state["synthesis.b8.conv0.bias"])


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = makers.native(tmp_path / "a.safetensors", makers.stylegan2())
    before = path.read_bytes()

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.checkpoints.native.save_file", full)
    with pytest.raises(
        CheckpointError, match=r"a\.safetensors: could not be written \(No space left on device\)"
    ):
        makers.native(path, makers.stylegan2())
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
