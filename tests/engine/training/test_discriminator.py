"""Discriminators against their description: keys, minibatch deviation, resampling, labels, freezing, fading."""

import math

import pytest
import torch
import torch.nn.functional as F

from engine.networks import discriminator1
from engine.networks.discriminator import Config, Discriminator, minibatch_std


def test_keys_are_the_published_ones():
    D = Discriminator(Config(0, 16, 3, (8, 6, 4)))
    expected = {f"b{r}.{layer}" for r in (16, 8) for layer in ("conv0", "conv1")} | {"b16.fromrgb", "b4.conv"}
    weights = {f"{layer}.{part}" for layer in expected for part in ("weight", "bias", "resample_filter")}
    weights |= {f"b{r}.skip.{part}" for r in (16, 8) for part in ("weight", "resample_filter")}
    weights |= {f"b4.{layer}.{part}" for layer in ("fc", "out") for part in ("weight", "bias")}
    assert set(D.state_dict()) == weights | {"b16.resample_filter", "b8.resample_filter"}


def test_minibatch_deviation_by_brute_force():
    x = torch.randn(6, 4, 2, 2, dtype=torch.double)
    y = minibatch_std(x, 3, 2)  # groups {0, 2, 4} and {1, 3, 5}, two features of two channels each
    for n in range(6):
        group = x[[n % 2, n % 2 + 2, n % 2 + 4]]
        for f in range(2):
            part = group[:, 2 * f : 2 * f + 2]
            deviation = (part.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
            assert torch.allclose(y[n, f], deviation.expand(2, 2))


def brute_conv(x, weight, bias, down, gain):
    """Filter at full size, convolve, keep every second sample: the definition of a downsampling layer."""
    weight = weight / math.sqrt(weight[0].numel())
    k = weight.shape[-1]
    if down:
        taps = torch.tensor([1.0, 3, 3, 1], dtype=x.dtype) / 8
        kernel = torch.outer(taps, taps)[None, None].repeat(x.shape[1], 1, 1, 1)
        pad = k // 2 + 1
        x = F.conv2d(F.pad(x, (pad, pad, pad, pad)), kernel, groups=x.shape[1])
        x = F.conv2d(x, weight)[:, :, ::2, ::2]
    else:
        x = F.conv2d(x, weight, padding=k // 2)
    if bias is None:
        return x * gain
    x = x + bias[:, None, None]
    return torch.where(x >= 0, x, 0.2 * x) * math.sqrt(2) * gain


@pytest.mark.parametrize("architecture", ["resnet", "skip", "orig"])
def test_logits_by_brute_force(architecture):
    D = Discriminator(Config(0, 8, 3, (6, 4), architecture=architecture)).double()
    with torch.no_grad():
        for name, p in D.named_parameters():
            if name.endswith("bias"):
                p.normal_()
    s, img = D.state_dict(), torch.randn(4, 3, 8, 8, dtype=torch.double)

    def conv(name, x, down=False, gain=1.0):
        return brute_conv(x, s[f"{name}.weight"], s.get(f"{name}.bias"), down, gain)

    x = conv("b8.fromrgb", img)
    g = math.sqrt(0.5) if architecture == "resnet" else 1.0
    y = conv("b8.conv1", conv("b8.conv0", x), down=True, gain=g)
    if architecture == "resnet":
        y = y + conv("b8.skip", x, down=True, gain=g)
    if architecture == "skip":
        eye = torch.eye(3, dtype=torch.double)[:, :, None, None] * math.sqrt(3)
        y = y + conv("b4.fromrgb", brute_conv(img, eye, None, True, 1.0))
    deviation = (y.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
    y = conv("b4.conv", torch.cat([y, deviation.expand(4, 1, 4, 4)], dim=1)).flatten(1)
    y = y @ s["b4.fc.weight"].t() / math.sqrt(96) + s["b4.fc.bias"]
    y = torch.where(y >= 0, y, 0.2 * y) * math.sqrt(2)
    y = y @ s["b4.out.weight"].t() / math.sqrt(6) + s["b4.out.bias"]
    assert torch.allclose(D(img), y, rtol=1e-6)


def test_labels_project_the_output():
    D = Discriminator(Config(3, 8, 3, (6, 4))).double()
    img, c = torch.randn(4, 3, 8, 8, dtype=torch.double), torch.eye(3, dtype=torch.double)[[0, 1, 2, 0]]
    seen = []
    D.b4.out.register_forward_hook(lambda module, inputs, output: seen.append(output))
    logits = D(img, c)
    assert D.mapping is not None
    cmap = D.mapping(None, c)
    assert torch.allclose(logits[:, 0], (seen[0] * cmap).sum(dim=1) / math.sqrt(6))
    assert (D(img, c.roll(1, 0)) - logits).abs().max() > 1e-3


def test_frozen_layers_are_counted_from_the_picture():
    D = Discriminator(Config(0, 16, 3, (8, 6, 4), freeze_layers=5))
    still = {name.rpartition(".")[0] for name, p in D.named_parameters() if not p.requires_grad}
    assert still == {"b16.fromrgb", "b16.conv0", "b16.conv1", "b16.skip", "b8.conv0"}


def test_level_of_detail_fades_between_two_discriminators():
    config = discriminator1.Config(0, 16, 3, (8, 6, 4), 8)
    D, img = discriminator1.Discriminator1(config).double(), torch.randn(4, 3, 16, 16, dtype=torch.double)
    seen = {}
    for lod in (0.0, 0.25, 1.0, 1.5, 2.0):
        seen[lod] = D(img, lod=lod)
    assert torch.allclose(D(img, lod=1 - 1e-9), seen[1.0]) and torch.allclose(D(img, lod=1e-9), seen[0.0])
    half = F.interpolate(F.avg_pool2d(img, 2), scale_factor=2)
    assert torch.allclose(D(half, lod=1.0), seen[1.0])  # what is finer than the level cannot be seen
    assert (seen[0.25] - seen[0.0]).abs().max() > 1e-3
