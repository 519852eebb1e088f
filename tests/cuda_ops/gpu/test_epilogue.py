"""The epilogue and picture kernels, run as host twins, against torch in float64 and against the reference bytes."""

import pytest
import torch
from torch import Tensor

from cuda_ops.gpu import epilogue, rgba
from cuda_ops.gpu.fir import End, Unserved
from cuda_ops.gpu.ops import finish_reference
from cuda_ops.rgba import to_rgba8_reference
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu, needs_gpp, same
from tests.cuda_ops.paths import randn

pytestmark = needs_gpp
TOL = {torch.float32: 1e-6, torch.float16: 1e-3}


@pytest.fixture
def gpu():
    with fake_gpu() as gpu, torch.inference_mode():
        yield gpu


def specified(x: Tensor, end: End) -> Tensor:
    scale, noise, bias = (None if t is None else t.double() for t in (end.scale, end.noise, end.bias))
    return finish_reference(x.double(), End(end.gain, end.slope, end.clamp, scale, noise, bias))


def ends(N: int, C: int, H: int, W: int) -> list[End]:
    scale, bias = randn(N, C, seed=1), randn(C, seed=2)
    return [
        End(2**0.5, 0.2, 1.5, scale, randn(H, W), bias), End(1.0, 1.0, None, scale, randn(N, 1, H, W), None),
        End(-1.5, 0.2, 1.0, None, randn(1, 1, H, W), bias), End(0.7, 0.1, None, None, None, bias), End(),
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", TOL)
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("shape", "packed"), [((2, 16, 8, 12), True), ((2, 3, 5, 7), False), ((1, 8, 33, 1), False)])
def test_every_end(gpu: FakeGpu, dtype: torch.dtype, order: torch.memory_format, shape: tuple, packed: bool):
    for end in ends(*shape):
        x = randn(*shape).to(dtype).contiguous(memory_format=order)
        same(epilogue.finish(x, end), specified(x, end), TOL[dtype])
        want = specified(x, end)
        assert epilogue.finish(x, end, out=x) is x
        same(x, want, TOL[dtype])
    if packed:
        assert all(f"#define VEC {16 // x.element_size()}\n" in text for text in gpu.compiler.compiled)
    assert gpu.compiler.compiled


def test_a_matrix(gpu: FakeGpu):
    x, end = randn(5, 12), End(2**0.5, 0.2, 1.0, randn(5, 12, seed=1), None, randn(12))
    same(epilogue.finish(x, end), specified(x, end), 1e-6)


@pytest.mark.parametrize("view", ["unaligned", "cropped", "transposed", "every second pixel"])
def test_any_strides(gpu: FakeGpu, view: str):
    x = {
        "unaligned": randn(2 * 4 * 8 * 8 + 1)[1:].reshape(2, 4, 8, 8), "cropped": randn(2, 4, 9, 11)[:, :, 1:, 2:],
        "transposed": randn(2, 4, 9, 11).transpose(2, 3), "every second pixel": randn(2, 4, 8, 16)[..., ::2],
    }[view]  # fmt: skip
    for end in ends(*x.shape):
        same(epilogue.finish(x, end), specified(x, end), 1e-6)


def test_more_elements_than_blocks(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(epilogue, "MAX_BLOCKS", 2)
    x, end = randn(2, 8, 32, 32), End(2**0.5, 0.2, bias=randn(8))
    same(epilogue.finish(x, end), specified(x, end), 1e-6)


@pytest.mark.parametrize("dtype", TOL)
@pytest.mark.parametrize("clamp", [1.5, None])
def test_what_is_not_finite_stays_as_torch_leaves_it(gpu: FakeGpu, clamp: float | None, dtype: torch.dtype):
    x = randn(1, 8, 4, 4).to(dtype)
    x[0, :3, 1, 2] = torch.tensor([float("nan"), float("inf"), -float("inf")]).to(dtype)
    end = End(2**0.5, 0.2, clamp, bias=randn(8))
    same(epilogue.finish(x, end), specified(x, end), TOL[dtype])


def test_noise_of_another_size_is_not_served(gpu: FakeGpu):
    for noise in (randn(4, 5), randn(1, 3, 4, 4), randn(4)):
        with pytest.raises(Unserved, match="noise"):
            epilogue.finish(randn(1, 3, 4, 4), End(noise=noise))


@pytest.mark.parametrize("dtype", TOL)
@pytest.mark.parametrize("C", [1, 2, 3, 5])
def test_pictures_byte_for_byte(gpu: FakeGpu, C: int, dtype: torch.dtype):
    x = (randn(C, 37, 61) * 2).to(dtype)
    x[0, 0, :4] = torch.tensor([float("nan"), float("inf"), -float("inf"), -1.0]).to(dtype)
    x[0, 1] = torch.linspace(-1.01, 1.01, 61)
    for img in (x, x.permute(1, 2, 0).contiguous().permute(2, 0, 1), x[:, 3:30:2, 5:]):
        got, want = rgba.pack(img), to_rgba8_reference(img)
        assert got.dtype == torch.uint8 and got.equal(want)


def test_every_half_precision_number_becomes_the_same_byte(gpu: FakeGpu):
    x = torch.arange(1 << 16, dtype=torch.int32).to(torch.int16).view(torch.float16).reshape(1, 256, 256)
    assert rgba.pack(x).equal(to_rgba8_reference(x))
