"""Whole networks on the fake GPU, kernels and all, against the same networks computed by the specification."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cuda_ops import cpu
from cuda_ops.gpu import guard, layout
from engine import precision
from engine.networks.common import Generator
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu, needs_gpp
from tests.engine import tiny

pytestmark = needs_gpp
MAKERS: dict[str, Callable[[], Generator]] = {
    "stylegan1": tiny.stylegan1,
    "lucidrains": lambda: tiny.lucidrains(attention=(1,)),
    "stylegan2 skip": lambda: tiny.stylegan2(resolution=32, num_fp16_res=2, conv_clamp=256.0),
    "stylegan2 resnet": lambda: tiny.stylegan2(resolution=16, architecture="resnet"),
    "stylegan3 T": lambda: tiny.stylegan3(num_fp16_res=2),
    "stylegan3 R": lambda: tiny.stylegan3(num_fp16_res=2, conv_kernel=1, use_radial_filters=True),
}
KERNELS = {"stylegan1": {"fir", "epilogue", "adain"}, "lucidrains": {"fir", "epilogue"}}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch):
    with fake_gpu() as gpu, torch.inference_mode():
        yield gpu


def specified(G: Generator, ws: Tensor) -> Tensor:
    before = cpu.mode()
    cpu.use("reference")
    try:
        return G.synthesis(ws).double()
    finally:
        cpu.use(before)


@pytest.mark.parametrize("order", [layout.PLANES, layout.CHANNELS_LAST])
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("N", [1, 2])
def test_a_network(gpu: FakeGpu, name: str, stored: bool, N: int, order: torch.memory_format, monkeypatch):
    monkeypatch.setattr(precision, "HALF_DEVICES", ("cpu",) if stored else ())
    monkeypatch.setattr(layout, "_wanted", order)
    G = MAKERS[name]()
    ws = G.mapping(torch.randn(N, G.z_dim, generator=torch.Generator().manual_seed(1)))
    got = G.synthesis(ws)
    used = {use.kernel for use in guard.uses() if use.why is None}
    assert [use for use in guard.uses() if use.why is not None] == []
    assert used >= KERNELS.get(name, {"fir", "epilogue"})
    with monkeypatch.context() as patch:
        patch.setattr(precision, "HALF_DEVICES", ())
        want = specified(copy.deepcopy(G), ws)
    assert got.dtype == torch.float32
    error = float((got.double() - want).abs().max() / want.abs().max())
    assert error < (1e-2 if stored else 1e-5)
    halves = "float16" in str([use.what for use in guard.uses()])
    assert halves is stored or name in ("stylegan1", "lucidrains", "stylegan2 resnet")  # without half precision


def test_the_switch_to_fp32(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "HALF_DEVICES", ("cpu",))
    monkeypatch.setattr(precision, "_mode", "stored")
    x = torch.zeros(1, 1, 2, 2)
    assert precision.activation(x, True).dtype == torch.float16
    assert precision.activation(x.half(), False).dtype == torch.float32
    assert precision.name_of(x.device) == "as stored"
    precision.use("fp32")
    assert precision.activation(x.half(), True).dtype == torch.float32
    assert precision.name_of(x.device) == "fp32"
    with pytest.raises(ValueError, match="choose one of stored, fp32"):
        precision.use("bf16")
