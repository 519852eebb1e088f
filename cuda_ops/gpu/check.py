"""Tries every kernel on this machine's GPU against torch: python -m cuda_ops.gpu.check [--device 0] [kernel ...]

With --lines it says so in JSON, a line before and after each kernel, so that whoever reads them knows which one it was
that crashed or hung.
"""

import argparse
import json
import sys

import torch

from cuda_ops.gpu import choice, device, guard, verdict
from cuda_ops.gpu.cases import Case, cases


def main(arguments: list[str] | None = None) -> int:
    """Check the kernels that are named, all by default; 1 if one of them is wrong."""
    parser = argparse.ArgumentParser(prog="cuda_ops.gpu.check", description="Check the CUDA kernels against torch.")
    parser.add_argument("kernels", nargs="*", metavar="kernel", help=", ".join(verdict.KERNELS))
    parser.add_argument("--device", type=int, default=0, help="number of the GPU")
    parser.add_argument("--lines", action="store_true", help="report in JSON lines, and end with 0 unless interrupted")
    options = parser.parse_args(arguments)
    wrong = 0
    for kernel in options.kernels or verdict.KERNELS:
        _tell(options.lines, "begin", kernel)
        why = complaint(kernel, f"{choice.kind}:{options.device}")
        _tell(options.lines, "end", kernel, why)
        wrong += why is not None
    return 1 if wrong and not options.lines else 0


def complaint(kernel: str, where: str) -> str | None:
    """What is wrong with a kernel, or None."""
    with torch.inference_mode():
        for case in cases(where):
            if case.kernel == kernel and (why := judge(case)) is not None:
                return f"{case.what}: {why}"
    return None


def judge(case: Case) -> str | None:
    """Why the kernel's answer is not torch's, or None."""
    try:
        got = case.fast()
        device.here.synchronize(device.index_of(case.x))
        with choice.reference(), device.here.exact():
            want = case.plain(case.x.float())
    except (RuntimeError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return guard.disagreement(got, want, got.dtype)


def _tell(lines: bool, event: str, kernel: str, why: str | None = None) -> None:
    if lines:
        sys.stdout.write(json.dumps({"event": event, "kernel": kernel, "why": why}) + "\n")
    elif event == "end":
        sys.stdout.write(f"{kernel}: {why or 'right'}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
