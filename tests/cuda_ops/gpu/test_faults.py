"""One kernel is wrong, one crashes, one hangs: the real check, in its own process, through the fake driver. Each is
switched off alone, a person is told why, and the picture is right all along."""

import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import pytest
import torch
from torch import Tensor

from app.cli import doctor
from cuda_ops.adain import adain, adain_reference
from cuda_ops.bias_act import bias_act, bias_act_reference
from cuda_ops.gpu import verdict
from cuda_ops.rgba import to_rgba8, to_rgba8_reference
from engine import devices
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu, needs_gpp, same
from tests.cuda_ops.paths import randn

pytestmark = needs_gpp
TIMEOUT = 120.0  # seconds
PATIENCE = 2.0  # seconds that the kernel which hangs is watched
FAULTS = {
    "adain.cu": ("p.shift[plane];", "p.shift[plane] + (sizeof(T) == 4);"),
    "epilogue.cu": ("const long long elements", "*(volatile int*)8 = 1;\n    const long long elements"),
    "rgba.cu": ("unsigned pixel = 0xff000000u;", "unsigned pixel = 0xff000000u;\n    for (;;) __syncthreads();"),
}
CHECK = f"""
import sys
from cuda_ops.gpu import check, program
from tests.cuda_ops.gpu.host import fake_gpu
whole, FAULTS = program.text, {FAULTS!r}
def text(file):
    old, new = FAULTS.get(file, ("", ""))
    assert old in whole(file)
    return whole(file).replace(old, new) if old else whole(file)
with fake_gpu():
    program.text = text
    sys.exit(check.main(sys.argv[1:]))
"""
BAD = ("epilogue fp16", "adain fp32", "rgba fp32")


class Watched(subprocess.Popen):
    """A check whose time is up soon after the kernel began that hangs, however busy the machine is."""

    def __init__(self, line: list[str], **options: Any):
        self._said: IO[str] = options["stdout"]
        super().__init__(line, **options)

    def wait(self, timeout: float | None = None) -> int:
        begun, last = None, f'{{"event": "begin", "kernel": "{BAD[-1]}"'
        while self.poll() is None and timeout == TIMEOUT:
            lines = Path(f"/proc/self/fd/{self._said.fileno()}").read_text().splitlines()
            if lines and lines[-1].startswith(last):
                begun = begun or time.monotonic()
                if time.monotonic() - begun > PATIENCE:
                    raise subprocess.TimeoutExpired(self.args, TIMEOUT)
            time.sleep(0.05)
        return super().wait(timeout)


@pytest.fixture(scope="module")
def judged():
    """The verdict on three bad kernels and a good one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict, "KERNELS", (*BAD, "adain fp16"))
        patch.setattr(subprocess, "Popen", Watched)
        return verdict.examine([sys.executable, "-c", CHECK, "--lines"], TIMEOUT)


@pytest.fixture
def gpu(judged: verdict.Verdict):
    with fake_gpu() as gpu, torch.inference_mode():
        verdict._verdicts[0] = judged
        yield gpu


def test_each_is_blamed_alone_and_for_what_it_did(judged: verdict.Verdict):
    assert list(judged.off) == list(BAD)
    assert judged.off["epilogue fp16"] == "the check crashed (exit code -11)"
    assert judged.off["adain fp32"].startswith("adain of 2x5x9x11, planes: off by ")
    assert judged.off["rgba fp32"] == f"the check did not end within {TIMEOUT:.0f} s"


def test_the_picture_is_right_and_the_other_kernels_serve(gpu: FakeGpu):
    x, scale, shift = randn(1, 3, 9, 8), randn(1, 3, seed=1), randn(1, 3, seed=2)
    calls: list[tuple[Tensor, Tensor, bool]] = [
        (adain(x, scale, shift), adain_reference(x.double(), scale.double(), shift.double()), False),
        (to_rgba8(x[0]), to_rgba8_reference(x[0]), False),
        (bias_act(x.half(), None, "lrelu"), bias_act_reference(x.double(), None, "lrelu"), False),
    ]
    assert "launch" not in gpu.calls()
    for got, want, _ in calls:
        same(got, want, 2e-3 if got.dtype == torch.float16 else 2e-6)
    same(bias_act(x, None, "lrelu"), bias_act_reference(x.double(), None, "lrelu"), 1e-6)
    assert "launch" in gpu.calls()  # the same kernel in the other precision


def test_the_panel_and_doctor_tell_which_and_why(gpu: FakeGpu, judged: verdict.Verdict, monkeypatch):
    monkeypatch.setattr(doctor, "has_cuda", lambda: True)
    monkeypatch.setattr(verdict, "wait", lambda index: judged)
    (row,) = doctor.kernel_rows()
    notes = devices.notes(torch.device("cuda:0"))  # what the panel Performance shows
    for name in BAD:
        words = f"{name}: {judged.off[name]}"
        assert row.state == doctor.WARNING and words in row.found and words in notes
