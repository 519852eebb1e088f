"""Modulated layers: the fast paths against the paper's formula in float64."""

from functools import partial

import pytest
import torch
from torch import Tensor

from cuda_ops.conv_resample import conv2d_resample
from cuda_ops.cpu.prepared import prepared
from cuda_ops.modulated_conv import modulated_conv2d, modulated_layer
from cuda_ops.upfirdn import setup_filter
from tests.cuda_ops.paths import PATHS, check, forced, randn, sharing, threads

SHAPES = [(1, 5, 7, 1, 1), (1, 5, 7, 4, 4), (2, 16, 9, 16, 16), (1, 33, 20, 37, 21), (1, 4, 6, 66, 130)]


def layer(N: int, I: int, O: int, H: int, W: int, k: int = 3) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return randn(N, I, H, W), randn(O, I, k, k, seed=1), randn(N, I, seed=2) + 1, randn(O, seed=3)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("up", [1, 2])
def test_a_layer_of_stylegan2(path: str, shape: tuple[int, ...], up: int):
    x, weight, styles, b = layer(*shape)
    N, _, _, H, W = shape
    f = setup_filter([1, 3, 3, 1])
    for noise in (None, randn(H * up, W * up), randn(N, 1, H * up, W * up)):
        check(
            path, modulated_layer, x, weight, styles, b, noise=noise, clamp=5.0, up=up, padding=1,
            resample_filter=f, flip=up > 1,
        )  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("H", "W"), [(2, 60), (70, 2), (12, 213), (197, 14), (196, 200)])
def test_long_edges_of_an_upsampling_layer(path: str, H: int, W: int):
    x, weight, styles, b = layer(1, 3, 9, H, W)
    f = setup_filter([1, 3, 3, 1])
    check(path, modulated_layer, x, weight, styles, b, up=2, padding=1, resample_filter=f, flip=True)


@pytest.mark.parametrize(
    ("H", "W", "up"), [(5, 6, 1), (5, 6, 2), (20, 21, 1), (20, 21, 2), (66, 40, 2), (100, 40, 2), (90, 80, 1)]
)
def test_any_number_of_threads_gives_the_same_numbers(H: int, W: int, up: int):
    x, weight, styles, b = layer(1, 33, 20, H, W)
    f = setup_filter([1, 3, 3, 1])
    got = []
    for number in (1, 2, 3):
        with torch.no_grad(), forced("numba"), threads(number), sharing():
            got.append(modulated_layer(x, weight, styles, b, up=up, padding=1, resample_filter=f, flip=up > 1))
    assert torch.equal(got[0], got[1]) and torch.equal(got[0], got[2])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "options",
    [
        {"act": "linear"}, {"act": "swish"}, {"gain": -1.5}, {"gain": 0.3, "clamp": 1.0}, {"demodulate": False},
        {"padding": 0}, {"padding": 2},
    ],
    ids=str,
)  # fmt: skip
def test_options_of_a_layer(path: str, options: dict):
    x, weight, styles, b = layer(1, 16, 18, 23, 19)
    check(path, modulated_layer, x, weight, styles, b, **{"padding": 1, **options})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_convolution_of_stylegan3(path: str, shape: tuple[int, ...]):
    for k in (3, 1):
        x, weight, styles, _ = layer(*shape, k=k)
        gain = torch.tensor(1.7)
        check(path, modulated_conv2d, x, weight, styles, padding=k - 1, normalise=True, input_gain=gain)
        check(path, modulated_conv2d, x, weight, styles, padding=k - 1, demodulate=False, input_gain=gain)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("I", "O", "H", "W"), [(256, 256, 32, 32), (259, 261, 33, 36), (530, 300, 31, 43)])
def test_a_convolution_of_many_channels(path: str, I: int, O: int, H: int, W: int):
    x, weight, styles, b = layer(1, I, O, H, W, k=1)
    check(path, modulated_conv2d, x, weight, styles, normalise=True)
    check(path, modulated_layer, x, weight, styles, b, noise=randn(H, W), clamp=1.0)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_stays_in_its_pixel_of_many_channels(path: str, value: float):
    x, weight, styles, _ = layer(1, 256, 263, 32, 33, k=1)
    x[0, 140, 21, 7] = value
    check(path, modulated_conv2d, x, weight, styles)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("H", "W", "padding"),
    [(15, 14, 1), (34, 21, 2), (17, 70, 0), (60, 131, 1), (71, 74, 2), (88, 131, 1)],  # few and many blocks
)
def test_many_channels(path: str, H: int, W: int, padding: int):
    x, weight, styles, b = layer(1, 130, 141, H, W)
    check(path, modulated_layer, x, weight, styles, b, padding=padding, tol=2e-5)
    x[0, 100, 9, 13] = float("nan")
    check(path, modulated_layer, x, weight, styles, b, padding=padding, tol=2e-5)


@pytest.mark.parametrize("path", PATHS)
def test_the_shortcut_of_the_residual_architecture_with_other_filters(path: str):
    x, weight, styles, b = layer(1, 8, 6, 20, 24)
    for taps in ([1, 2, 1], [1, 4, 6, 4, 1], [1, 1]):
        f = setup_filter(taps)
        check(path, modulated_layer, x, weight, styles, b, up=2, padding=1, resample_filter=f, flip=True)
        check(path, conv2d_resample, x, weight[:, :, :1, :1].contiguous(), f, up=2)


@pytest.mark.parametrize("path", PATHS)
def test_any_layout_of_memory(path: str):
    x, weight, styles, b = layer(2, 16, 12, 32, 24)
    for same in (
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
    ):
        check(path, modulated_layer, same, weight, styles, b, padding=1)
    flipped = weight.permute(1, 0, 3, 2).contiguous().permute(1, 0, 3, 2)
    check(path, modulated_layer, x, flipped, styles, b, padding=1)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("up", [1, 2])
def test_what_is_not_finite_stays_where_it_is(path: str, value: float, up: int):
    x, weight, styles, b = layer(1, 16, 8, 32, 32)
    x[0, 3, 5, 30] = value
    f = setup_filter([1, 3, 3, 1])
    check(path, modulated_layer, x, weight, styles, b, up=up, padding=1, resample_filter=f, flip=up > 1)
    check(
        path,
        modulated_layer,
        x,
        weight,
        styles,
        b,
        clamp=3.0,
        up=up,
        padding=1,
        resample_filter=f,
        flip=up > 1,
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("up", [1, 2])
def test_what_is_not_finite_stays_where_it_is_in_a_few_pixels(path: str, up: int):
    x, weight, styles, b = layer(1, 16, 12, 5, 7)
    x[0, 3, 1, 5], x[0, 2, 4, 0] = float("nan"), float("inf")
    f = setup_filter([1, 3, 3, 1])
    check(path, modulated_layer, x, weight, styles, b, up=up, padding=1, resample_filter=f, flip=up > 1)


@pytest.mark.parametrize("path", PATHS)
def test_a_changed_weight_is_seen(path: str):
    x, weight, styles, b = layer(1, 16, 16, 32, 32)
    for _ in range(2):
        check(path, modulated_layer, x, weight, styles, b, padding=1)
        weight.mul_(-0.5).add_(0.1)


def test_what_was_prepared_is_forgotten_with_its_weight():
    made = []
    for _ in range(3):
        weight = randn(2, 2, 1, 1)
        for _ in range(2):
            prepared(weight, "count", lambda w: made.append(w.sum()))
        del weight
    assert len(made) == 3


@pytest.mark.parametrize("path", PATHS)
def test_gradients_flow_on_every_path(path: str):
    x, weight, styles, b = (t.requires_grad_() for t in layer(2, 4, 3, 8, 8))
    grads = []
    for name in (path, "reference"):
        with forced(name):
            y = modulated_layer(x, weight, styles, b, padding=1)
            (g,) = torch.autograd.grad(y.square().sum(), styles, create_graph=True)
            grads.append(torch.autograd.grad(g.square().sum(), [x, weight, styles, b]))
    for got, want in zip(*grads):
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-3 * float(want.abs().max()))


@pytest.mark.parametrize("path", PATHS)
def test_function_transforms_are_not_cut(path: str):
    x, weight, styles, b = layer(1, 4, 3, 8, 8)
    direction = randn(1, 4, seed=9)
    with forced(path):
        run = partial(modulated_layer, x, weight, b=b, padding=1)
        y, tangent = torch.func.jvp(run, (styles,), (direction,))[:2]
        step = run(styles + 1e-3 * direction) - y
    torch.testing.assert_close(tangent * 1e-3, step, atol=1e-4, rtol=0)
    assert tangent.abs().max() > 0.1
