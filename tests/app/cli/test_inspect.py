"""`inspect`: its files against the network run by hand and against the goldens' own activations."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from app.cli import entry
from engine import load_model, scenefile
from engine.latents import seed_to_z

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
SMALL = str(GOLDEN / "sg2ada_skip_uncond.pkl")
STEP = "b8.conv1"


def activation(seed: int, step: str = STEP) -> np.ndarray:
    G = load_model(SMALL)
    with torch.no_grad():
        ws = G.mapping(torch.from_numpy(seed_to_z(seed, G.z_dim))[None])
        return G.synthesis.activation(step, ws)[0].numpy()


def run(*argv: str) -> int:
    return entry.run(["inspect", SMALL, "--device", "cpu", *argv])


def test_arrays_hold_one_activation_for_each_seed(tmp_path: Path):
    out = tmp_path / "a.npy"
    assert run("--step", STEP, "--seeds", "3-4,9", "--out", str(out)) == 0
    found, facts = np.load(out), json.loads((tmp_path / "a.json").read_text())
    assert found.dtype == np.float32 and facts["step"] == STEP and facts["seeds"] == [3, 4, 9]
    for x, seed in zip(found, (3, 4, 9)):
        assert np.allclose(x, activation(seed), atol=1e-5)
    assert scenefile.from_json(json.dumps(facts["scene"])).latent.seed == 3


def test_safetensors_carry_their_metadata(tmp_path: Path):
    out = tmp_path / "a.safetensors"
    assert run("--step", STEP, "--seeds", "3", "--out", str(out)) == 0
    with safe_open(out, "np") as file:
        facts = json.loads(file.metadata()["stylescope.inspect"])
        assert np.allclose(file.get_tensor("activation")[0], activation(3), atol=1e-5)
    assert facts["step"] == STEP and facts["seeds"] == [3]


def test_a_table_has_the_statistics_of_the_step_and_of_each_channel(tmp_path: Path):
    out = tmp_path / "a.csv"
    assert run("--step", STEP, "--seeds", "5", "--out", str(out)) == 0
    rows, x = list(csv.DictReader(out.open())), activation(5)
    assert [r["channel"] for r in rows] == ["all", *map(str, range(len(x)))]
    assert float(rows[0]["std"]) == pytest.approx(x.std(), rel=1e-4)
    assert float(rows[3]["mean"]) == pytest.approx(x[2].mean(), abs=1e-5)


def test_weights_and_styles_are_written_as_they_are(tmp_path: Path):
    G = load_model(SMALL)
    assert run("--step", STEP, "--part", "weight", "--out", str(tmp_path / "w.npy")) == 0
    weight = np.load(tmp_path / "w.npy")
    assert np.array_equal(weight[0], G.synthesis.get_parameter(f"{STEP}.weight").detach().numpy())
    assert run("--step", STEP, "--part", "styles", "--seeds", "3,4", "--out", str(tmp_path / "s.safetensors")) == 0
    with torch.no_grad(), safe_open(tmp_path / "s.safetensors", "np") as file:
        found = file.get_tensor("styles")
        facts = json.loads(file.metadata()["stylescope.inspect"])
        row = next(s.ws[0] for s in G.synthesis.steps if s.name == STEP)
        for styles, seed in zip(found, (3, 4)):
            ws = G.mapping(torch.from_numpy(seed_to_z(seed, G.z_dim))[None])
            expected = G.synthesis.get_submodule(STEP).get_submodule("affine")(ws[:, row])[0]
            assert np.allclose(styles, expected, atol=1e-5)
    assert facts["part"] == "styles" and facts["axes"] == "seed, style channel"


def test_a_part_that_is_not_there_is_said(tmp_path: Path, capsys):
    resnet = str(GOLDEN / "sg2ada_resnet.pkl")
    out = str(tmp_path / "s.npy")
    assert entry.run(["inspect", resnet, "--device", "cpu", "--step", "b8", "--part", "weight", "--out", out]) == 2
    assert "b8: this step has no weight; it has output." in capsys.readouterr().err


def test_without_a_step_every_step_is_listed(tmp_path: Path, capsys):
    assert run("--seeds", "1,2", "--out", str(tmp_path / "a.csv")) == 0
    steps = [step.name for step in load_model(SMALL).synthesis.steps]
    rows = list(csv.DictReader((tmp_path / "a.csv").open()))
    assert [(r["seed"], r["step"]) for r in rows] == [(s, name) for s in "12" for name in steps]
    capsys.readouterr()
    assert run() == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()[1:]] == steps


def test_a_picture_shows_the_step_and_is_a_scene(tmp_path: Path):
    out = tmp_path / "a.png"
    assert run("--step", STEP, "--seeds", "2", "--set", "view.mode=sheet", "--out", str(out)) == 0
    scene = scenefile.load(out)
    assert (scene.view.step, scene.view.mode, scene.latent.seed) == (STEP, "sheet", 2)


def test_bends_of_the_scene_act(tmp_path: Path):
    out = tmp_path / "a.npy"
    bend = f'bends=[{{"step":"{STEP}","channels":[1]}}]'
    assert run("--step", STEP, "--set", bend, "--out", str(out)) == 0
    assert (np.load(out)[0, 1] == 0).all() and (np.load(out)[0, 0] != 0).any()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--step", "b9"], "--step: expected one of b4.conv1"),
        (["--out", "x.gif"], "--out: expected a file ending in .npy"),
        (["--out", "x.npy"], "--step: expected the name of a step"),
        (["--out", "x.png", "--step", STEP, "--seeds", "1-2"], "shows one seed, found 2"),
    ],
)
def test_what_is_refused(argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*argv) == 2
    said = capsys.readouterr().err
    assert words in said and len(said.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
