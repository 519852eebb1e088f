"""StyleGAN3 at lower rates: nothing changes where no rate does, and elsewhere it stays close to the whole picture."""

import pytest
import torch
import torch.nn.functional as F

from engine.networks import reduced3
from engine.networks.common import MappingConfig
from engine.networks.stylegan3 import Config, StyleGAN3, SynthesisLayer

RADIAL = {"channel_max": 24, "conv_kernel": 1, "use_radial_filters": True}


def network(**options) -> StyleGAN3:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        mapping = MappingConfig(num_layers=2)
        config = Config(16, 0, 16, 128, 3, mapping, **{"channel_base": 1024, "channel_max": 16, **options})  # type: ignore[arg-type]
        G = StyleGAN3(config)
        for layer in G.synthesis.children():
            if isinstance(layer, SynthesisLayer):
                layer.bias.data.normal_()
                layer.magnitude_ema.fill_(1.7)
    return G.eval().requires_grad_(False)


def some_ws(G: StyleGAN3) -> torch.Tensor:
    return G.mapping(torch.randn(1, 16, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("options", [{}, RADIAL], ids=["T", "R"])
def test_at_its_own_rates_and_margin_it_is_the_network(monkeypatch: pytest.MonkeyPatch, options):
    monkeypatch.setattr(reduced3, "MARGIN", 10)
    G = network(**options)
    ws = some_ws(G)
    torch.testing.assert_close(reduced3.Reduced(G, 128).synthesis(ws), G.synthesis(ws), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("options", "most"), [({}, 0.25), (RADIAL, 0.1)], ids=["T", "R"])
def test_at_half_the_rate_the_inner_picture_is_nearly_the_whole_one_made_smaller(options, most):
    G = network(**options)
    ws, shift = some_ws(G), torch.tensor([[1.0, 0, 0.1], [0, 1, -0.05], [0, 0, 1]])
    whole = F.avg_pool2d(G.synthesis(ws, input_transform=shift), 2)
    half = reduced3.Reduced(G, 64).synthesis(ws, input_transform=shift)
    assert half.shape == whole.shape
    whole, half = (img[..., 16:-16, 16:-16] for img in (whole, half))
    error = (half - whole).norm() / (whole - whole.mean(dim=(2, 3), keepdim=True)).norm()
    assert error < most


def test_reductions_share_every_weight_and_halve_down_to_the_lowest():
    G = network()
    reductions = G.reductions()
    assert [r.synthesis(some_ws(G)).shape[-1] for r in reductions] == [64, 32]
    own = {p.data_ptr() for p in G.parameters()}
    assert all(p.data_ptr() in own for r in reductions for p in r.parameters())
    assert [step.name for step in reductions[0].synthesis.steps] == [step.name for step in G.synthesis.steps]


def test_spreading_a_kernel_keeps_what_it_does_to_straight_lines():
    """A kernel with taps 1/4 of a sample apart, on f(x) = 3 x + 5, whose samples interpolation restores exactly."""
    kernel, f = torch.tensor([0.7, -1.1, 2.0]), lambda x: 3 * x + 5
    close = sum(k * f(2 + j / 4) for k, j in zip(kernel, (-1, 0, 1)))
    wide = sum(k * f(2 + j) for k, j in zip(reduced3.spread(4) @ kernel, (-1, 0, 1)))
    assert wide == pytest.approx(close)
