"""The check in a process of its own: what crashes, hangs or is wrong is switched off alone, and remembered."""

import sys

import pytest
import torch

from cuda_ops.gpu import cases, check, program, report, status, verdict
from cuda_ops.gpu.verdict import KERNELS, Verdict, examine
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu, needs_gpp

pytestmark = needs_gpp

# what the real check prints, and the accidents of which a GPU is capable
CHECK = """
import json, os, signal, sys, time
for kernel in sys.argv[1:]:
    say = lambda event, why=None: print(json.dumps({"event": event, "kernel": kernel, "why": why}), flush=True)
    print("a library greets")
    say("begin")
    %s
    say("end", "off by 1.0" if kernel in WRONG else None)
"""


def line(accident: str = "pass", wrong: str = "") -> list[str]:
    return [sys.executable, "-c", f"WRONG = {wrong.split(',')}\n" + CHECK % accident]


def test_all_right():
    assert examine(line()) == Verdict("done", {})


def test_a_wrong_kernel_is_off_alone():
    assert examine(line(wrong="fir fp16")).off == {"fir fp16": "off by 1.0"}


def test_a_crash_costs_the_kernel_that_ran_and_no_other():
    crash = "if kernel == 'epilogue fp32': os.kill(os.getpid(), signal.SIGSEGV)"
    off = examine(line(crash, wrong="rgba fp16")).off
    assert off == {"epilogue fp32": "the check crashed (exit code -11)", "rgba fp16": "off by 1.0"}


def test_a_hang_costs_the_kernel_that_ran_and_no_other():
    assert examine(line("if kernel == 'fir fp32': time.sleep(60)"), timeout=1.0).off == {
        "fir fp32": "the check did not end within 1 s"
    }


def test_a_check_that_cannot_start_costs_all_and_says_why():
    off = examine([sys.executable, "-c", "import nothing_of_that_name"]).off
    assert set(off) == set(KERNELS)
    assert "No module named 'nothing_of_that_name'" in off["fir fp32"]


def test_a_check_that_leaves_kernels_out_proves_nothing_of_them():
    off = examine([sys.executable, "-c", "pass"]).off
    assert off == dict.fromkeys(KERNELS, "the check said nothing of it")


@pytest.fixture
def gpu():
    with fake_gpu() as gpu:
        verdict.forget()  # nothing is known yet
        yield gpu


def test_the_verdict_is_learnt_once_for_each_machine_and_state_of_the_kernels(gpu: FakeGpu, monkeypatch):
    runs = []
    monkeypatch.setattr(verdict, "command", lambda index: runs.append(index) or line(wrong="fir fp16"))
    assert status.status().path == "torch" and not verdict.allows("fir fp32", 0)
    assert verdict.wait(0).off == {"fir fp16": "off by 1.0"}
    assert verdict.allows("fir fp32", 0) and not verdict.allows("fir fp16", 0)
    assert status.status().off == ("fir fp16: off by 1.0",)
    verdict.forget()
    assert verdict.wait(0).off == {"fir fp16": "off by 1.0"}
    assert runs == [0]
    for name, value in (("fingerprint", lambda: "other kernels"), ("fingerprint", lambda: "still others")):
        monkeypatch.setattr(program, name, value)
        verdict.forget()
        verdict.wait(0)
    assert runs == [0, 0, 0]


def test_until_the_verdict_is_there_torch_computes(gpu: FakeGpu, monkeypatch):
    monkeypatch.setattr(verdict, "command", lambda index: line("time.sleep(0.2)"))
    assert not verdict.allows("rgba fp32", 0)
    assert verdict.of(0).stage == "checking" and status.status().path == "checking"
    verdict.wait(0)
    assert status.status().path == "kernels"


def test_a_check_that_cannot_be_run_at_all_is_told(gpu: FakeGpu, monkeypatch):
    monkeypatch.setattr(verdict, "command", lambda index: ["/nowhere/python"])
    off = verdict.wait(0).off
    assert set(off) == set(KERNELS) and "FileNotFoundError" in off["rgba fp32"]
    assert status.status().path == "torch" and status.status().why.startswith("No kernel serves: the check could not")


# --- the check itself, in this process ------------------------------------------------------------------------------


def test_the_check_finds_every_kernel_right(gpu: FakeGpu, capsys: pytest.CaptureFixture):
    assert check.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{name}: right" for name in KERNELS]


def test_the_check_finds_a_wrong_kernel(gpu: FakeGpu, monkeypatch, capsys: pytest.CaptureFixture):
    real = program.text
    monkeypatch.setattr(program, "text", lambda file: real(file).replace("v += p.bias[c]", "v -= p.bias[c]"))
    assert check.main(["epilogue fp32", "rgba fp32"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("epilogue fp32: epilogue of 2x8x16x16, planes: off by") and said[1] == "rgba fp32: right"
    assert check.main(["--lines", "epilogue fp32"]) == 0
    assert '"event": "end", "kernel": "epilogue fp32", "why": "epilogue of' in capsys.readouterr().out


def test_the_cases_reach_every_kernel():
    assert {case.kernel for case in cases.cases("cpu")} == set(KERNELS)
    assert {case.x.dtype for case in cases.cases("cpu")} == {torch.float32, torch.float16}


def test_the_report_names_the_machine_the_verdict_and_the_times(gpu: FakeGpu, monkeypatch):
    monkeypatch.setattr(verdict, "command", lambda index: line(wrong="rgba fp16"))
    said = "\n".join(report.text(0, large=False))
    assert "GPU: Fake GPU, compute capability 8.9" in said and "rgba fp16: OFF, off by 1.0" in said
    rows = [row for row in said.splitlines() if " fp32 " in row or " fp16 " in row]
    assert len(rows) == len(list(cases.cases("cpu"))) + 8  # and layers
    assert [row for row in rows if row.endswith("off")] == [row for row in rows if "picture" in row and "fp16" in row]
    assert "modelled, not measured" in said and sum("layer of 8" in row and row.endswith("%") for row in rows) == 8


def test_what_the_report_learns_replaces_what_was_remembered(gpu: FakeGpu, monkeypatch):
    """A kernel that was blamed while the GPU was busy serves again once `doctor --gpu` has found it right."""
    monkeypatch.setattr(verdict, "command", lambda index: line(wrong="fir fp16"))
    assert verdict.wait(0).off == {"fir fp16": "off by 1.0"}
    monkeypatch.setattr(verdict, "command", lambda index: line())
    assert verdict.anew(0).off == {} and verdict.allows("fir fp16", 0)
    verdict.forget()
    monkeypatch.setattr(verdict, "command", lambda index: line(wrong="rgba fp32"))
    assert verdict.wait(0).off == {}
