"""Kernels that are wrong, fail or cannot be proved: the picture is right all along, and the reason is told."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cuda_ops.bias_act import bias_act, bias_act_reference
from cuda_ops.filtered_lrelu import filtered_lrelu
from cuda_ops.gpu import choice, guard, program, status, verdict
from cuda_ops.gpu.fir import Unserved
from cuda_ops.upfirdn import upfirdn2d, upfirdn2d_reference
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu, needs_gpp, same
from tests.cuda_ops.paths import randn

pytestmark = needs_gpp


@pytest.fixture
def gpu():
    with fake_gpu() as gpu, torch.inference_mode():
        yield gpu


def double(x: Tensor) -> Tensor:
    return x * 2


WRONG: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "a little off": (lambda x: x * 2.01, "off by"),
    "not a number": (lambda x: x * float("nan"), "off by nan"),
    "of another shape": (lambda x: x[:1] * 2, "shape"),
    "raising": (lambda x: (_ for _ in ()).throw(OSError("no such library")), "OSError: no such library"),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_kernel_is_switched_off_alone(gpu: FakeGpu, how: str, caplog: pytest.LogCaptureFixture):
    bad, reason = WRONG[how]
    x, calls = randn(3, 4), []

    def fast() -> Tensor:
        calls.append(1)
        return bad(x)

    for _ in range(3):
        assert guard.run("fir", "wrong", x, fast, double).equal(x * 2)
        assert guard.run("fir", "right", x, lambda: x * 2, double).equal(x * 2)
    assert len(calls) == 1
    told = status.status()
    assert told.path == "kernels" and len(told.off) == 1 and reason in told.off[0]
    assert reason in caplog.text


def test_a_right_kernel_serves_without_waiting_after_its_first_use(gpu: FakeGpu):
    x, plain = randn(3, 4), []
    for _ in range(4):
        got = guard.run("fir", "key", x, lambda: x * 2, lambda x: plain.append(1) or x * 2)  # type: ignore[func-returns-value]
        assert got.equal(x * 2)
    assert len(plain) == 1 and gpu.machine.synchronized == 1


def test_kernels_are_judged_by_products_that_were_not_rounded(gpu: FakeGpu):
    """TF32, torch's default for convolutions, is off by more than a kernel may be."""
    x, exact = randn(3, 4), []
    for _ in range(2):
        guard.run("fir", "key", x, lambda: exact.append(gpu.machine.is_exact) or x * 2,  # type: ignore[func-returns-value]
                  lambda x: exact.append(gpu.machine.is_exact) or x * 2)  # type: ignore[func-returns-value]  # fmt: skip
    assert exact == [True, False, False]


def test_a_kernel_that_fails_later_gives_way(gpu: FakeGpu):
    x, b = randn(1, 3, 8, 8), randn(3)
    want = bias_act_reference(x.double(), b.double(), "lrelu")
    same(bias_act(x, b, "lrelu"), want, 1e-6)
    gpu.lib.fake_fail_launch(700)
    same(bias_act(x, b, "lrelu"), want, 1e-6)
    gpu.lib.fake_fail_launch(0)
    gpu.calls()
    same(bias_act(x, b, "lrelu"), want, 1e-6)
    assert "launch" not in gpu.calls()
    assert "error 700" in status.status().off[0]


def test_no_memory_says_nothing_against_a_kernel(gpu: FakeGpu):
    x = randn(3, 4)

    def greedy() -> Tensor:
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        guard.run("fir", "key", x, greedy, double)
    assert guard.uses() == []


def test_what_is_nowhere_finite_proves_nothing(gpu: FakeGpu):
    x = torch.full((3, 4), float("nan"))
    guard.run("fir", "key", x, lambda: x, double)
    assert guard.uses() == []


def test_while_a_graph_is_captured_nothing_is_tried(gpu: FakeGpu):
    x = randn(1, 3, 8, 8)
    gpu.machine.is_capturing = True
    same(bias_act(x, None, "lrelu"), bias_act_reference(x.double(), None, "lrelu"), 1e-6)
    assert gpu.calls() == [] and guard.uses() == []
    gpu.machine.is_capturing = False
    bias_act(x, None, "lrelu")
    gpu.machine.is_capturing = True
    gpu.calls()
    bias_act(x, None, "lrelu")
    assert gpu.calls() == ["launch"] and gpu.machine.synchronized == 1


def test_what_has_no_specialisation_takes_the_torch_path_without_alarm(gpu: FakeGpu, caplog: pytest.LogCaptureFixture):
    x, f = randn(1, 2, 12, 12), randn(7, 7)
    for _ in range(2):
        same(upfirdn2d(x, f), upfirdn2d_reference(x.double(), f.double()), 1e-5)
    assert [use.why for use in guard.uses()] == ["no specialisation for up 1, down 1, rank 7"]
    assert not caplog.text and issubclass(Unserved, Exception)


def test_a_kernel_without_a_good_verdict_is_not_loaded(gpu: FakeGpu):
    verdict._verdicts[0] = verdict.Verdict("done", {"epilogue fp32": "it crashed"})
    x = randn(1, 3, 8, 8)
    same(bias_act(x, None, "lrelu"), bias_act_reference(x.double(), None, "lrelu"), 1e-6)
    assert gpu.calls() == []
    bias_act(x.half(), None, "lrelu")
    assert gpu.calls()[-1] == "launch"


def test_a_kernel_that_does_not_compile_gives_way(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    real = program.text
    monkeypatch.setattr(program, "text", lambda file: real(file) + "\nnonsense" * (file == "epilogue.cu"))
    x = randn(1, 3, 8, 8)
    same(bias_act(x, None, "lrelu"), bias_act_reference(x.double(), None, "lrelu"), 1e-6)
    assert "CompileError" in status.status().off[0]


def test_two_filters_of_one_shape_and_another_rank_are_two_specialisations(gpu: FakeGpu):
    x, a, b = randn(1, 2, 12, 12), randn(12), randn(12, seed=1)
    for fd in (torch.outer(a, a), torch.outer(a, a) + torch.outer(b, b)):
        filtered_lrelu(x, a, fd, up=2, down=2, padding=(9, 8, 9, 8))
    assert len(guard.uses()) == 2


def test_gradients_take_the_torch_path(gpu: FakeGpu):
    with torch.inference_mode(False):
        x = randn(1, 2, 12, 12).requires_grad_()
        y = bias_act(x, None, "lrelu")
        (grad,) = torch.autograd.grad(y.sum(), x)
    assert grad.shape == x.shape and gpu.calls() == []


def test_function_transforms_and_traces_take_the_torch_path(gpu: FakeGpu):
    with torch.inference_mode(False), torch.no_grad():
        x = randn(1, 2, 12, 12)
        y, tangent, *_ = torch.func.jvp(lambda x: bias_act(x, None, "lrelu"), (x,), (torch.ones_like(x),))
        assert tangent.equal(bias_act_reference(torch.where(x < 0, -1.0, 1.0), None, "lrelu").abs())
        traced = torch.jit.trace(lambda x: bias_act(x, None, "lrelu"), x, check_trace=False)
    assert isinstance(traced, torch.jit.ScriptFunction)
    assert "leaky_relu" in str(traced.graph) and gpu.calls() == [] and y.shape == x.shape


def test_the_mode_torch_switches_all_kernels_off(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(choice, "_mode", "auto")
    choice.use("torch")
    bias_act(randn(1, 3, 8, 8), None, "lrelu")
    assert gpu.calls() == [] and status.status().path == "torch"
    with pytest.raises(ValueError, match="choose one of auto, torch"):
        choice.use("cuda")
