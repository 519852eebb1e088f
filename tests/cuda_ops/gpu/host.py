"""A GPU made of the CPU: kernels compiled by g++, launched through a fake driver on ordinary tensors."""

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cuda_ops.gpu import choice, device, driver, guard, nvrtc, program, verdict

HERE = Path(__file__).parent
BUILDS = Path(os.environ.get("STYLESCOPE_TWINS") or Path(tempfile.gettempdir()) / f"stylescope-twins-{os.getuid()}")
FLAGS = ("-std=c++17", "-shared", "-fPIC", "-O1", "-w", "-ffp-contract=off")
SANITIZE = (
    "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fsanitize-sections=cuda_shared",
)  # fmt: skip
SANITIZED = "STYLESCOPE_SANITIZED"  # set where the tests run with the sanitizers' library in front

needs_gpp = pytest.mark.skipif(
    shutil.which("g++") is None or sys.platform != "linux",
    reason="g++ on Linux is not here: the kernels have no host twin",
)


def build(text: str, flags: tuple[str, ...] = ()) -> Path:
    """A shared library from C++, made once for each text and set of flags."""
    flags = (*FLAGS, *flags)
    name = hashlib.sha256("\0".join((text, *flags)).encode()).hexdigest()[:24]
    target = BUILDS / f"{name}.so"
    if not target.exists():
        BUILDS.mkdir(parents=True, exist_ok=True)
        aside = BUILDS / f"{name}.{os.getpid()}"
        command = ["nice", "g++", "-x", "c++", "-", *flags, "-ldl", "-o", str(aside)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=HERE, check=False)
        if done.returncode:
            raise nvrtc.CompileError(done.stderr)
        os.replace(aside, target)
    return target


class HostCompiler:
    """In NVRTC's place: the same text, made into a twin for the host."""

    version = (0, 0)

    def __init__(self, flags: tuple[str, ...] = ()):
        self.flags = flags
        self.compiled: list[str] = []

    def arch_for(self, capability: int) -> str:
        return f"sm_{capability}"

    def compile(self, source: str, arch: str, options: tuple[str, ...] = ()) -> nvrtc.Image:
        self.compiled.append(source)
        return nvrtc.Image(f"twin:{build(twin_text(source), self.flags)}".encode() + b"\0", arch, "")


def twin_text(source: str) -> str:
    """The kernel's text between the twin's two headers; the prelude, which is PTX, gives way to them."""
    source = source.replace(program.text("prelude.cuh"), "")
    head, body = (HERE / name for name in ("twin.h", "twin_end.h"))
    defines, rest = [], []
    for line in source.splitlines():
        (defines if line.startswith("#define ") and not rest else rest).append(line)
    return "\n".join([head.read_text(), *defines, *rest, body.read_text()])


class FakeMark:
    """A place in the queue of a GPU that a test may hold back, or break."""

    def __init__(self, machine: "FakeMachine"):
        self.machine, self.held = machine, machine.behind
        machine.marks += 1
        self.at = machine.marks

    def passed(self) -> bool:
        if self.machine.lost:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return not (self.held and self.machine.behind)

    def wait(self) -> None:
        self.passed()
        self.machine.waits.append(self.at)
        self.held = False

    def ms_since(self, earlier: "FakeMark") -> float:
        assert self.passed() and earlier.passed(), "a time was read before the GPU had got there"
        return 0.25 * (self.at - earlier.at)


class FakeMachine:
    """What `device.here` says of a machine whose GPU is made of the CPU."""

    def __init__(self) -> None:
        self.is_capturing, self.synchronized, self.is_exact = False, 0, False
        self.behind, self.lost = False, False  # whether the GPU has not got to new marks yet; whether it has failed
        self.marks, self.waits = 0, []
        self.uploads = self.downloads = 0

    def mark(self, index: int) -> FakeMark:
        return FakeMark(self)

    def upload(self, t: Tensor, device: torch.device) -> Tensor:
        assert not self.is_capturing, "a graph would send these very numbers for ever"
        self.uploads += 1
        return t.to(device, non_blocking=True)

    def download(self, t: Tensor, made: FakeMark) -> tuple[Tensor, FakeMark]:
        self.downloads += 1
        return t.clone(), FakeMark(self)

    @contextmanager
    def exact(self) -> Iterator[None]:
        self.is_exact = True
        try:
            yield
        finally:
            self.is_exact = False

    def capability(self, index: int) -> int:
        return 89

    def stream(self, index: int) -> int:
        return 0

    def capturing(self) -> bool:
        return self.is_capturing

    def synchronize(self, index: int) -> None:
        self.synchronized += 1

    def time(self, run: Callable[[], object]) -> float:
        run()
        return 1.0

    def fp32_rate(self, index: int) -> float:
        return 1e9

    def cuda_major(self) -> int:
        return 12

    def identity(self, index: int) -> device.Identity:
        return device.Identity("Fake GPU", 89, driver.version(), "torch")


class FakeGpu:
    """The parts of a running fake, for a test to look at and to disturb."""

    def __init__(self, flags: tuple[str, ...] = ()):
        self.machine, self.compiler = FakeMachine(), HostCompiler(flags)
        self.lib = driver.typed(ctypes.CDLL(str(build((HERE / "fake_cuda.cpp").read_text()))))
        self.lib.fake_calls.restype = ctypes.c_char_p
        self.lib.fake_gl_memory.restype = ctypes.c_void_p

    def order(self, order: int) -> None:
        self.lib.fake_order(order)

    def calls(self) -> list[str]:
        """Calls of the driver since this was last asked."""
        said = self.lib.fake_calls().decode().split()
        self.lib.fake_forget_calls()
        return said


@functools.cache
def _gpu(flags: tuple[str, ...]) -> FakeGpu:
    return FakeGpu(flags)


@contextmanager
def fake_gpu(flags: tuple[str, ...] | None = None) -> Iterator[FakeGpu]:
    """Within this block tensors on the CPU are served as if they were on a GPU."""
    flags = flags if flags is not None else SANITIZE if os.environ.get(SANITIZED) else ()
    gpu = _gpu(flags)
    gpu.machine, gpu.compiler.compiled = FakeMachine(), []
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as cache:
        patch.setenv("STYLESCOPE_KERNEL_CACHE", cache)
        patch.setattr(device, "here", gpu.machine)
        patch.setattr(driver, "library", lambda: gpu.lib)
        patch.setattr(program, "compiler", lambda: gpu.compiler)
        patch.setattr(choice, "kind", "cpu")
        forget()
        verdict._verdicts[0] = verdict.Verdict("done")  # every kernel may serve
        gpu.order(0)
        gpu.calls()
        try:
            yield gpu
        finally:
            gpu.order(0)
            gpu.lib.fake_fail_launch(0)
            gpu.lib.fake_refuse_gl(0)
            gpu.lib.fake_gl_take(None)
            forget()


def forget() -> None:
    program.forget()
    guard.forget()
    verdict.forget()


def same(got: Tensor, want: Tensor, tol: float) -> None:
    """NaN and infinities in the same places, all else within `tol` of the largest value."""
    got, want = got.double(), want.double()
    assert got.shape == want.shape
    assert got.isnan().equal(want.isnan())
    assert got.isinf().equal(want.isinf())
    finite = want.isfinite()
    if finite.any():
        error = float((got - want)[finite].abs().max() / want[finite].abs().max().clamp_min(1e-30))
        assert error <= tol, f"off by {error:.1e} of the largest value"
