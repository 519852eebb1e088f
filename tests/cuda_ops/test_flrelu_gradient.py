"""The training path of the filtered leaky ReLU against the chain of plain operations and its autograd."""

import pytest
import torch

from cuda_ops.cpu import flrelu_gradient
from cuda_ops.cpu.order import first_order, is_first_order
from cuda_ops.filtered_lrelu import filtered_lrelu, filtered_lrelu_reference

CASES = {
    "same rate": {"up": 2, "down": 2, "padding": (9, 8, 9, 8), "taps": (12, 12)},
    "doubled rate, cropped": {"up": 4, "down": 2, "padding": (-2, -5, -6, 3), "taps": (24, 12)},
    "odd filters": {"up": 3, "down": 1, "padding": (4, 1, 0, 2), "taps": (7, 5)},
    "clamped": {"up": 2, "down": 2, "padding": (9, 8, 9, 8), "taps": (12, 12), "clamp": 0.5},
    "symmetric": {"up": 2, "down": 2, "padding": (9, 8, 9, 8), "taps": (12, 12), "symmetric": True},
    "not separable": {"up": 2, "down": 2, "padding": (9, 8, 9, 8), "taps": (12, 12), "radial": True},
}


def make(up, down, padding, taps, clamp=None, radial=False, symmetric=False):
    generator = torch.Generator().manual_seed(1)
    x, b = torch.randn(2, 3, 12, 17, generator=generator), torch.randn(3, generator=generator)
    fu = torch.randn(taps[0], generator=generator)
    fd = torch.randn(*([taps[1]] * (2 if radial else 1)), generator=generator)
    fd = fd + fd.flip(0) if symmetric else fd
    options = {"up": up, "down": down, "padding": padding, "gain": 1.3, "slope": 0.2, "clamp": clamp}
    return x.requires_grad_(True), fu, fd, b.requires_grad_(True), options


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("threads", [1, 2])
def test_values_and_gradients_are_those_of_the_reference(case, threads, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    x, fu, fd, b, options = make(**CASES[case])
    expected = filtered_lrelu_reference(x, fu, fd, b, **options)
    found = flrelu_gradient.filtered_lrelu_once(x, fu, fd, b, *options.values())
    assert torch.allclose(found, expected, atol=1e-5 * expected.abs().max().item())
    g = torch.randn(expected.shape, generator=torch.Generator().manual_seed(2))
    for ours, theirs in zip(torch.autograd.grad(found, (x, b), g), torch.autograd.grad(expected, (x, b), g)):
        assert torch.allclose(ours, theirs, atol=1e-5 * theirs.abs().max().item())


def test_symmetric_filters_go_forward_by_the_kernel_for_inference():
    for case, served in (("symmetric", True), ("same rate", False)):
        x, fu, fd, _, options = make(**CASES[case])
        assert (flrelu_gradient._streamed(x.detach(), fu=fu, fd=fd, **options) is not None) is served


def test_the_path_is_taken_only_on_a_promise():
    x, fu, fd, b, options = make(**CASES["same rate"])
    twice = filtered_lrelu(x, fu, fd, b, **options)
    with first_order():
        once = filtered_lrelu(x, fu, fd, b, **options)
    assert not is_first_order() and torch.allclose(once, twice, atol=1e-5 * twice.abs().max().item())
    for y, works in ((twice, True), (once, False)):
        (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        if works:
            gradient.sum().backward()
        else:
            with pytest.raises(RuntimeError, match="differentiate twice"):
                gradient.sum().backward()
