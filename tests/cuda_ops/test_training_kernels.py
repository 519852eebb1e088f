"""Kernels with gradients of their own: values, gradients and gradients of gradients against autograd in float64."""

from collections.abc import Sequence

import pytest
import torch

from cuda_ops import bias_act, conv_resample, modulated_conv, upfirdn
from cuda_ops.cpu import choice, fir_gradient, gradients, order, tail_gradient
from cuda_ops.upfirdn import setup_filter

LAYERS = {
    "all": {"x": (3, 5, 6, 7), "scale": (3, 5), "noise": (3, 1, 6, 7), "b": (5,)},
    "one noise": {"x": (3, 5, 6, 7), "scale": (3, 5), "noise": (6, 7), "b": (5,)},
    "bias alone": {"x": (2, 16, 4, 4), "b": (16,)},
}
BLURS = {
    "1 3 3 1": ((1, 3, 3, 1), (2, 2, 2, 2)),
    "1 2 1": ((1, 2, 1), (1, 1, 1, 1)),
    "lopsided": ((1, -2, 5), (0, 3, -1, 2)),
    "cropped": ((1, 3, 3, 1), (-2, -1, 1, -1)),
    "wide": ((2, 1), (5, 4, 3, 2)),
}


def draw(shapes: dict, dtype: torch.dtype) -> dict:
    generator = torch.Generator().manual_seed(3)
    return {k: torch.randn(s, generator=generator).to(dtype).requires_grad_(True) for k, s in shapes.items()}


def derivatives(y: torch.Tensor, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """y, its gradients in a random direction, and the gradients of the square of those."""
    g = torch.randn(y.shape, generator=torch.Generator().manual_seed(4)).to(y.dtype).requires_grad_(True)
    first = torch.autograd.grad(y, inputs, g, retain_graph=True)  # without a graph of its own: the kernels
    again = torch.autograd.grad(y, inputs, g, create_graph=True)
    loss = torch.stack([(a.square() * (1 + a)).sum() for a in again]).sum()
    second = torch.autograd.grad(loss, [*inputs, g], materialize_grads=True, allow_unused=True)
    return [y, *first, *again, *second]


def same(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape and (a.double() - b).abs().max() <= 2e-6 * b.abs().max() + 1e-12


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("case", LAYERS)
def test_what_follows_a_convolution(case, layout, monkeypatch):
    shapes = LAYERS[case]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    a, b = draw(shapes, torch.float32), draw(shapes, torch.float64)
    x = a["x"].detach().to(memory_format=layout).requires_grad_(True)
    y = tail_gradient.tail(x, a.get("scale"), a.get("noise"), a["b"], 1.3, 0.2)
    z = b["x"] if "scale" not in b else b["x"] * b["scale"][:, :, None, None]
    z = z + b["noise"] if "noise" in b else z
    z = torch.nn.functional.leaky_relu(z + b["b"][:, None, None], 0.2) * 1.3
    same(derivatives(y, [x, *list(a.values())[1:]]), derivatives(z, list(b.values())))


@pytest.mark.parametrize("case", BLURS)
@pytest.mark.parametrize("flip", [False, True])
def test_blurring(case, flip, monkeypatch):
    taps, padding = BLURS[case]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    f = setup_filter(taps)
    shapes = {"x": (2, 3, 7, 9)}
    a, b = draw(shapes, torch.float32)["x"], draw(shapes, torch.float64)["x"]
    found = fir_gradient.separated(f, flip)
    assert found is not None
    y = fir_gradient.blur(a, *found, len(taps), padding, 1.5)
    z = upfirdn.upfirdn2d_reference(b, f, padding=padding, gain=1.5, flip=flip)
    same(derivatives(y, [a]), derivatives(z, [b]))


def test_filters_that_are_long_or_not_separable_are_left_to_others():
    assert fir_gradient.separated(torch.randn(4, 4), False) is None
    assert fir_gradient.separated(torch.ones(5), False) is None


def test_the_operations_take_the_kernels_in_training_alone(monkeypatch):
    taken = []
    for module, name in ((tail_gradient.Tail, "tail"), (fir_gradient.Blur, "blur")):
        forward = module.forward
        monkeypatch.setattr(module, "forward", lambda *a, f=forward, n=name: (taken.append(n), f(*a))[1])
    x, weight, b = torch.randn(2, 4, 8, 8), torch.randn(4, 4, 3, 3), torch.randn(4)
    f, s = setup_filter((1, 3, 3, 1)), torch.randn(2, 4)

    def run():
        taken.clear()
        y = conv_resample.conv2d_resample(x, weight, f, down=2, padding=1)
        bias_act.bias_act(y, b, "lrelu")
        modulated_conv.modulated_layer(x, weight, s, b, padding=1)
        return taken

    assert run() == []
    with order.training():
        assert run() == ["blur", "tail", "tail"]
    assert not order.is_training() and choice.route(x) != "plain"
    x.requires_grad_(True)
    assert run() == ["blur", "tail", "tail"]
    assert gradients.serve(x) and not gradients.serve(x, b.double())
