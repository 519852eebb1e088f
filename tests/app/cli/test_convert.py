"""`convert`: the new file gives the old file's pictures, and a difference is never shipped."""

from pathlib import Path

import pytest
import torch

from app.cli import entry
from engine import load_model
from engine.checkpoints import native

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.mark.parametrize(
    "name", ["sg1_cond.pkl", "sg2ada_resnet.pkl", "sg2tf_configd.pkl", "sg3_r_cond.pkl", "rosi_train_64.pt"]
)
def test_a_converted_file_gives_the_same_pictures(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "converted.safetensors"
    assert entry.run(["convert", str(GOLDEN / name), str(out)]) == 0
    assert "same pictures" in capsys.readouterr().out
    for network in ("G_ema", "G"):
        before, after = load_model(str(GOLDEN / name), network), load_model(str(out), network)
        ws = torch.randn(1, before.num_ws, before.w_dim)
        torch.testing.assert_close(after.synthesis(ws), before.synthesis(ws), rtol=1e-4, atol=1e-5)


def test_a_discriminator_comes_along(tmp_path: Path):
    out = tmp_path / "converted.safetensors"
    assert entry.run(["convert", str(GOLDEN / "sg3_t.pkl"), str(out)]) == 0
    img = torch.randn(1, 3, 32, 32)
    want = load_model(str(GOLDEN / "sg3_t.pkl"), "D")(img)
    torch.testing.assert_close(load_model(str(out), "D")(img), want, rtol=1e-4, atol=1e-5)


def test_a_file_that_would_differ_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def altered(tensors):
        return {
            key: value + 0.01 if key.endswith("conv1.weight") else value for key, value in tensors.items()
        }

    monkeypatch.setattr(native, "_separate", altered)
    out = tmp_path / "converted.safetensors"
    assert entry.run(["convert", str(GOLDEN / "sg2ada_orig.pkl"), str(out)]) == 2
    assert "differs" in capsys.readouterr().err and not out.exists()


@pytest.mark.parametrize(
    ("source", "out", "words"),
    [("sg3_t.pkl", "x.pkl", "ends in .safetensors"), ("absent.pkl", "x.safetensors", "no such file")],
)
def test_mistakes_are_one_sentence(
    source: str, out: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert entry.run(["convert", str(GOLDEN / source), str(tmp_path / out)]) == 2
    assert words in capsys.readouterr().err
