"""The kernels under the address and undefined-behaviour sanitizers, in a process that has their library in front."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cuda_ops.gpu.host import SANITIZE, SANITIZED, needs_gpp

pytestmark = needs_gpp
ROOT = Path(__file__).parents[3]
WORK = """
import torch
from tests.cuda_ops.gpu.host import fake_gpu
from tests.cuda_ops.gpu.test_mutants import EVERY, few_blocks
with fake_gpu() as gpu, torch.inference_mode(), few_blocks():
    for case in EVERY:
        case()
print("ran", len(gpu.compiler.compiled), "kernels")
"""
OVERFLOW = """
from cuda_ops.gpu import program
whole = program.text("fir.cu")
broken = whole.replace("RANK * TH * PU)]", "RANK * TH * PU - 8 * PU)]").replace("IH * PX, ", "1, ")
assert broken != whole
real = program.text
program.text = lambda file: broken if file == "fir.cu" else real(file)
"""


def run(work: str) -> subprocess.CompletedProcess[str]:
    compiler = shutil.which("g++")
    assert compiler is not None
    library = subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = os.environ | {
        "LD_PRELOAD": library.stdout.strip(), SANITIZED: "1", "OMP_NUM_THREADS": "1",
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0:verify_asan_link_order=0",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", work], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_no_kernel_leaves_its_memory_or_does_what_is_undefined():
    done = run(WORK)
    assert done.returncode == 0 and "ran" in done.stdout, done.stderr[-3000:]


def test_the_sanitizers_see_an_overflow_of_shared_memory():
    assert "-fsanitize=address,undefined" in SANITIZE
    done = run(OVERFLOW + WORK)
    found = "global-buffer-overflow" in done.stderr or "insufficient space" in done.stderr  # whichever is first
    assert done.returncode != 0 and found, done.stdout + done.stderr[-3000:]
