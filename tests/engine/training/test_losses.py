"""Losses and penalties against brute force, on networks small enough to differentiate by hand."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from cuda_ops.adain import adain
from cuda_ops.bias_act import bias_act
from cuda_ops.conv_resample import conv2d_resample
from cuda_ops.dense import dense
from cuda_ops.filtered_lrelu import filtered_lrelu
from cuda_ops.modulated_conv import modulated_conv2d
from cuda_ops.resize import average2d, repeat2d
from cuda_ops.upfirdn import downsample2d, setup_filter, upfirdn2d
from engine.networks.stylegan2 import StyleGAN2
from engine.training import losses
from engine.training.players import build
from tests.engine.training.tiny import settings

EPS = 1e-6


def test_logistic_losses_are_those_of_a_classifier():
    logits = torch.tensor([[-3.0], [0.0], [2.0]], dtype=torch.double)
    p = torch.sigmoid(logits)
    assert torch.allclose(losses.real_loss(logits), -p.log().mean())
    assert torch.allclose(losses.fake_loss(logits), -(1 - p).log().mean())
    assert torch.allclose(losses.generator_loss(logits), -p.log().mean())


def pair():
    players = build(settings(), 0)
    return players.G, players.D.double()  # the generator's steps are fp32 by design


def test_r1_is_the_squared_length_of_the_gradient_by_finite_differences():
    _, D = pair()
    img = torch.randn(4, 3, 8, 8, dtype=torch.double)
    penalty = losses.r1_penalty(D(img.requires_grad_(True)), img)
    numeric = numeric_gradient(lambda x: D(x).sum(), img.detach())
    assert torch.allclose(penalty, numeric.square().sum(dim=[1, 2, 3]), rtol=1e-6)


def test_gradient_of_r1_reaches_the_weights_of_the_discriminator():
    _, D = pair()
    img = torch.randn(4, 3, 8, 8, dtype=torch.double)

    def penalty() -> Tensor:
        x = img.clone().requires_grad_(True)
        return losses.r1_penalty(D(x), x).mean()

    for name in ("b8.fromrgb.weight", "b8.conv1.weight", "b4.conv.weight", "b4.fc.weight"):
        check_derivative(penalty, D.get_parameter(name))


def test_path_lengths_are_those_of_the_jacobian():
    G, _ = pair()
    ws = torch.randn(2, G.num_ws, G.w_dim, requires_grad=True)
    y = torch.randn(2, 3, 8, 8)
    lengths = losses.path_lengths(G.synthesis(ws, noise_mode="const"), ws, y)
    for n in range(2):
        J = torch.autograd.functional.jacobian(
            lambda w: G.synthesis(w[None], noise_mode="const").flatten(), ws[n].detach(), vectorize=True
        )  # [3 H W, num_ws, w_dim]
        pulled = torch.einsum("p,plj->lj", y[n].flatten() / math.sqrt(8 * 8), J)
        assert torch.allclose(lengths[n], pulled.square().sum(dim=1).mean().sqrt(), rtol=1e-5)


def test_gradient_of_the_path_penalty_reaches_the_weights_of_the_generator():
    G = StyleGAN2(
        replace(pair()[0].config, activation="swish")
    )  # smooth: differences must not step over a kink
    ws, y = torch.randn(2, G.num_ws, G.w_dim), torch.randn(2, 3, 8, 8)

    def penalty() -> Tensor:
        w = ws.clone().requires_grad_(True)
        lengths = losses.path_lengths(G.synthesis(w, noise_mode="const"), w, y)
        return losses.path_penalty(lengths, torch.tensor(0.5))[0]

    for name in (
        "synthesis.b4.const",
        "synthesis.b8.conv0.weight",
        "synthesis.b8.conv1.affine.weight",
        "synthesis.b8.torgb.weight",
    ):
        check_derivative(penalty, G.get_parameter(name), step=1e-2, tolerance=0.02)


def test_running_mean_of_path_lengths_is_used_after_its_update():
    lengths = torch.tensor([1.0, 3.0])
    penalty, mean = losses.path_penalty(lengths, torch.tensor(4.0))
    assert math.isclose(mean, 4 + 0.01 * (2 - 4), rel_tol=1e-6)
    assert math.isclose(penalty, ((1 - 3.98) ** 2 + (3 - 3.98) ** 2) / 2, rel_tol=1e-5)


def test_operations_have_right_first_and_second_derivatives():
    f = setup_filter([1.0, 3.0, 3.0, 1.0]).double()
    x, w = leaf(2, 2, 4, 4), leaf(3, 2, 3, 3)
    styles, b = leaf(2, 2), leaf(2)
    check_twice(lambda x: upfirdn2d(x, f, up=2, padding=(2, 1, 2, 1), gain=4), x)
    check_twice(lambda x, w: conv2d_resample(x, w, f, down=2, padding=1), x, w)
    check_twice(
        lambda x, w, s: modulated_conv2d(x, w, s, up=2, padding=1, resample_filter=f, flip=True), x, w, styles
    )
    check_twice(
        lambda x, w, s: modulated_conv2d(x, w, s, padding=1, normalise=True, input_gain=styles.new_tensor(0.7)),
        x, w, styles,
    )  # fmt: skip
    check_twice(lambda x, b: bias_act(x, b, "lrelu", clamp=1.5), x, b)
    check_twice(lambda x: downsample2d(x, f), x)
    check_twice(adain, x, styles, leaf(2, 2))
    check_twice(lambda s, w, b: dense(s, w, b, gain=0.3, bias_gain=0.5, act="lrelu"), styles, leaf(2, 2), b)
    check_twice(lambda x: average2d(repeat2d(x) ** 2, 4), x)
    up, down = (torch.rand(n, dtype=torch.double) for n in (6, 4))
    check_twice(
        lambda x, b: filtered_lrelu(x, up, down, b, up=2, down=2, padding=(4, 3, 4, 3), clamp=1.0), x, b
    )


def leaf(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, dtype=torch.double, generator=generator).requires_grad_(True)


def check_twice(function, *inputs: Tensor) -> None:
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


def numeric_gradient(function, x: Tensor) -> Tensor:
    gradient = torch.zeros_like(x)
    with torch.no_grad():
        for i in range(x.numel()):
            step = torch.zeros_like(x)
            step.view(-1)[i] = EPS
            gradient.view(-1)[i] = (function(x + step) - function(x - step)) / (2 * EPS)
    return gradient


def check_derivative(function, parameter: Tensor, step: float = EPS, tolerance: float = 1e-4) -> None:
    """Derivative along a random direction against a central difference."""
    generator = torch.Generator().manual_seed(1)
    direction = torch.randn(parameter.shape, generator=generator).to(parameter)
    (gradient,) = torch.autograd.grad(function(), parameter)
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            parameter += sign * step * direction
        values.append(float(function().detach()))
        with torch.no_grad():
            parameter -= sign * step * direction
    slope = (values[0] - values[1]) / (2 * step)
    assert math.isclose((gradient * direction).sum(), slope, rel_tol=tolerance, abs_tol=1e-6)
