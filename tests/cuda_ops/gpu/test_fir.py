"""The FIR kernel, run as a host twin, against the specification in float64."""

import os
from itertools import product

import pytest
import torch
from torch import Tensor

from cuda_ops.filtered_lrelu import filtered_lrelu_reference
from cuda_ops.gpu import fir
from cuda_ops.gpu.cases import radial_like
from cuda_ops.gpu.fir import End, Unserved
from cuda_ops.gpu.ops import finish_reference
from cuda_ops.upfirdn import upfirdn2d_reference
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu, needs_gpp, same
from tests.cuda_ops.paths import randn

pytestmark = needs_gpp
SWEEP = bool(os.environ.get("STYLESCOPE_SWEEP"))  # set: every geometry in every precision and layout (minutes)
ORDERS = (0, 1, 5)  # of threads between two barriers: forward, reverse, shuffled
TOL = {torch.float32: 2e-6, torch.float16: 1e-3}

# up, down, taps of both filters, padding
GEOMETRIES = [
    (2, 2, 12, 12, (9, 8, 9, 8)), (4, 2, 24, 12, (-6, -9, -6, -9)), (2, 2, 12, 12, (-11, -12, -11, -12)),
    (1, 1, 1, 1, (0, 0, 0, 0)), (2, 1, 12, 1, (3, 4, 5, 6)), (1, 2, 1, 12, (7, 7, 6, 6)), (2, 2, 7, 9, (5, 4, 1, 8)),
    (4, 4, 24, 24, (10, 3, 11, 5)), (4, 2, 18, 11, (1, 2, 3, 4)),
]  # fmt: skip

def fits(up: int, down: int, up_taps: int, down_taps: int) -> bool:
    """Whether a tile fits into shared memory; networks have no geometry that does not."""
    return fir.shared_bytes(fir.Shape(torch.float32, up, down, up_taps, down_taps, 1, 3, 3, False), 8) < 48 << 10


if SWEEP:
    GEOMETRIES += [
        (up, down, tu, td, pad)
        for up, down, (tu, td), pad in product(
            (1, 2, 4), (1, 2, 4), ((1, 1), (5, 4), (12, 12), (24, 7)), ((0, 1, 2, 3), (-3, 9, 8, -5), (12, 12, 11, 13))
        )
        if fits(up, down, tu, td)
    ]  # fmt: skip


@pytest.fixture
def gpu():
    with fake_gpu() as gpu, torch.inference_mode():
        yield gpu


def window(taps: int) -> Tensor:
    f = randn(taps, seed=taps).abs() + 0.1
    return f / f.sum()


def flrelu(
    gpu: FakeGpu, x: Tensor, fu: Tensor | None, fd: Tensor | None, up: int, down: int, pad: fir.Padding, end: End
) -> Tensor:
    """By the kernel, in each order of threads, which must not matter."""
    got = []
    for order in ORDERS:
        gpu.order(order)
        got.append(fir.filtered_lrelu(x, fu, fd, up, down, pad, end))
    for other in got[1:]:
        torch.testing.assert_close(other, got[0], rtol=0, atol=0, equal_nan=True)
    return got[0]


def specified(
    x: Tensor, fu: Tensor | None, fd: Tensor | None, up: int, down: int, pad: fir.Padding, end: End
) -> Tensor:
    fu, fd, b = (None if t is None else t.double() for t in (fu, fd, end.bias))
    x = x.double() if end.scale is None else x.double() * end.scale.double()[:, :, None, None]
    return filtered_lrelu_reference(
        x, fu, fd, b, up=up, down=down, padding=pad, gain=end.gain, slope=end.slope, clamp=end.clamp
    )


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_every_geometry(gpu: FakeGpu, geometry: tuple):
    up, down, tu, td, pad = geometry
    end = End(2**0.5, 0.2, 1.5, bias=randn(3))
    for i, dtype in enumerate(TOL):
        x = randn(2, 3, 37, 75).to(dtype)
        if SWEEP or i:
            x = x.contiguous(memory_format=torch.channels_last)
        arguments = (x, window(tu), window(td), up, down, pad, end)
        got = flrelu(gpu, *arguments)
        same(got, specified(*arguments), TOL[dtype])
        assert got.dtype == dtype and fir.channels_last(got) == fir.channels_last(x)


@pytest.mark.parametrize("dtype", TOL)
@pytest.mark.parametrize("up", [2, 4])
def test_radial_filters_as_sums_of_separable_ones(gpu: FakeGpu, dtype: torch.dtype, up: int):
    x, fu, fd = randn(1, 3, 20, 41).to(dtype), window(6 * up), radial_like(12)
    arguments = (x, fu, fd, up, 2, (3, 2, 1, 4), End(2**0.5, 0.2, 2.0, bias=randn(3)))
    assert fir.terms(fd).rank == 3
    same(flrelu(gpu, *arguments), specified(*arguments), TOL[dtype])


def test_a_scale_and_no_bias_and_no_clamp(gpu: FakeGpu):
    x, fu, fd = randn(2, 3, 17, 20), window(12), window(12)
    arguments = (x, fu, fd, 2, 2, (9, 8, 9, 8), End(1.3, 0.1, None, scale=randn(2, 3)))
    same(flrelu(gpu, *arguments), specified(*arguments), TOL[x.dtype])


@pytest.mark.parametrize("view", ["rows apart", "transposed", "reversed channels", "expanded"])
def test_any_strides(gpu: FakeGpu, view: str):
    x = {
        "rows apart": randn(2, 3, 40, 80)[:, :, 1::2, 3:70:3], "transposed": randn(2, 3, 23, 19).transpose(2, 3),
        "reversed channels": randn(3, 2, 19, 23).transpose(0, 1), "expanded": randn(1, 1, 19, 23).expand(2, 3, 19, 23),
    }[view]  # fmt: skip
    arguments = (x, window(12), window(12), 2, 2, (9, 8, 9, 8), End(2**0.5, 0.2, 1.5, bias=randn(x.shape[1])))
    same(flrelu(gpu, *arguments), specified(*arguments), TOL[x.dtype])


def test_more_planes_than_a_grid_is_deep(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fir, "MAX_PLANES", 3)
    x = randn(2, 4, 9, 9)
    arguments = (x, window(12), window(12), 2, 2, (9, 8, 9, 8), End(1.0, 0.2, None, bias=randn(4)))
    same(flrelu(gpu, *arguments), specified(*arguments), TOL[x.dtype])


@pytest.mark.parametrize("dtype", TOL)
@pytest.mark.parametrize("clamp", [1.5, None])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_goes_where_torch_lets_it_go(
    gpu: FakeGpu, value: float, clamp: float | None, dtype: torch.dtype
):
    x = randn(1, 2, 37, 75).to(dtype)
    x[0, 0, 20, 63] = value
    for up, pad in ((2, (9, 8, 9, 8)), (4, (-6, -9, -6, -9))):
        arguments = (x, window(6 * up), window(12), up, 2, pad, End(2**0.5, 0.2, clamp, bias=randn(2)))
        same(flrelu(gpu, *arguments), specified(*arguments), TOL[dtype])


@pytest.mark.parametrize("dtype", TOL)
@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize(
    ("up", "down", "taps", "pad", "gain"),
    [(1, 1, 4, (1, 1, 1, 1), 4.0), (2, 1, 4, (2, 1, 2, 1), 4.0), (1, 2, 4, (1, 1, 1, 1), 1.0),
     (2, 1, 12, (6, 5, 6, 5), 4.0), (1, 2, 12, (-1, -1, -1, -1), 1.0), (1, 1, 31, (15, 15, 15, 15), 1.0)],
)  # fmt: skip
def test_up_fir_down(gpu: FakeGpu, dtype: torch.dtype, ndim: int, up: int, down: int, taps: int, pad, gain: float):
    f = randn(taps, seed=3)
    f = f if ndim == 1 else torch.outer(f, randn(taps, seed=4))  # another filter along each axis
    x = randn(1, 3, 33, 40).to(dtype)
    for flip in (False, True):
        got = fir.upfirdn(x, f, up, down, pad, gain, flip)
        want = upfirdn2d_reference(x.double(), f.double(), up=up, down=down, padding=pad, gain=gain, flip=flip)
        same(got, want, 2 * TOL[dtype])


@pytest.mark.parametrize("dtype", TOL)
@pytest.mark.parametrize("noise", [None, (33, 33), (1, 1, 33, 33), (2, 1, 33, 33)])
def test_the_filter_with_the_end_of_a_layer(gpu: FakeGpu, dtype: torch.dtype, noise: tuple | None):
    x, f = randn(2, 3, 34, 34).to(dtype), window(4)
    end = End(2**0.5, 0.2, 1.2, randn(2, 3, seed=1), None if noise is None else randn(*noise), randn(3))
    got = fir.upfirdn(x, f, 1, 1, (1, 1, 1, 1), 4.0, False, end)
    y = upfirdn2d_reference(x.double(), f.double(), padding=(1, 1, 1, 1), gain=4.0)
    double = [None if t is None else t.double() for t in (end.scale, end.noise, end.bias)]
    same(got, finish_reference(y, End(end.gain, end.slope, end.clamp, *double)), TOL[dtype])


@pytest.mark.parametrize(
    ("up", "f", "what"),
    [(3, window(12), "up 3"), (2, torch.eye(8), "not separable"), (1, randn(9, 9), "rank 9"),
     (1, window(61), "61 taps")],
)  # fmt: skip
def test_what_no_specialisation_serves_is_said(gpu: FakeGpu, up: int, f: Tensor, what: str):
    with pytest.raises(Unserved, match=what):
        fir.upfirdn(randn(1, 1, 90, 90), f, up, 1, (8, 8, 8, 8), 1.0, False)


def test_shared_memory_is_what_the_kernel_declares():
    """The ptxas log of NVRTC says how much a block takes; Python must have foreseen it to choose the tile."""
    from tests.cuda_ops.gpu.test_compile import FIRS, facts_of

    for shape in FIRS[:6]:
        height = int(dict(fir.constants(shape))["TH"])
        assert facts_of("fir", fir.constants(shape), 13, "sm_89").shared == fir.shared_bytes(shape, height)
