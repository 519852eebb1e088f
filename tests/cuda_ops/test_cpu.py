"""The choice between the CPU's paths, and what lies around the kernels: threads, memory, self-check, cache."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from cuda_ops import cpu
from cuda_ops.bias_act import bias_act
from cuda_ops.cpu import choice, compile, memory, pool
from tests.cuda_ops.paths import forced, randn

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch):
    """Sets the state of the kernels, as if compilation had come that far."""

    def put(stage: str, why: str = "", done: int = 0, total: int = 0) -> None:
        monkeypatch.setattr(compile, "_state", compile.State(stage, why, done, total))

    with forced("auto"):
        yield put


def test_while_kernels_compile_torch_serves_and_says_how_far_they_are(state):
    state("compiling", "Compiling winograd.", 1, 4)
    assert choice.route(randn(1, 1, 2, 2)) == "torch"
    assert cpu.status() == cpu.Status("torch", "Compiling winograd.", 0.25)


@pytest.mark.parametrize("stage", ["failed", "missing"])
def test_kernels_that_cannot_serve_are_not_asked_for(state, stage: str):
    state(stage, "for a reason")
    assert choice.route(randn(1, 1, 2, 2)) == "torch"
    assert cpu.status() == cpu.Status("torch", "for a reason")


def test_kernels_that_are_ready_serve(state):
    state("ready", "fast")
    assert choice.route(randn(1, 1, 2, 2)) == "numba"
    assert cpu.status().path == "numba"
    for other in (randn(1, 1, 2, 2).double(), randn(1, 1, 2, 2).half(), randn(1, 1, 2, 2).requires_grad_()):
        assert choice.route(other) == "plain"
    assert choice.route(randn(1, 1, 2, 2), None, randn(1).double()) == "plain"


@pytest.mark.parametrize("name", ["torch", "reference"])
def test_a_path_can_be_forced(state, name: str):
    state("ready")
    with forced(name):
        assert choice.route(randn(1, 1, 2, 2)) == name == cpu.status().path


def test_an_unknown_path_is_refused_by_name():
    with pytest.raises(
        ValueError, match="fastest: no such CPU path; choose one of auto, numba, torch, reference"
    ):
        cpu.use("fastest")


def run(code: str, **environment: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_numba_everything_works():
    code = (
        "import sys; sys.modules['numba'] = None; import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'numba' else find(name, *a)\n"
        "import torch; from cuda_ops import cpu; from cuda_ops.modulated_conv import modulated_conv2d as conv\n"
        "print(cpu.wait().stage, cpu.status().path, 'not installed' in cpu.status().why)\n"
        "print(tuple(conv(torch.ones(1, 4, 32, 32), torch.ones(3, 4, 3, 3), torch.ones(1, 4), padding=1).shape))"
    )
    assert run(code, STYLESCOPE_CPU="auto").splitlines() == ["missing torch True", "(1, 3, 32, 32)"]


def test_importing_the_operations_brings_no_compiler():
    code = (
        "import sys, cuda_ops.modulated_conv, cuda_ops.filtered_lrelu, cuda_ops.rgba\n"
        "print([m for m in ('numba', 'llvmlite') if m in sys.modules])"
    )
    assert run(code) == "[]"


def test_the_environment_sets_the_path():
    assert (
        run("from cuda_ops import cpu; print(cpu.status().path)", STYLESCOPE_CPU="reference") == "reference"
    )


def test_the_environment_can_ask_for_the_kernels():
    assert run("from cuda_ops import cpu; cpu.wait(); print(cpu.status().path)", STYLESCOPE_CPU="numba") == "numba"


def test_a_wrong_kernel_is_found_and_switched_off(monkeypatch: pytest.MonkeyPatch):
    assert cpu.wait().stage == "ready"
    from cuda_ops.cpu import compiled, packing, selfcheck

    assert selfcheck.complaint() is None
    right = packing.winograd_weight
    monkeypatch.setattr(packing, "winograd_weight", lambda w, size: right(w, size) * 1.001)
    assert "convolution differs by" in str(selfcheck.complaint())
    monkeypatch.setattr(compiled, "filtered_lrelu", lambda *a: None)
    monkeypatch.setattr(packing, "winograd_weight", right)
    assert "filtered leaky ReLU" in str(selfcheck.complaint())


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("tasks", [1, 2, 7, 100])
def test_every_task_is_done_once_by_the_threads_asked_for(threads: int, tasks: int):
    before, seen, names = torch.get_num_threads(), np.zeros(tasks, int), set()

    def kernel(first: int, last: int, scratch: int, step: int) -> None:
        seen[first:last] += step
        names.add(threading.get_ident())
        assert scratch % 64 == 0

    torch.set_num_threads(threads)
    try:
        pool.run(kernel, tasks, 100, 5)
    finally:
        torch.set_num_threads(before)
    assert (seen == 5).all()
    assert 1 <= len(names) <= min(threads, tasks)


def test_an_error_in_a_thread_reaches_the_caller():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError):
            pool.run(lambda first, last, scratch: 1 // 0, 8, 1)
    finally:
        torch.set_num_threads(before)


def test_memory_of_a_result_serves_again_once_nothing_looks_at_it():
    size = memory.SMALL + 12345
    first = memory.empty(size)
    view, place = first[10:20], first.data_ptr()
    del first
    gc.collect()
    other = memory.empty(size)
    assert other.data_ptr() != place  # the view still lives
    view.fill_(7.0)
    other.fill_(1.0)
    assert (view == 7).all()
    del view
    gc.collect()
    assert memory.empty(size).data_ptr() == place


def test_large_blocks_of_memory_serve_for_smaller_results(monkeypatch: pytest.MonkeyPatch):
    gc.collect()
    memory._returned.clear()
    monkeypatch.setattr(memory, "_idle", [])
    size, small = memory.SMALL * memory.WASTE, memory.empty(memory.SMALL + 1)
    del small
    gc.collect()
    large = memory.empty(size)
    place = large.data_ptr()
    assert not memory._idle  # what is smaller went when this one was made
    del large
    gc.collect()
    assert memory.empty(memory.SMALL + 1).data_ptr() == place


def test_idle_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "IDLE_BYTES", 4 * memory.SMALL * 4)
    for _ in range(3):
        held = [memory.empty(memory.SMALL + i) for i in range(12)]
        del held
    memory.empty(memory.SMALL)
    assert sum(block.nbytes for block in memory._idle) <= memory.IDLE_BYTES


def test_bias_and_activation_do_not_write_to_their_input():
    x = randn(2, 3, 8, 8)
    kept = x.clone()
    with forced("torch"), torch.no_grad():
        bias_act(x, None, "lrelu", clamp=0.1)
        bias_act(x, randn(3), "linear", gain=2.0)
    assert torch.equal(x, kept)


def test_compilation_waits_a_little_for_a_first_picture(monkeypatch: pytest.MonkeyPatch):
    began = []
    monkeypatch.setattr(compile, "HEAD_START", 60.0)
    monkeypatch.setattr(compile, "_load", lambda: began.append(True))
    thread = threading.Thread(target=compile._run)
    with compile.held():
        thread.start()
        thread.join(0.05)
        assert not began
    thread.join()
    assert began
