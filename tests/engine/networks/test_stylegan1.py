"""StyleGAN against a plain forward pass written from the paper's description, and its levels of detail."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from cuda_ops.conv_resample import conv2d_enlarged
from engine.networks import build
from engine.networks.common import Inputs, MappingConfig, Noise, State
from engine.networks.stylegan1 import Config, ConvLayer, StyleGAN1, channel_plan

CHANNELS = (8, 6, 5, 4)  # at 4, 8, 16, 32
LODS = (None, -1.0, 0.0, 0.3, 1.0, 1.6, 2.0, 3.0, 3.5, 9.0)
VARIANTS = {
    "default": {},
    "fused": {"fused_scale": True},
    "pixel norm, relu": {"use_pixel_norm": True, "use_instance_norm": False, "activation": "relu"},
    "both norms, four taps": {"use_pixel_norm": True, "blur_filter": (1.0, 2.0, 3.0, 1.0), "structure": "linear"},
    "no blur, no noise": {"blur_filter": (), "use_noise": False, "structure": "recursive"},
    "dense input": {"const_input_layer": False},
    "no styles": {"use_styles": False},
    "wide": {"base": (4, 6), "lod": 1.3},
    "fixed": {"structure": "fixed", "lod": 1.3},
}


def network(**options) -> StyleGAN1:
    channels = options.pop("channels", CHANNELS)
    config = Config(
        z_dim=12, c_dim=0, w_dim=10, img_resolution=4 << (len(channels) - 1), img_channels=3,
        mapping=MappingConfig(num_layers=2, labels="concat"), channels=channels, **options,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(11)
        G = StyleGAN1(config)
        for name, p in G.named_parameters():
            if not name.endswith("weight"):
                p.data.normal_()
    return G.eval().requires_grad_(False)


def some_ws(G: StyleGAN1, N: int = 2) -> torch.Tensor:
    return torch.randn(N, G.num_ws, G.w_dim, generator=torch.Generator().manual_seed(5))


# --- the same network by hand -------------------------------------------------------------------------------------


def by_hand(G: StyleGAN1, ws: torch.Tensor, lod: float | None) -> torch.Tensor:
    """The picture, every resolution computed, in double precision; nothing here is the network's own code."""
    config = G.config
    assert isinstance(config, Config)
    p = {k.removeprefix("synthesis."): v.double() for k, v in G.state_dict().items()}
    ws = ws.double()
    lod = config.lod if lod is None else lod
    lod = 0 if config.structure == "fixed" else lod
    levels = len(config.channels)
    img = x = torch.empty(0)
    for level in range(levels):
        R = 4 << level
        names = ("conv0", "conv1") if level else ("const" if config.const_input_layer else "dense", "conv")
        for i, name in enumerate(names):
            key, w = f"b{R}.{name}", ws[:, min(2 * level + i, ws.shape[1] - 1)]
            x = epilogue(config, p, key, source(config, p, key, x, w), w)
        A = F.conv2d(x, p[f"b{R}.torgb.weight"] / math.sqrt(x.shape[1]), p[f"b{R}.torgb.bias"])
        if level == 0:
            img = A
        else:
            coarse = img.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
            img = A + (coarse - A) * min(max(lod - (levels - 1 - level), 0), 1)
    return img


def source(config, p, key, x, w):
    name = key.split(".")[1]
    if name == "const":
        return p[f"{key}.const"].repeat(len(w), 1, 1, 1)
    K = p[f"{key}.weight"]
    if name == "dense":
        return (w @ K.t() / math.sqrt(K.shape[1]) * math.sqrt(2) / 4).reshape(len(w), -1, *config.base)
    K = K * math.sqrt(2) / math.sqrt(K[0].numel())
    if name != "conv0":
        return F.conv2d(x, K, padding=1)
    x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    x = F.conv2d(x, K.flip([2, 3]) if config.fused_scale else K, padding=1)
    if not config.blur_filter:
        return x
    taps = torch.tensor(config.blur_filter, dtype=torch.float64) / sum(config.blur_filter)
    before, after = (len(taps) - 1) // 2, len(taps) // 2
    C = x.shape[1]
    x = F.pad(x, (before, after, before, after))
    return F.conv2d(x, torch.outer(taps, taps).expand(C, 1, -1, -1), groups=C)


def epilogue(config, p, key, x, w):
    if config.use_noise:
        x = x + p[f"{key}.noise_const"] * p[f"{key}.noise_strength"][:, None, None]
    x = x + p[f"{key}.bias"][:, None, None]
    x = torch.where(x > 0, x, x * (0.2 if config.activation == "lrelu" else 0))
    if config.use_pixel_norm:
        x = x / (x.pow(2).mean(1, keepdim=True) + 1e-8).sqrt()
    if config.use_instance_norm:
        x = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-8).sqrt()
    if not config.use_styles:
        return x
    style = w @ p[f"{key}.affine.weight"].t() / math.sqrt(w.shape[1]) + p[f"{key}.affine.bias"]
    s, t = style[:, : x.shape[1], None, None], style[:, x.shape[1] :, None, None]
    return x * (s + 1) + t


@pytest.mark.parametrize("variant", VARIANTS)
def test_picture_is_the_one_computed_by_hand(variant):
    G = network(**VARIANTS[variant])
    ws = some_ws(G)
    for lod in LODS:
        img = G.synthesis(ws, lod=lod)
        expected = by_hand(G, ws, lod)
        assert img.shape[2:] == G.synthesis.steps[-1].shape[1:]
        torch.testing.assert_close(img.double(), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("fused", [True, False])
def test_upscaling_is_the_definition(fused):
    """Fused: out[i] = sum of x[o] K4[t] over 2o + t - 1 = i; unfused: nearest neighbour and correlation."""
    generator = torch.Generator().manual_seed(1)
    x, K = torch.randn(1, 1, 3, 4, generator=generator), torch.randn(1, 1, 3, 3, generator=generator)
    expected = torch.zeros(6, 8)
    if fused:
        K4 = torch.zeros(4, 4)
        for dy, dx in itertools.product((0, 1), (0, 1)):
            K4[dy : dy + 3, dx : dx + 3] += K[0, 0]
        for oy, ox, ty, tx in itertools.product(range(3), range(4), range(4), range(4)):
            iy, ix = 2 * oy + ty - 1, 2 * ox + tx - 1
            if 0 <= iy < 6 and 0 <= ix < 8:
                expected[iy, ix] += x[0, 0, oy, ox] * K4[ty, tx]
    else:
        for iy, ix, ty, tx in itertools.product(range(6), range(8), range(3), range(3)):
            sy, sx = iy + ty - 1, ix + tx - 1
            if 0 <= sy < 6 and 0 <= sx < 8:
                expected[iy, ix] += x[0, 0, sy // 2, sx // 2] * K[0, 0, ty, tx]
    torch.testing.assert_close(conv2d_enlarged(x, K, flip=fused)[0, 0], expected, atol=1e-5, rtol=0)


def test_upscaling_is_fused_from_128_on_unless_said_otherwise():
    G = network(channels=(2, 2, 2, 2, 2, 2))
    assert not is_fused(G, "b64.conv0")
    assert is_fused(G, "b128.conv0")
    assert not is_fused(network(channels=(2, 2, 2, 2, 2, 2), base=(4, 2)), "b128.conv0")  # the shorter side counts
    assert is_fused(network(fused_scale=True), "b8.conv0")
    assert not is_fused(network(channels=(2, 2, 2, 2, 2, 2), fused_scale=False), "b128.conv0")


def is_fused(G: StyleGAN1, name: str) -> bool:
    layer = G.synthesis.get_submodule(name)
    assert isinstance(layer, ConvLayer)
    return layer.fused


# --- levels of detail ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), itertools.permutations(LODS[1:], 2))
def test_restarting_at_the_first_step_that_a_level_touches_is_a_whole_run(before, after):
    G = network()
    ws, steps = some_ws(G), G.synthesis.steps
    start = first_touched(G, before, after)
    states = [state for _, state in G.synthesis.run(Inputs(ws, lod=before))]
    states[start:] = [state for _, state in G.synthesis.run(Inputs(ws, lod=after), start, states[start - 1])]
    assert len(states) == len(steps)
    assert torch.equal(G.synthesis.picture(states[-1]), G.synthesis(ws, lod=after))


def first_touched(G: StyleGAN1, before: float, after: float) -> int:
    for i, step in enumerate(G.synthesis.steps):
        if step.lod_key is not None and step.lod_key(before) != step.lod_key(after):
            assert "lod" in step.reads
            return i
    return len(G.synthesis.steps)


def test_a_fading_level_costs_one_torgb():
    G = network()
    names = [s.name for s in G.synthesis.steps]
    assert names[first_touched(G, 0.0, 0.4)] == "b32.torgb"
    assert names[first_touched(G, 1.2, 1.9)] == "b16.torgb"
    assert names[first_touched(G, 1.0, 0.9)] == "b32.conv0"


def test_blocks_that_a_level_leaves_out_do_no_work():
    G = network()
    state, idle, worked = State(), [], []
    inputs = Inputs(some_ws(G), lod=1.6)
    for step in G.synthesis.steps:
        after = step.run(state, inputs)
        (idle if after is state else worked).append(step.name)
        if after is not state:
            assert after.out.shape[1:] == step.shape
        state = after
    assert idle == ["b32.conv0", "b32.conv1"]
    assert "b32.torgb" in worked  # doubles the picture


def test_lod_none_is_the_checkpoints_own():
    G = network(lod=1.3)
    ws = some_ws(G)
    assert torch.equal(G.synthesis(ws), G.synthesis(ws, lod=1.3))
    assert not torch.equal(G.synthesis(ws), G.synthesis(ws, lod=0))
    assert (G.synthesis.lod, G.synthesis.max_lod) == (1.3, 3.0)


# --- noise, latents, names ----------------------------------------------------------------------------------------


def test_every_layer_has_its_own_noise():
    G = network()
    ws = some_ws(G)
    off = G.synthesis(ws, noise_mode="none")
    for layer in range(8):
        alone = Noise(layers=tuple(float(i == layer) for i in range(8)))
        H = 4 << (layer // 2)
        name = G.synthesis.steps[[s.noise for s in G.synthesis.steps].index(layer)].name
        owner = G.synthesis.get_submodule(name)
        assert owner.noise_const.shape == (H, H)
        assert not torch.equal(G.synthesis(ws, noise=alone), off)
    assert torch.equal(G.synthesis(ws, noise=Noise(strength=0.0)), off)


def test_random_noise_with_a_seed_repeats_even_when_started_half_way():
    G = network()
    ws, noise = some_ws(G), Noise("random", seed=9)
    states = [state for _, state in G.synthesis.run(Inputs(ws, noise))]
    again = list(G.synthesis.run(Inputs(ws, noise), 5, states[4]))[-1][1]
    assert torch.equal(again.img, states[-1].img)
    assert not torch.equal(G.synthesis(ws, noise=Noise("random", seed=10)), states[-1].img)


def test_every_row_drives_its_own_layer_alone():
    G = network()
    ws = some_ws(G, 1)
    before = [state.out for _, state in G.synthesis.run(Inputs(ws))]
    for row in range(G.num_ws):
        changed = ws.clone()
        changed[:, row] += 1
        after = [state.out for _, state in G.synthesis.run(Inputs(changed))]
        differs = [not torch.equal(a, b) for a, b in zip(after, before, strict=True)]
        first = differs.index(True)
        assert G.synthesis.steps[first].ws == (row,)
    assert sorted(row for s in G.synthesis.steps for row in s.ws) == list(range(8))


def test_truncation_defaults_are_those_of_the_file():
    cases = [({}, 0.7, 8), ({"truncation_psi": 0.6, "truncation_cutoff": 3}, 0.6, 3)]
    cases += [({"truncation_psi": None}, 1.0, None), ({"truncation_cutoff": None}, 1.0, None)]
    for options, psi, cutoff in cases:
        G = network(**options)
        assert (G.default_psi, G.mapping.default_cutoff) == (psi, cutoff)


def test_the_published_size():
    assert channel_plan(1024) == (512, 512, 512, 512, 256, 128, 64, 32, 16)
    assert channel_plan(64, fmap_base=1000, fmap_decay=0.5, fmap_max=300) == (300, 300, 300, 250, 176)
    with torch.device("meta"):
        G = StyleGAN1(Config(512, 0, 512, 1024, 3, MappingConfig(labels="concat"), channels=channel_plan(1024)))
    assert G.num_ws == 18
    assert sum(p.numel() for p in G.parameters()) == 26_219_627


def test_build_restores_a_network_from_its_tensors():
    G = network(lod=0.5)
    again = build("stylegan1", G.config, G.state_dict())
    ws = some_ws(G)
    assert torch.equal(again.synthesis(ws), G.synthesis(ws))


def test_steps_are_named_after_the_modules():
    expected = ["b4.const", "b4.conv", "b4.torgb"]
    expected += [f"b{r}.{name}" for r in (8, 16, 32) for name in ("conv0", "conv1", "torgb")]
    assert [s.name for s in network().synthesis.steps] == expected
    assert network(const_input_layer=False).synthesis.steps[0].name == "b4.dense"


def test_training_reaches_every_parameter():
    """Second derivatives too, as the penalties of training need them."""
    G = network(channels=(4, 3)).requires_grad_(True)
    w = torch.randn(2, 10, requires_grad=True)
    img = G.synthesis(w[:, None].repeat(1, G.num_ws, 1), lod=0.5)
    (grad,) = torch.autograd.grad(img.square().sum(), w, create_graph=True)
    grad.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in G.synthesis.parameters())
