"""Recording a whole run and replaying it, on a stand-in for CUDA graphs that repeats exactly what was queued."""

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cuda_ops.gpu import driver, layout, status
from engine import graphs
from engine.networks.common import Inputs, Noise
from engine.renderer import Renderer
from engine.scene import Scene
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu, needs_gpp
from tests.engine import tiny

pytestmark = needs_gpp
WAITING = {"aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::nonzero", "aten::equal"}


class Tape(TorchDispatchMode):
    """Writes down every operation with the very tensors it read and wrote, and every launch of a kernel.

    Like a graph it knows nothing of Python: replayed, it reads the same memory and writes the same memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.played: list[Callable[[], None]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        assert func._schema.name not in WAITING, f"{func}: the host waits for the GPU while a graph is recorded"
        out = func(*args, **(kwargs or {}))
        self.played.append(lambda: _repeat(func, args, kwargs or {}, out))
        return out

    def play(self) -> None:
        for step in self.played:
            step()

    def launched(self, kernel: driver.Kernel, grid: tuple, params: ctypes.Structure, stream: int) -> None:
        copy = type(params).from_buffer_copy(params)
        launch(kernel, grid, params, stream)
        self.played.append(lambda: launch(kernel, grid, copy, stream))


launch = driver.Kernel.launch


def _repeat(func: Any, args: tuple, kwargs: dict, out: Any) -> None:
    again = func(*args, **kwargs)
    for old, new in zip(_tensors(out), _tensors(again)):
        if old.data_ptr() != new.data_ptr() and "empty" not in func._schema.name:
            old.copy_(new)


def _tensors(out: Any) -> list[Tensor]:
    return [t for t in (out if isinstance(out, tuple | list) else [out]) if isinstance(t, Tensor)]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch):
    with fake_gpu() as gpu:
        gpu.tapes = []  # type: ignore[attr-defined]

        def record(work: Callable[[], None]) -> Callable[[], None]:
            work()
            tape = Tape()
            gpu.tapes.append(tape)  # type: ignore[attr-defined]
            gpu.machine.is_capturing = True
            with monkeypatch.context() as patch, tape:
                patch.setattr(driver.Kernel, "launch", lambda *launched: tape.launched(*launched))
                work()
            gpu.machine.is_capturing = False
            return tape.play

        monkeypatch.setattr(graphs, "DEVICES", ("cpu",))
        monkeypatch.setattr(graphs, "record", record)
        monkeypatch.setattr(layout, "_wanted", layout.PLANES)
        yield gpu


def inputs_for(G, latent: int, **noise) -> Inputs:
    z = torch.randn(1, G.z_dim, generator=torch.Generator().manual_seed(latent))
    return Inputs(G.mapping(z), Noise(**noise))


MAKERS = {
    "stylegan2": lambda: tiny.stylegan2(resolution=16),
    "stylegan3": tiny.stylegan3,
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_replay_is_the_run_that_it_stands_for(gpu: FakeGpu, name: str):
    G, recordings = MAKERS[name](), graphs.Recordings()
    with torch.inference_mode():
        assert recordings.run(G, inputs_for(G, 0)) is None
        for seed, strength in ((1, 1.0), (2, 0.3), (3, 2.0)):
            inputs = inputs_for(G, seed, strength=strength, mode="random", seed=seed)
            run = recordings.run(G, inputs) or recordings.run(G, inputs)
            want = graphs.steps_of(G, inputs)
            torch.testing.assert_close(run.img, want.img, rtol=1e-5, atol=1e-5 * float(want.img.abs().max()))
            for got, step in zip(run.states, want.states):
                torch.testing.assert_close(got.out, step.out, rtol=1e-4, atol=1e-4 * float(step.out.abs().max()))
    assert len(gpu.tapes) == 1 and recordings.why == ""  # type: ignore[attr-defined]


def test_the_transform_is_a_number_too(gpu: FakeGpu):
    G, recordings = tiny.stylegan3(), graphs.Recordings()
    with torch.inference_mode():
        base = inputs_for(G, 0)
        for angle in (0.0, 0.2, 0.5):
            turn = torch.eye(3)
            turn[0, 2] = angle
            inputs = Inputs(base.ws, Noise(), turn)
            run = recordings.run(G, inputs)
            if run is not None:
                want = graphs.steps_of(G, inputs).img
                torch.testing.assert_close(run.img, want, rtol=1e-5, atol=1e-5 * float(want.abs().max()))
    assert run is not None and len(gpu.tapes) == 1  # type: ignore[attr-defined]


def test_another_structure_is_recorded_anew_and_only_at_its_second_run(gpu: FakeGpu):
    G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
    with torch.inference_mode():
        for mode, expected in (("const", 0), ("const", 1), ("none", 1), ("random", 1), ("random", 2), ("random", 2)):
            inputs = inputs_for(G, 0, mode=mode, seed=1)
            run = recordings.run(G, inputs)
            assert len(gpu.tapes) == expected  # type: ignore[attr-defined]
            if run is not None:
                want = graphs.steps_of(G, inputs).img
                torch.testing.assert_close(run.img, want, rtol=1e-5, atol=1e-5 * float(want.abs().max()))


def test_while_the_kernels_are_checked_nothing_is_recorded(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
    monkeypatch.setattr(status, "status", lambda index: status.Status("checking", ""))
    with torch.inference_mode():
        assert [recordings.run(G, inputs_for(G, i)) for i in range(3)] == [None] * 3


def test_a_run_that_cannot_be_recorded_goes_on_step_by_step(gpu: FakeGpu, monkeypatch, caplog):
    def refuse(work: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(graphs, "record", refuse)
    G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
    with torch.inference_mode():
        assert [recordings.run(G, inputs_for(G, i)) for i in range(3)] == [None] * 3
    assert "not permitted" in recordings.notes[0] and "not permitted" in caplog.text


def test_the_faster_order_in_memory_is_kept(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    times = iter([2.0, 1.0])
    monkeypatch.setattr(gpu.machine, "time", lambda run: run() and next(times))
    G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
    with torch.inference_mode():
        for _ in range(3):
            run = recordings.run(G, inputs_for(G, 0))
    assert run is not None and layout.wanted() is layout.CHANNELS_LAST


def test_the_renderer_shows_the_same_with_and_without_a_graph(gpu: FakeGpu):
    plain, graphic = (Renderer(models=tiny.Shelf(tiny=tiny.stylegan2(resolution=16))) for _ in range(2))
    scene = Scene()
    for change in (
        ("latent.x", 0.2), ("latent.x", 0.4), ("latent.x", 0.6), ("noise.strength", 0.5), ("latent.x", 0.8),
        ("truncation.psi", 0.5), ("noise.mode", "none"), ("latent.x", 0.9), ("latent.x", 1.0),
    ):  # fmt: skip
        scene = scene.set(*change)
        got = graphic.render(scene)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(graphs, "DEVICES", ())
            want = plain.render(scene)
        assert got.error is None and want.error is None
        assert abs(got.picture.astype(int) - want.picture.astype(int)).max() <= 1
        assert [(r.name, r.shape) for r in got.steps] == [(r.name, r.shape) for r in want.steps]
    assert len(gpu.tapes) == 2  # type: ignore[attr-defined]


def test_the_tape_finds_a_wait():
    with pytest.raises(AssertionError, match="waits"), Tape():
        bool(torch.ones(1) > 0)
