"""Recording a whole run and replaying it, on a stand-in for CUDA graphs that repeats exactly what was queued."""

import ctypes
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cuda_ops.gpu import driver, layout, status
from engine import graphs
from engine.looking import Bend
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
        gpu.recorded = 0  # type: ignore[attr-defined]

        def taped(work: Callable[[], None]) -> Callable[[], None]:
            tape = Tape()
            gpu.machine.is_capturing = True
            with monkeypatch.context() as patch, tape:
                patch.setattr(driver.Kernel, "launch", lambda *launched: tape.launched(*launched))
                work()
            gpu.machine.is_capturing = False
            return tape.play

        def record(works: list[Callable[[], None]]) -> list[Callable[[], None]]:
            gpu.recorded += 1  # type: ignore[attr-defined]
            for work in works:
                work()
            return [taped(work) for work in works]

        monkeypatch.setattr(graphs, "DEVICES", ("cpu",))
        monkeypatch.setattr(graphs, "record", record)
        monkeypatch.setattr(layout, "_wanted", layout.PLANES)
        yield gpu


def inputs_for(G, latent: int, **noise) -> Inputs:
    z = torch.randn(1, G.z_dim, generator=torch.Generator().manual_seed(latent))
    return Inputs(G.mapping(z), Noise(**noise))


MAKERS = {
    "stylegan1": tiny.stylegan1,
    "stylegan2": lambda: tiny.stylegan2(resolution=16),
    "stylegan3": tiny.stylegan3,
    "lucidrains": lambda: tiny.lucidrains(attention=(1,)),
}
BENDS = (
    Bend(step="b8.conv0", kind="boost", channels=(1, 3), amount=0.5, radius=0.3),
    Bend(step="b16.conv1", kind="style", channels=(2,), amount=2.0),
)


def replayed(recordings: graphs.Recordings, G, inputs: Inputs, start: int = 0, states=(), bends=()):
    """The states after a run by the recorded steps, or None where they are not recorded."""
    recording = recordings.of(G, inputs, bends)
    if recording is None:
        return None
    start = recording.begin(inputs, start, list(states))
    return [*states[:start], *(recording.step(i) for i in range(start, len(G.synthesis.steps)))]


def same(got: Tensor | None, want: Tensor | None, tol: float = 1e-5) -> None:
    assert got is not None and want is not None
    torch.testing.assert_close(got, want, rtol=tol, atol=tol * float(want.abs().max()))


@pytest.mark.parametrize("name", MAKERS)
def test_a_replay_is_the_run_that_it_stands_for(gpu: FakeGpu, name: str):
    G, recordings = MAKERS[name](), graphs.Recordings()
    with torch.inference_mode():
        assert replayed(recordings, G, inputs_for(G, 0)) is None
        for seed, strength in ((1, 1.0), (2, 0.3), (3, 2.0)):
            inputs = inputs_for(G, seed, strength=strength, mode="random", seed=seed)
            states = replayed(recordings, G, inputs) or replayed(recordings, G, inputs)
            want = graphs.states_of(G, inputs)
            assert states is not None
            same(G.synthesis.picture(states[-1]), G.synthesis.picture(want[-1]))
            for got, state in zip(states, want):
                same(got.out, state.out, 1e-4)
    assert gpu.recorded == 1 and recordings.why == ""  # type: ignore[attr-defined]


def test_a_run_may_begin_half_way_and_stop_early(gpu: FakeGpu):
    G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
    with torch.inference_mode():
        base, half = inputs_for(G, 0), len(G.synthesis.steps) // 2
        replayed(recordings, G, base)
        states = replayed(recordings, G, base)
        other = inputs_for(G, 1)
        rows = {row for step in G.synthesis.steps[:half] for row in step.ws}
        ws = torch.stack([(base if i in rows else other).ws[:, i] for i in range(G.num_ws)], dim=1)
        mixed = Inputs(ws, Noise())
        shared = next(i for i, s in enumerate(G.synthesis.steps) if set(s.ws) - rows)  # the first step that changes
        early = states[shared - 1].out.clone()
        again = replayed(recordings, G, mixed, shared, states)
        assert again[shared - 1] is states[shared - 1] and again[shared - 1].out.equal(early)
        same(G.synthesis.picture(again[-1]), G.synthesis.picture(graphs.states_of(G, mixed)[-1]))
        recording = recordings.of(G, base, ())
        assert recording.begin(base, shared, graphs.states_of(G, base)) == 0  # states of another run do not serve
        assert recording.begin(base, shared, again) == shared


def test_steps_that_a_level_of_detail_leaves_out_are_not_recorded(gpu: FakeGpu):
    G, recordings = tiny.stylegan1(), graphs.Recordings()
    with torch.inference_mode():
        inputs = replace(inputs_for(G, 0), lod=1.0)
        replayed(recordings, G, inputs)
        got, want = replayed(recordings, G, inputs), graphs.states_of(G, inputs)
    left_out = [a is b for a, b in zip(want, want[1:])]
    assert any(left_out) and left_out == [a is b for a, b in zip(got, got[1:])]
    same(G.synthesis.picture(got[-1]), G.synthesis.picture(want[-1]))


def test_bends_are_recorded_too_and_anew_when_they_change(gpu: FakeGpu):
    G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
    with torch.inference_mode():
        for bends, recorded in ((BENDS, 0), (BENDS, 1), (BENDS[:1], 1), (BENDS[:1], 2), (BENDS[:1], 2)):
            inputs = inputs_for(G, recorded)
            states = replayed(recordings, G, inputs, bends=bends)
            assert gpu.recorded == recorded  # type: ignore[attr-defined]
            if states is not None:
                same(states[-1].img, graphs.states_of(G, inputs, bends)[-1].img)
        plain = graphs.states_of(G, inputs_for(G, 2))[-1].img
    assert not torch.allclose(states[-1].img, plain)


def test_the_transform_is_a_number_too(gpu: FakeGpu):
    G, recordings = tiny.stylegan3(), graphs.Recordings()
    with torch.inference_mode():
        base = inputs_for(G, 0)
        for angle in (0.0, 0.2, 0.5):
            turn = torch.eye(3)
            turn[0, 2] = angle
            inputs = Inputs(base.ws, Noise(), turn)
            states = replayed(recordings, G, inputs)
            if states is not None:
                same(states[-1].x, graphs.states_of(G, inputs)[-1].x)
    assert states is not None and gpu.recorded == 1  # type: ignore[attr-defined]


def test_another_structure_is_recorded_anew_and_only_at_its_second_run(gpu: FakeGpu):
    G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
    with torch.inference_mode():
        for mode, expected in (("const", 0), ("const", 1), ("none", 1), ("random", 1), ("random", 2), ("random", 2)):
            inputs = inputs_for(G, 0, mode=mode, seed=1)
            states = replayed(recordings, G, inputs)
            assert gpu.recorded == expected  # type: ignore[attr-defined]
            if states is not None:
                same(states[-1].img, graphs.states_of(G, inputs)[-1].img)


def test_while_the_kernels_are_checked_nothing_is_recorded(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
    monkeypatch.setattr(status, "status", lambda index: status.Status("checking", ""))
    with torch.inference_mode():
        assert [recordings.of(G, inputs_for(G, i), ()) for i in range(3)] == [None] * 3


def test_a_run_that_cannot_be_recorded_goes_on_step_by_step(gpu: FakeGpu, monkeypatch, caplog):
    def refuse(works: list[Callable[[], None]]) -> list[Callable[[], None]]:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(graphs, "record", refuse)
    G, recordings = tiny.stylegan2(resolution=16), graphs.Recordings()
    with torch.inference_mode():
        assert [recordings.of(G, inputs_for(G, i), ()) for i in range(3)] == [None] * 3
    assert "not permitted" in recordings.notes[0] and "not permitted" in caplog.text


def test_the_faster_order_in_memory_is_kept_and_told(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    times = iter([2.0, 1.0])
    monkeypatch.setattr(gpu.machine, "time", lambda run: run() and next(times))
    renderer, scene = Renderer(models=tiny.Shelf(tiny=tiny.stylegan2(resolution=16))), Scene()
    frames = [renderer.render(scene.set("latent.x", x)) for x in (0.1, 0.2, 0.3)]
    assert layout.wanted() is layout.CHANNELS_LAST
    assert [frame.order for frame in frames] == ["", "channels last", "channels last"]


def test_the_renderer_shows_the_same_with_and_without_graphs(gpu: FakeGpu):
    plain, graphic = (Renderer(models=tiny.Shelf(tiny=tiny.stylegan2(resolution=16))) for _ in range(2))
    scene, replays, real = Scene(), [], graphs.Recording.step
    for change in (
        ("latent.x", 0.2), ("latent.x", 0.4), ("latent.x", 0.6), ("noise.strength", 0.5), ("latent.x", 0.8),
        ("truncation.psi", 0.5), ("noise.mode", "none"), ("latent.x", 0.9), ("latent.x", 1.0),
        ("mixing.sources", [{"seed": 5, "layers": [4]}]), ("mixing.sources", [{"seed": 6, "layers": [4]}]),
        ("bends", BENDS), ("latent.x", 1.1), ("latent.x", 1.2), ("latent.x", 1.3),
    ):  # fmt: skip
        scene = scene.set(*change)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(graphs.Recording, "step", lambda self, i: replays.append(i) or real(self, i))
            got = graphic.render(scene)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(graphs, "DEVICES", ())
            want = plain.render(scene)
        assert got.error is None and want.error is None
        assert abs(got.picture.astype(int) - want.picture.astype(int)).max() <= 1
        assert [(r.name, r.shape) for r in got.steps] == [(r.name, r.shape) for r in want.steps]
        if change[0] == "mixing.sources":
            assert got.reused == want.reused > 0 and len(replays) == len(got.steps) - got.reused
        replays.clear()
    assert gpu.recorded == 3  # type: ignore[attr-defined]


def test_times_of_steps_are_the_gpus_own_and_read_without_waiting(gpu: FakeGpu):
    renderer, scene = Renderer(models=tiny.Shelf(tiny=tiny.stylegan2(resolution=16))), Scene()
    gpu.machine.behind = True  # the fake asserts that no time is read before the GPU has got there
    for x in (0.1, 0.2, 0.3):
        frame = renderer.render(scene.set("latent.x", x))
    assert frame.gpu_ms is None and {step.ms for step in frame.steps} == {0.0}
    gpu.machine.behind = False
    frame = renderer.render(scene.set("latent.x", 0.4))
    assert frame.gpu_ms == 0.25 * len(frame.steps) and {step.ms for step in frame.steps} == {0.25}
    assert gpu.machine.waits == []


def test_the_tape_finds_a_wait():
    with pytest.raises(AssertionError, match="waits"), Tape():
        bool(torch.ones(1) > 0)
