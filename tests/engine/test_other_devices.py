"""Apple's MPS and AMD's ROCm take the torch path, which must do without what MPS lacks.

The networks run on torch's meta device: it computes nothing, but like a GPU it is not the CPU, so that every tensor
and every operation which would be the device's can be told from the host's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cuda_ops import cpu
from cuda_ops.cpu.choice import route
from cuda_ops.cpu.status import Status as CpuStatus
from cuda_ops.gpu import choice, status
from cuda_ops.rgba import to_rgba8
from cuda_ops.upfirdn import setup_filter, upfirdn2d
from engine import devices, graphs, precision
from engine.latents import Latents, rows
from engine.networks.common import Generator, Inputs, Noise
from engine.scene import Scene
from engine.transforms import untransform
from tests.engine import tiny

DEVICE = torch.device("meta")
LACKING_TYPES = (torch.float64, torch.complex128)
LACKING = {  # operations that MPS has not, or has by a detour over the CPU
    "aten::_linalg_svd", "aten::linalg_svd", "aten::_linalg_eigh", "aten::linalg_qr", "aten::linalg_lstsq",
    "aten::special_bessel_j1", "aten::special_i0", "aten::special_i0e", "aten::_fft_c2c.out", "aten::median",
    "aten::upsample_bicubic2d_backward", "aten::grid_sampler_2d_backward", "aten::unfold_backward", "aten::nonzero",
    "aten::_local_scalar_dense",
}  # fmt: skip


class Apple(TorchDispatchMode):
    """Refuses, for tensors on the device, what MPS lacks; counts what it let pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for t in tree_leaves((args, kwargs, out)):
            if isinstance(t, Tensor) and t.device == DEVICE:
                assert t.dtype not in LACKING_TYPES, f"{func}: {t.dtype} on the device"
                assert func._schema.name not in LACKING, f"{func} is not to be had on the device"
                assert t.ndim <= 6, f"{func}: {t.ndim} dimensions"
                self.passed += 1
        return out


MAKERS: dict[str, Callable[[], Generator]] = {
    "stylegan1": tiny.stylegan1,
    "lucidrains": lambda: tiny.lucidrains(attention=(1,)),
    "stylegan2 skip": lambda: tiny.stylegan2(resolution=16, num_fp16_res=2),
    "stylegan2 resnet": lambda: tiny.stylegan2(resolution=16, architecture="resnet"),
    "stylegan2 with classes": lambda: tiny.stylegan2(c_dim=3, resolution=16),
    "stylegan3 T": tiny.stylegan3,
    "stylegan3 R": lambda: tiny.stylegan3(conv_kernel=1, use_radial_filters=True),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("mode", ["const", "random", "none"])
def test_a_frame_needs_nothing_that_mps_lacks(name: str, mode: str):
    G = MAKERS[name]().to(DEVICE)
    recipes = rows(Scene().set("truncation.psi", 0.7).set("latent.x", 0.5), G.num_ws, None)
    with torch.inference_mode(), Apple() as apple:
        ws = Latents(G, DEVICE).ws(recipes)
        transform = torch.eye(3, device=DEVICE) if G.synthesis.has_input_transform else None
        for _, state in G.synthesis.run(Inputs(ws, Noise(mode, seed=1), transform)):
            assert state.out is not None and state.out.dtype == torch.float32
        img = untransform(G.synthesis.picture(state), np.eye(3))
        rgba = to_rgba8(img[0])
    assert rgba.device == DEVICE and rgba.shape == (16, 16, 4)
    assert apple.passed > 100


def test_the_watch_sees_what_it_is_for():
    x = torch.zeros(2, 2, device=DEVICE)
    for bad in (lambda: x.double(), lambda: torch.linalg.svd(x), lambda: x.reshape(1, 1, 1, 1, 1, 2, 2) + 1):
        with pytest.raises(AssertionError), Apple():
            bad()
    with Apple():
        torch.zeros(2, dtype=torch.float64)  # the host may


def test_rocm_calls_itself_cuda_and_takes_the_torch_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(choice, "kind", "cpu")
    x, f = torch.randn(1, 2, 8, 8), setup_filter([1, 3, 3, 1])
    assert route(x, f) == "gpu"
    monkeypatch.setattr(torch.version, "hip", "6.4")
    assert route(x, f) != "gpu"
    assert upfirdn2d(x, f, up=2, padding=(2, 1, 2, 1)).shape == (1, 2, 16, 16)


def test_rocm_computes_in_single_precision_and_without_graphs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "HALF_DEVICES", ("cpu",))
    monkeypatch.setattr(graphs, "DEVICES", ("cpu",))
    monkeypatch.setattr(graphs.Recordings, "_record", lambda *given: recorded.append(given))
    recorded: list[tuple] = []
    for hip, dtype, records in ((None, torch.float16, 1), ("6.4", torch.float32, 0)):
        monkeypatch.setattr(torch.version, "hip", hip)
        recorded.clear()
        assert precision.activation(torch.zeros(2), True).dtype == dtype
        G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
        for _ in range(2):
            recordings.of(G, Inputs(torch.zeros(1, G.num_ws, G.w_dim)), ())
        assert len(recorded) == records


def test_what_is_worth_saying_of_a_gpus_kernels(monkeypatch: pytest.MonkeyPatch):
    cuda = torch.device("cuda:0")
    monkeypatch.setattr(status, "status", lambda index: status.Status("kernels", "All serve."))
    assert devices.notes(cuda) == ()
    monkeypatch.setattr(status, "status", lambda index: status.Status("kernels", "Some serve.", ("fir fp16: wrong",)))
    assert devices.notes(cuda) == ("Some serve.", "fir fp16: wrong")
    monkeypatch.setattr(status, "status", lambda index: status.Status("checking", "They are being checked."))
    assert devices.notes(cuda) == ("They are being checked.",)
    assert devices.notes(torch.device("mps")) == ()
    for path, said in (("numba", ()), ("torch", ("Numba is missing.",))):
        monkeypatch.setattr(cpu, "status", lambda path=path: CpuStatus(path, "Numba is missing."))
        assert devices.notes(torch.device("cpu")) == said
    monkeypatch.setattr(torch.version, "hip", "6.4")
    assert devices.notes(cuda) == ()
