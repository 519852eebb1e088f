"""Every network against what its original implementation computed: mapping, truncation, pictures, activations."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine import load_model
from engine.networks.common import Generator, Inputs, Noise, State

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {case["name"]: case for case in json.loads((GOLDEN / "cases.json").read_text())["cases"]}
DEFAULT_TRUNCATION = {"sg1": (0.7, 8), "sg2": (0.5, None)}  # of the TensorFlow releases, where the file sets none
INPUTS = ("z", "c", "labels", "ws_rand", "ws_mix", "latent_avg")


def checks() -> list[tuple[str, str]]:
    """(case, array) for everything that can be computed, in the order of the file."""
    found = []
    for name, case in CASES.items():
        if "file" not in case:
            continue  # built from a recipe instead of a file; see the tests of checkpoints
        for array in case["arrays"]:
            if array not in INPUTS and not array.startswith("transform"):
                found.append((name, array))
    return found


@functools.cache
def arrays(name: str) -> dict[str, Tensor]:
    return {k: torch.from_numpy(v) for k, v in np.load(GOLDEN / f"{name}.npz").items()}


@functools.cache
def network(name: str, which: str = "G_ema") -> Generator:
    G = load_model(GOLDEN / CASES[name]["file"], network=which)
    if "latent_avg" in arrays(name):
        G.mapping.w_avg.copy_(arrays(name)["latent_avg"].reshape(-1))
    return G


@pytest.mark.parametrize(("name", "array"), checks())
@torch.inference_mode()
def test_golden(name: str, array: str):
    case, data = CASES[name], arrays(name)
    got = compute(name, array, case["arrays"][array])
    atol = case["suggested_atol"]["ws" if array.startswith(("w", "dlatent")) else "images"]
    torch.testing.assert_close(got, data[array].reshape(got.shape), atol=atol, rtol=0)


def compute(name: str, array: str, spec: dict) -> Tensor:
    data = arrays(name)
    c = data.get("c", data.get("labels"))
    G = network(name, "G" if array.startswith("imgG") else "G_ema")
    if array == "dlatent_avg":
        return G.mapping.w_avg
    if array.startswith("act."):
        return activation(G, array.removeprefix("act."), first_ws(G, data, c))
    if array == "w":
        return G.mapping(data["z"], c)[:, 0]
    if array.startswith("imgG"):
        n = len(data[array])
        return G(data["z"][:n], None if c is None else c[:n], spec["psi"])
    ws = latents(G, name, spec, data, c)
    if array.startswith("ws"):
        return ws[:, : data[array].shape[1]]
    lod = 0 if spec.get("structure") == "fixed" else spec.get("lod")
    return G.synthesis(ws, noise_mode(array, spec), data.get(spec.get("transform", "")), lod)


def first_ws(G: Generator, data: dict[str, Tensor], c: Tensor | None) -> Tensor:
    return G.mapping(data["z"][:1], None if c is None else c[:1])


def latents(G: Generator, name: str, spec: dict, data: dict[str, Tensor], c: Tensor | None) -> Tensor:
    """The ws of an array: stored, mixed, or mapped with its truncation."""
    stored = spec.get("inputs", "").split(" ")[0]
    if stored in data and stored.startswith("ws"):
        return data[stored]
    psi, cutoff = spec.get("psi", spec.get("truncation", 1)), spec.get("truncation_cutoff")
    if "static_kwargs" in spec.get("note", ""):  # img_default
        static = CASES[name]["static_kwargs"]
        psi, cutoff = DEFAULT_TRUNCATION[name[:3]]
        psi, cutoff = static.get("truncation_psi", psi), static.get("truncation_cutoff", cutoff)
    ws = G.mapping(data["z"], c, psi, cutoff if isinstance(cutoff, int) else None)
    if "inject_index" in spec:
        i = spec["inject_index"]
        return torch.cat([ws[:1, :i], ws[1:, i:]], dim=1)
    if "mix" in spec:  # "ws[:, :4] of seed 2, rest of seed 3"
        i = int(spec["mix"].split(":")[2].split("]")[0])
        return torch.cat([ws[:1, :i], ws[1:2, i:]], dim=1)
    return ws


def noise_mode(array: str, spec: dict) -> str:
    return "none" if "noise" in spec else spec.get("noise_mode", "const")


def activation(G: Generator, module: str, ws: Tensor) -> Tensor:
    """Output of a module by the path it has in the original code."""
    name, what = STEP_NAMES(module, [s.name for s in G.synthesis.steps])
    for step, state in G.synthesis.run(Inputs(ws, Noise("const"))):
        if step.name == name:
            return tensor_of(state, what)
    raise AssertionError(f"no step {name}")


def tensor_of(state: State, what: str) -> Tensor:
    tensor = getattr(state, what)
    assert tensor is not None
    return tensor


def STEP_NAMES(module: str, steps: list[str]) -> tuple[str, str]:
    """(step, field of its state) for a module path of the PyTorch, TensorFlow or rosinality code."""
    module = module.removeprefix("synthesis.")
    if module in steps:
        return module, "out"
    if module.endswith((".0", ".1")) and module[0] == "b":  # a block returns features and picture
        block = module[:-2]
        last = [s for s in steps if s == block or s.startswith(block + ".")]
        features = [s for s in last if not s.endswith(".torgb")]
        return (features[-1], "x") if module.endswith(".0") else (last[-1], "img")
    if "/" in module or module.startswith("ToRGB"):
        return tensorflow_name(module, steps)
    return rosinality_name(module)


def tensorflow_name(module: str, steps: list[str]) -> tuple[str, str]:
    if module.startswith("ToRGB_lod"):
        biggest = max(int(s.split(".")[0][1:]) for s in steps)
        return f"b{biggest >> int(module[9:])}.torgb", "out"
    size, op = module.split("/")
    block = f"b{size.split('x')[0]}"
    if op == "Skip":
        return block, "x"
    if op == "ToRGB":
        return f"{block}.torgb", "img"
    first = "conv" if f"{block}.conv" in steps else "conv1"
    names = {"Const": "const", "Conv": first, "Conv0_up": "conv0", "Conv1": "conv1"}
    return f"{block}.{names[op]}", "out"


def rosinality_name(module: str) -> tuple[str, str]:
    first = {"conv1": ("b4.conv1", "out"), "to_rgb1": ("b4.torgb", "img")}
    if module in first:
        return first[module]
    kind, i = module.split(".")
    if kind == "to_rgbs":
        return f"b{8 << int(i)}.torgb", "img"
    return f"b{8 << int(i) // 2}.conv{int(i) % 2}", "out"


@pytest.mark.parametrize("name", ["sg1_lod", "sg1_cond", "sg2ada_resnet", "sg2tf_skip", "sg3_r_cond", "rosi_train_64"])
def test_discriminators_judge_pictures_of_their_size(name: str):
    D, case = load_model(GOLDEN / CASES[name]["file"], "D"), CASES[name]
    R, c_dim = case["img_resolution"], case["c_dim"]
    img = torch.randn(2, case["img_channels"], R, R)
    logits = D(img, torch.eye(c_dim)[:2]) if c_dim else D(img)
    assert logits.shape == (2, 1) and logits.isfinite().all() and logits[0] != logits[1]


def test_a_transform_may_be_a_plain_array():
    G, T = network("sg3_t"), np.array([[1, 0, 0.25], [0, 1, 0], [0, 0, 1]])
    ws = arrays("sg3_t")["ws_psi07"]
    assert torch.equal(G.synthesis(ws, input_transform=T), G.synthesis(ws, input_transform=torch.tensor(T)))
    assert not torch.equal(G.synthesis(ws, input_transform=T), G.synthesis(ws))
