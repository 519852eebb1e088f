"""The network of stylegan2-pytorch against what that package computed, and the interface it shares with the others."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.networks.common import Inputs, MappingConfig, Noise
from engine.networks.lucidrains import Config, Lucidrains, fixed_noise

GOLDEN = Path(__file__).parents[2] / "golden" / "lucidrains"
CASES = ("plain", "full")
ATOL = 2e-5  # pictures have a standard deviation of 0.5 to 1


@functools.cache
def arrays(name: str) -> dict[str, Tensor]:
    return {k: torch.from_numpy(v) for k, v in np.load(GOLDEN / name / "arrays.npz").items()}


@functools.cache
def network(name: str, average: bool = True) -> Lucidrains:
    """The generator in a file of the package, its tensors under our keys."""
    stored = torch.load(GOLDEN / name / "model_0.pt", weights_only=True)["GAN"]
    settings = json.loads((GOLDEN / name / ".config.json").read_text())
    ours = {"SE.": "mapping.", "GE.": "synthesis."} if average else {"S.": "mapping.", "G.": "synthesis."}
    state = {ours[p] + k.removeprefix(p): v for p in ours for k, v in stored.items() if k.startswith(p)}
    levels = settings["image_size"].bit_length() - 2
    config = Config(
        z_dim=16, c_dim=0, w_dim=16, img_resolution=settings["image_size"],
        img_channels=4 if settings["transparent"] else 3,
        mapping=MappingConfig(num_layers=3, lr_multiplier=settings["lr_mlp"]),
        channels=tuple(settings["network_capacity"] << (levels - i) for i in range(levels)),
        attention=tuple(sorted(levels - layer for layer in settings["attn_layers"])),
        const_input=not settings["no_const"],
    )  # fmt: skip
    G = Lucidrains(config)
    missing, unknown = G.load_state_dict(state, strict=False)
    assert set(missing) == {"synthesis.noise_const", "mapping.w_avg"}
    assert not unknown
    G.get_buffer("synthesis.noise_const").copy_(arrays(name)["noise"])
    return G.eval().requires_grad_(False)


@pytest.mark.parametrize("name", CASES)
def test_mapping_is_the_packages(name):
    data = arrays(name)
    ws = network(name).mapping(data["z"])
    assert ws.shape == (2, 3, 16)
    torch.testing.assert_close(ws, data["w"][:, None].expand(-1, 3, -1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", CASES)
def test_pictures_are_the_packages(name):
    data, G = arrays(name), network(name)
    pictures = {
        "img": G(data["z"]),
        "img_wrand": G.synthesis(data["ws_rand"]),
        "img_half": G(data["z"], noise_mode="none"),
        "imgG": network(name, average=False)(data["z"]),
    }
    for array, img in pictures.items():
        torch.testing.assert_close((img + 1) / 2, data[array], atol=ATOL, rtol=0, msg=array)


@pytest.mark.parametrize("name", CASES)
def test_steps_say_what_they_read_and_give(name):
    G, ws = network(name), arrays(name)["ws_rand"]
    before = [state.out for _, state in G.synthesis.run(Inputs(ws))]
    for step, out in zip(G.synthesis.steps, before, strict=True):
        assert out is not None
        assert out.shape == (2, *step.shape)
        assert step.name == "to_initial_block" or G.synthesis.get_submodule(step.name) is not None
    for row in range(3):
        changed = ws.clone()
        changed[:, row] += 1
        after = [state.out for _, state in G.synthesis.run(Inputs(changed))]
        first = [torch.equal(a, b) for a, b in zip(after, before, strict=True)].index(False)
        assert first == next(i for i, step in enumerate(G.synthesis.steps) if row in step.ws)


def test_a_run_started_half_way_is_a_whole_run():
    G, ws = network("full"), arrays("full")["ws_rand"]
    inputs = Inputs(ws, Noise("random", seed=4))
    states = [state for _, state in G.synthesis.run(inputs)]
    for start in (1, 4, 8):
        again = list(G.synthesis.run(inputs, start, states[start - 1]))[-1][1]
        assert torch.equal(G.synthesis.picture(again), G.synthesis.picture(states[-1]))


def test_attention_takes_part():
    G, ws = network("full"), arrays("full")["ws_rand"]
    names = [step.name for step in G.synthesis.steps]
    assert [n for n in names if n.startswith("attns")] == ["attns.0", "attns.2"]
    states = [state for _, state in G.synthesis.run(Inputs(ws))]
    i = names.index("attns.2")
    change = (states[i].x - states[i - 1].x).abs().mean()
    assert change > 0.1 * states[i].x.abs().mean()


def test_noise_is_one_image_for_all_layers():
    """With random noise a picture is the one that its constant noise would give, were it that image."""
    G, ws = network("plain"), arrays("plain")["ws_rand"][:1]
    image = torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(21))
    random = G.synthesis(ws, noise=Noise("random", seed=21))
    stored = G.get_buffer("synthesis.noise_const").clone()
    G.get_buffer("synthesis.noise_const").copy_(image[0])
    try:
        torch.testing.assert_close(random, G.synthesis(ws))
    finally:
        G.get_buffer("synthesis.noise_const").copy_(stored)
    again, other = (G.synthesis(ws, noise=Noise("random", seed=seed)) for seed in (21, 22))
    assert torch.equal(again, random)
    assert not torch.equal(other, random)


def test_noise_strength_goes_from_the_mean_to_the_image():
    G, data = network("plain"), arrays("plain")
    ws = data["ws_rand"]
    assert torch.equal(G.synthesis(ws, noise=Noise(strength=0.0)), G.synthesis(ws, noise_mode="none"))
    assert torch.equal(G.synthesis(ws, noise=Noise(strength=1.0)), G.synthesis(ws))
    one = G.synthesis(ws, noise=Noise(layers=(1, 1, 0, 1, 1, 1)))
    assert not torch.equal(one, G.synthesis(ws))
    assert [step.noise for step in G.synthesis.steps if step.noise is not None] == list(range(6))


def test_noise_is_made_the_same_way_each_time_and_truncation_follows_the_average():
    G = network("plain")
    assert torch.equal(fixed_noise(16), fixed_noise(16))
    assert 0 <= fixed_noise(64).min() < 0.01 < 0.99 < fixed_noise(64).max() < 1
    z = torch.randn(20_000, 16, generator=torch.Generator().manual_seed(1))
    G.mapping.w_avg.copy_(G.mapping.map(z).mean(dim=0))
    half = G.mapping(z[:3], truncation_psi=0.5, truncation_cutoff=2)
    w = G.mapping.map(z[:3])
    torch.testing.assert_close(half[:, 1], (w + G.mapping.w_avg) / 2)
    assert torch.equal(half[:, 2], w)


def test_it_can_be_laid_out_without_memory_and_filled_later():
    G = network("full")
    with torch.device("meta"):
        empty = Lucidrains(G.config)  # type: ignore[arg-type]
    assert {k: v.shape for k, v in empty.state_dict().items()} == {k: v.shape for k, v in G.state_dict().items()}
    empty.to_empty(device="cpu").load_state_dict(G.state_dict())
    empty.requires_grad_(False)  # as G: gradients take another path
    ws = arrays("full")["ws_rand"]
    torch.testing.assert_close(empty.synthesis(ws), G.synthesis(ws))
