"""What people really open by mistake: each gets one sentence with what was expected, what was found, what to do."""

import os
import pickle
import tracemalloc
from pathlib import Path

import pytest
import torch

from engine.checkpoints import open_checkpoint
from engine.errors import CheckpointError
from tests.engine.checkpoints import makers

GOLDEN = Path(__file__).parents[2] / "golden"


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(path)
    said = str(caught.value)
    assert said.startswith(path.name) and "\n" not in said
    return said


@pytest.mark.parametrize(("data", "words"), [
    (b"", "an empty file"),
    (b"<!DOCTYPE html><html><body>404</body></html>", "looks like a web page; the download probably failed"),
    (b"\xef\xbb\xbf \n<html>", "looks like a web page"),
    (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "looks like a web page"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
    (b'{"error": "quota exceeded"}', "looks like JSON"),
    (b"\x1f\x8b\x08\x00" + bytes(50), r"a packed file (gzip); unpack it"),
    (bytes(257) + b"ustar" + bytes(300), "packed file (tar)"),
    (bytes(5000), "zeros at its beginning"),
    (b"\x89PNG\r\n\x1a\n" + bytes(50), "begins with the bytes 89 50 4e 47"),
    (b"\x80\x04}.", "a StyleGAN generator inside"),
    (b"PK\x03\x04" + bytes(60), "an archive without a readable directory"),
])  # fmt: skip
def test_other_files_are_named_for_what_they_are(data: bytes, words: str, tmp_path: Path):
    (tmp_path / "ffhq.pkl").write_bytes(data)
    assert words in refused(tmp_path / "ffhq.pkl")


@pytest.mark.parametrize(
    "name", ["sg2ada_clamp.pkl", "sg3_t.pkl", "sg1_basic.pkl", "rosi_convert_32.pt", "rosi_train_64.pt"]
)
def test_files_cut_short_anywhere_say_so(name: str, tmp_path: Path):
    data = (GOLDEN / name).read_bytes()
    for part in (0.001, 0.1, 0.5, 0.9, 0.9999):
        (tmp_path / name).write_bytes(data[: int(len(data) * part)])
        assert "download or copy it again" in refused(tmp_path / name)


def test_a_pickle_that_would_run_a_command_is_refused_by_name(tmp_path: Path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'sentinel'}",)

    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"G_ema": Evil()}))
    said = refused(tmp_path / "evil.pkl")
    assert "system" in said and "nothing in it was run" in said
    assert not (tmp_path / "sentinel").exists()


def test_a_pickle_without_generator_lists_what_is_there(tmp_path: Path):
    path = makers.nvlabs(tmp_path / "half.pkl", makers.stylegan2(), G=None, G_ema=None)
    assert "no" in (said := refused(path)) and "'D'" in said and "G_ema" in said
    torch.save({"state": {"epoch": 3}, "optimizer": {}}, tmp_path / "other.pt")
    assert "only 'state', 'optimizer'" in refused(tmp_path / "other.pt")


def test_tensors_of_another_model_are_refused(tmp_path: Path):
    torch.save(torch.nn.Linear(3, 3).state_dict(), tmp_path / "linear.pt")
    assert "only 'weight', 'bias'" in refused(tmp_path / "linear.pt")


@pytest.mark.parametrize(
    "head", [b"", b"\x80\x04", b"\x80\x04\x8e" + (2900 << 20).to_bytes(8, "little"), b"PK\x03\x04"]
)
def test_three_gigabytes_of_nothing_are_not_read_into_memory(head: bytes, tmp_path: Path):
    path = tmp_path / "sparse.pkl"
    path.write_bytes(head)
    os.truncate(path, 3 << 30)
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_folders_without_snapshot_and_missing_files_are_named(tmp_path: Path):
    assert "network-snapshot-*.pkl" in refused(tmp_path)
    assert "no such file" in refused(tmp_path / "absent.pkl")


def test_a_denied_file_says_what_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = makers.nvlabs(tmp_path / "a.pkl", makers.stylegan2())

    def denied(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert "that you may read" in refused(path)


@pytest.mark.parametrize("setting", ["z_dim", "c_dim", "w_dim", "img_resolution", "img_channels"])
def test_settings_that_contradict_the_tensors_are_refused(setting: str, tmp_path: Path):
    G = makers.stylegan2()
    setattr(G, setting, 77)
    assert f"{setting} " in refused(makers.nvlabs(tmp_path / "a.pkl", G))


def test_stylegan3_layers_planned_by_other_rules_are_refused(tmp_path: Path):
    path = makers.nvlabs(tmp_path / "a.pkl", makers.stylegan3(), kwargs={"first_stopband": 7.9})
    assert "half_width" in refused(path)
