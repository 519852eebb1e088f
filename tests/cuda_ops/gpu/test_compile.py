"""The compile gate: every kernel through real NVRTC, without spills, within limits of registers and memory."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import pytest
import torch

from cuda_ops.gpu import adain, epilogue, fir, nvrtc, program, rgba
from cuda_ops.gpu.fir import Shape

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the NVRTC wheels are installed on Linux alone")
F, H = torch.float32, torch.float16
SWEEP = bool(os.environ.get("STYLESCOPE_SWEEP"))  # set: everything for every architecture (minutes)
ARCHS = {13: (75, 80, 86, 89, 90, 100, 120), 12: (75, 80, 86, 89, 90, 100, 120)}
MIXED = ((13, 75), (12, 86), (13, 80), (12, 120), (12, 80))  # majors and architectures that stand for all of them
REGISTERS, SHARED = 168, 48 << 10  # with 160 threads, two blocks run on a multiprocessor of 64 K registers

# up, down, taps, rank, phase, post: StyleGAN3 T and R, StyleGAN2's layer and picture
WAYS = [
    (2, 2, 12, 12, 1, 1, False), (4, 2, 24, 12, 1, 2, False), (2, 2, 12, 12, 3, 1, False), (4, 2, 24, 12, 3, 2, False),
    (2, 2, 12, 12, 4, 1, False), (4, 2, 24, 12, 4, 2, False), (1, 1, 1, 4, 1, 0, True), (2, 1, 4, 1, 1, 0, False),
    (1, 2, 1, 4, 1, 1, False),
]  # fmt: skip
FIRS = [Shape(dtype, u, d, tu, td, rank, phase, phase, post)
        for dtype, (u, d, tu, td, rank, phase, post) in product((H, F), WAYS)]  # fmt: skip
EPILOGUES = [epilogue.constants(dtype, last, vec) for dtype, last, vec in
             ((H, True, 8), (H, False, 8), (F, False, 4), (F, True, 4), (H, False, 1), (F, True, 1))]  # fmt: skip
ADAINS = [adain.constants(dtype, lanes, number) for dtype, lanes, number in product((H, F), (1, 32), (0, 1, 2))]
KERNELS: list[tuple[str, program.Defines]] = [
    *(("fir", fir.constants(shape)) for shape in FIRS), *(("epilogue", c) for c in EPILOGUES),
    *(("adain", c) for c in ADAINS),
    *(("rgba", rgba.constants(dtype)) for dtype in (H, F)),
]  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What ptxas says of a kernel."""

    spilled: int
    registers: int
    shared: int


def facts_of(name: str, constants: program.Defines, major: int, arch: str) -> Facts:
    log = nvrtc.load(major).compile(program.source(name, constants), arch, ("--ptxas-options=-v",)).log
    spilled = sum(int(n) for n in re.findall(r"(\d+) bytes spill", log))
    registers, shared = re.search(r"Used (\d+) registers", log), re.search(r"(\d+) bytes smem", log)
    assert registers, log
    return Facts(spilled, int(registers[1]), int(shared[1]) if shared else 0)


def jobs() -> list[tuple[str, program.Defines, int, str]]:
    if SWEEP:
        every = [(major, arch) for major, archs in ARCHS.items() for arch in archs]
        return [(name, c, major, f"sm_{arch}") for name, c in KERNELS for major, arch in every]
    chosen = []
    for i, (name, constants) in enumerate(KERNELS):
        for major, arch in (MIXED[i % 5], MIXED[(i + 2) % 5]):
            chosen.append((name, constants, major, f"sm_{arch}"))
    return chosen


def test_every_kernel_compiles_without_spills_and_within_limits():
    chosen = jobs()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda job: facts_of(*job), chosen))
    wrong = [
        (name, dict(constants), major, arch, facts)
        for (name, constants, major, arch), facts in zip(chosen, found)
        if facts.spilled or facts.registers > REGISTERS or facts.shared > SHARED
    ]
    assert not wrong


@pytest.mark.parametrize(("major", "arch"), [(m, a) for m, archs in ARCHS.items() for a in archs])
def test_the_leanest_kernel_compiles_for_every_gpu(major: int, arch: int):
    compiler = nvrtc.load(major)
    assert arch in compiler.archs
    image = compiler.compile(program.source("epilogue", EPILOGUES[0]), f"sm_{arch}")
    assert image.data.startswith(b"\x7fELF")


def test_a_gpu_newer_than_the_compiler_gets_ptx():
    compiler = nvrtc.load(12)
    arch = compiler.arch_for(999)
    assert arch == f"compute_{max(compiler.archs)}"
    ptx = compiler.compile(program.source("rgba", rgba.constants(H)), arch).data.decode()
    assert ".visible .entry rgba" in ptx and f".target sm_{max(compiler.archs)}" in ptx


def test_a_gpu_older_than_the_compiler_is_named():
    with pytest.raises(nvrtc.CompileError, match=r"this GPU has 3\.5"):
        nvrtc.load(13).arch_for(35)


def test_taps_come_from_the_constant_bank():
    """In PTX every tap is a load from the parameters at a fixed place, never one indexed at run time."""
    shape = FIRS[0]
    ptx = nvrtc.load(12).compile(program.source("fir", fir.constants(shape)), "compute_86").data.decode()
    assert len(re.findall(r"ld\.param\.(?:v\d\.)?f32", ptx)) >= 12
    assert ".local" not in ptx  # no array in thread memory: everything was unrolled


def test_the_compiler_says_what_is_wrong():
    with pytest.raises(nvrtc.CompileError, match="undefined_thing"):
        nvrtc.load(13).compile('extern "C" __global__ void k() { undefined_thing(); }', "sm_89")


def test_a_missing_compiler_is_named_with_the_places():
    with pytest.raises(nvrtc.CompileError, match=r"NVRTC of CUDA 99 was not found; sought as .*99"):
        nvrtc.load(99)
