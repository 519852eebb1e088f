"""The AdaIN kernel, run as a host twin, against the specification in float64."""

import pytest
import torch
from torch import Tensor

from cuda_ops.adain import EPS, adain, adain_reference
from cuda_ops.gpu import adain as kernel
from cuda_ops.gpu import guard, verdict
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu, needs_gpp, same
from tests.cuda_ops.paths import randn

pytestmark = needs_gpp
TOL = {torch.float32: 2e-6, torch.float16: 1e-3}


@pytest.fixture
def gpu():
    with fake_gpu() as gpu, torch.inference_mode():
        yield gpu


def styles(N: int, C: int) -> tuple[Tensor, Tensor]:
    return randn(N, C, seed=1), randn(N, C, seed=2)


def specified(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return adain_reference(x.double(), scale.double(), shift.double())


@pytest.mark.parametrize("order", [0, 1, 7])
@pytest.mark.parametrize("dtype", TOL)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2, 5, 9, 11), (1, 70, 3, 50), (2, 2, 91, 93), (1, 1, 1, 7)])
def test_every_shape(gpu: FakeGpu, shape: tuple, layout: torch.memory_format, dtype: torch.dtype, order: int):
    gpu.order(order)
    x = (randn(*shape) * 3 + 2).to(dtype).contiguous(memory_format=layout)
    got = kernel.adain(x, *styles(*shape[:2]), EPS)
    assert got.dtype == dtype and got.stride() == x.stride()
    same(got, specified(x, *styles(*shape[:2])), TOL[dtype])


def test_large_maps_take_two_launches_and_small_ones_a_single_one(gpu: FakeGpu):
    for size, launches in ((64, 1), (65, 2), (80, 2)):
        gpu.calls()
        kernel.adain(randn(1, 2, size, size), *styles(1, 2), EPS)
        assert gpu.calls().count("launch") == launches


@pytest.mark.parametrize("view", ["cropped", "transposed", "every second sample", "every second channel"])
def test_any_strides(gpu: FakeGpu, view: str):
    x = {
        "cropped": randn(2, 4, 9, 11)[:, :, 1:, 2:], "transposed": randn(2, 4, 9, 11).transpose(2, 3),
        "every second sample": randn(4, 4, 9, 11)[::2],
        "every second channel": randn(2, 8, 9, 11).contiguous(memory_format=torch.channels_last)[:, ::2],
    }[view]  # fmt: skip
    same(kernel.adain(x, *styles(2, 4), EPS), specified(x, *styles(2, 4)), 2e-6)


@pytest.mark.parametrize("size", [8, 80])
def test_a_large_mean_does_not_drown_a_small_spread(gpu: FakeGpu, size: int):
    """Sums of squares, subtracted afterwards, would be off by a hundred times the spread here."""
    x = randn(1, 3, size, size) * 0.01 + 100
    same(kernel.adain(x, *styles(1, 3), EPS), specified(x, *styles(1, 3)), 1e-3)


@pytest.mark.parametrize("dtype", TOL)
@pytest.mark.parametrize("size", [6, 80])
def test_one_number_that_is_not_finite_spoils_its_own_map_as_in_torch(gpu: FakeGpu, size: int, dtype: torch.dtype):
    for bad in (float("nan"), float("inf"), -float("inf")):
        x = randn(2, 3, size, size).to(dtype)
        x[1, 1, 2, 3] = bad
        got = kernel.adain(x, *styles(2, 3), EPS)
        same(got, specified(x, *styles(2, 3)), TOL[dtype])
        assert bool(got[1, 1].isnan().all()) and int(got.isnan().sum()) == size * size


def test_a_constant_map_becomes_its_shift(gpu: FakeGpu):
    scale, shift = styles(1, 3)
    got = kernel.adain(torch.full((1, 3, 5, 5), 7.0), scale, shift, EPS)
    same(got, shift.reshape(1, 3, 1, 1).expand(1, 3, 5, 5), 1e-6)


def test_the_operation_takes_the_kernel_and_without_a_verdict_the_torch_path(gpu: FakeGpu):
    x, want = randn(2, 3, 9, 9), specified(randn(2, 3, 9, 9), *styles(2, 3))
    same(adain(x, *styles(2, 3)), want, 2e-6)
    assert [(use.kernel, use.why) for use in guard.uses()] == [("adain", None)]
    verdict._verdicts[0] = verdict.Verdict("done", {"adain fp32": "it crashed"})
    gpu.calls()
    same(adain(x, *styles(2, 3)), want, 2e-6)
    assert gpu.calls() == []


def test_gradients_take_the_torch_path(gpu: FakeGpu):
    with torch.inference_mode(False):
        x = randn(1, 2, 6, 6).requires_grad_()
        (grad,) = torch.autograd.grad(adain(x, *styles(1, 2)).square().sum(), x)
    assert grad.shape == x.shape and gpu.calls() == []
