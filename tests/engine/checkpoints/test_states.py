"""Every tensor of every golden file, bit for bit, against a reader that uses Python's own pickle and torch.load."""

import argparse
import io
import json
import math
import pickle
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.checkpoints import open_checkpoint
from engine.networks import build

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = {case["name"]: case for case in json.loads((GOLDEN / "cases.json").read_text())["cases"]}
PICKLES = [name for name, case in CASES.items() if "torch_utils" in case["format"]["kind"]]
TENSORFLOW = [name for name, case in CASES.items() if "tflib" in case["format"]["kind"]]


class Anything:
    """Whatever object a golden pickle holds."""

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)


class Trusting(pickle.Unpickler):
    """Python's own machine, for files that this project made itself."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_reconstruct_persistent_obj":
            return lambda meta: types.SimpleNamespace(class_name=meta["class_name"], **meta["state"])
        if name in ("EasyDict", "Network"):
            return dict if name == "EasyDict" else Anything
        if name == "_load_from_bytes":
            return lambda data: torch.load(io.BytesIO(data), weights_only=True)
        return super().find_class(module, name)


def trusted(name: str) -> Any:
    with (GOLDEN / CASES[name]["file"]).open("rb") as file:
        return Trusting(file).load()


def tensors(module: Any, prefix: str = "") -> dict[str, torch.Tensor]:
    found = {}
    for name, value in {**module._parameters, **module._buffers}.items():
        if value is not None:
            found[prefix + name] = value
    for name, child in module._modules.items():
        if child is not None:
            found |= tensors(child, f"{prefix}{name}.")
    return found


@pytest.mark.parametrize("name", PICKLES)
def test_pickles_are_read_bit_for_bit(name: str):
    top, read = trusted(name), open_checkpoint(GOLDEN / CASES[name]["file"])
    assert set(read.networks) == {"G", "D", "G_ema"}
    for key, contents in read.networks.items():
        expected = tensors(top[key])
        assert contents.state.keys() == expected.keys()
        for tensor, value in expected.items():
            assert torch.equal(contents.state[tensor], value.detach().float()), tensor


@pytest.mark.parametrize("name", PICKLES)
def test_configurations_are_those_that_the_networks_were_made_with(name: str):
    said = CASES[name]["init_kwargs"]
    said = said | said.get("synthesis_kwargs", {})
    config = open_checkpoint(GOLDEN / CASES[name]["file"], only="G_ema").networks["G_ema"].config
    for setting in ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "architecture", "num_layers",
                    "num_critical", "first_cutoff", "output_scale", "margin_size", "conv_kernel", "filter_size",
                    "use_radial_filters", "use_noise"):  # fmt: skip
        if setting in said and hasattr(config, setting):
            assert getattr(config, setting) == pytest.approx(said[setting]) or said[setting] == getattr(
                config, setting
            )
    if "conv_clamp" in said:
        assert config.conv_clamp == said["conv_clamp"]
    for setting, value in said.get("mapping_kwargs", {}).items():
        assert getattr(config.mapping, setting) == value


@pytest.mark.parametrize("name", TENSORFLOW)
def test_no_tensorflow_variable_is_lost(name: str):
    """The norm of all variables is that of all tensors, once known changes of value are undone."""
    network = trusted(name)[2]
    first = network.build_func_name == "G_style"
    parts = [network, *network.components.values()]
    variables = {f"{p.name}/{key}": np.asarray(value) for p in parts for key, value in p.variables}
    counted = {key: value for key, value in variables.items() if not key.endswith("lod")}
    state = open_checkpoint(GOLDEN / CASES[name]["file"], only="G_ema").networks["G_ema"].state
    values = dict(state)
    for key, value in state.items():
        if first and key.startswith("mapping.fc") and key.endswith("bias"):
            values[key] = value * math.sqrt(2)
        elif not first and key.endswith("affine.bias"):
            values[key] = value - 1
    kept = [value for key, value in values.items() if not key.endswith("resample_filter")]
    assert sum(value.numel() for value in kept) == sum(value.size for value in counted.values())
    theirs = math.fsum(float(np.square(value.astype(np.float64)).sum()) for value in counted.values())
    ours = math.fsum(float(value.double().square().sum()) for value in kept)
    assert ours == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("name", ["rosi_convert_32", "rosi_train_64"])
def test_rosinality_is_read_bit_for_bit(name: str):
    path = GOLDEN / CASES[name]["file"]
    with torch.serialization.safe_globals([argparse.Namespace]):
        top = torch.load(path, weights_only=True)
    state = open_checkpoint(path, only="G_ema").networks["G_ema"].state
    theirs = top["g_ema"]
    assert torch.equal(state["synthesis.b4.const"], theirs["input.input"][0])
    assert torch.equal(state["mapping.fc0.weight"], theirs["style.1.weight"])
    assert torch.equal(state["synthesis.b16.conv0.weight"], theirs["convs.2.conv.weight"][0])
    assert torch.equal(state["synthesis.b16.conv1.noise_const"], theirs["noises.noise_4"][0, 0])
    assert torch.equal(state["synthesis.b32.torgb.bias"], theirs["to_rgbs.2.bias"].flatten())
    if "latent_avg" in top:
        assert torch.equal(state["mapping.w_avg"], top["latent_avg"])
    ours = sum(v.numel() for k, v in state.items() if not k.endswith(("resample_filter", "w_avg")))
    assert ours == sum(v.numel() for k, v in theirs.items() if not k.endswith("kernel"))


def test_rosinality_with_its_own_channel_table(tmp_path: Path):
    """No file: the state dict is made from the recipe of the golden case, saved, opened and played."""
    case = CASES["rosi_standard_16_seeded"]
    torch.save({"g_ema": seeded_state(case["state_dict_recipe"])}, tmp_path / "seeded.pt")
    contents = open_checkpoint(tmp_path / "seeded.pt").networks["G_ema"]
    G = build(contents.family, contents.config, dict(contents.state))
    data = {key: torch.from_numpy(value) for key, value in np.load(GOLDEN / case["arrays_file"]).items()}
    G.mapping.w_avg.copy_(data["latent_avg"].reshape(-1))
    with torch.no_grad():
        for psi, array in ((1, "img_psi1_const"), (0.7, "img_psi07_const")):
            torch.testing.assert_close(G(data["z"], None, psi), data[array], atol=1e-4, rtol=0)
        img = G.synthesis(data["ws_rand"])
    torch.testing.assert_close(img, data["img_wrand_const"], atol=1e-4, rtol=0)


def seeded_state(recipe: dict) -> dict[str, torch.Tensor]:
    rng = np.random.RandomState(recipe["seed"])
    state = {}
    for key in sorted(recipe["shapes"]):
        if key.endswith(".kernel"):
            taps = torch.tensor([1.0, 3, 3, 1])
            state[key] = torch.outer(taps, taps) / 64 * 4
            continue
        state[key] = torch.from_numpy(filled(key, rng.randn(*recipe["shapes"][key])))
    return state


def filled(key: str, values: np.ndarray) -> np.ndarray:
    """Normal deviates scaled as the recipe says, by the kind of tensor."""
    if key.startswith("style."):
        values = values * (100 if key.endswith("weight") else 12)
    elif key.endswith("modulation.bias"):
        values = 1 + 0.3 * values
    elif key.endswith(("noise.weight", "bias")):
        values = 0.25 * values
    return values.astype(np.float32)
