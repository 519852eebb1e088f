"""Do these tests see mistakes? Every planted one must be found by running the kernel as a host twin."""

import faulthandler
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from cuda_ops.adain import EPS, adain_reference
from cuda_ops.gpu import adain, epilogue, fir, program, rgba
from cuda_ops.gpu.driver import CudaError
from cuda_ops.gpu.fir import End
from cuda_ops.gpu.ops import finish_reference
from cuda_ops.rgba import to_rgba8_reference
from cuda_ops.upfirdn import upfirdn2d_reference
from tests.cuda_ops.gpu.host import FakeGpu, build, fake_gpu, needs_gpp, same, twin_text
from tests.cuda_ops.gpu.test_fir import specified, window
from tests.cuda_ops.paths import randn

pytestmark = needs_gpp
NAN, INF = float("nan"), float("inf")

# file, what is replaced, by what; `#2` after the file means the second place where it stands
MUTANTS = [
    *((f"fir.cu#{i}", "        __syncthreads();\n", "") for i in (1, 2, 3, 4)),
    ("fir.cu#1", "        __syncthreads();\n", "        if (threadIdx.x < 64) __syncthreads();\n"),
    ("fir.cu", "(ox0 * DOWN - PHX - p.padx) / UP", "(ox0 * DOWN - PHX - p.padx) / UP + 1"),
    ("fir.cu", "(oy0 * DOWN - PHY - p.pady) / UP", "(oy0 * DOWN - PHX - p.padx) / UP"),
    ("fir.cu", "IW = GX + SPAN - 1", "IW = GX + SPAN - 2"),
    ("fir.cu", "UH = PHY + (TH - 1) * DOWN + FD", "UH = PHY + (TH - 1) * DOWN + FD - 1"),
    ("fir.cu", "first = (UP - R) % UP", "first = R"),
    ("fir.cu", "(unsigned)xq < (unsigned)p.W", "(unsigned)xq <= (unsigned)p.W"),
    ("fir.cu", "(unsigned)y < (unsigned)p.H", "y < p.H"),
    ("fir.cu", "oy >= p.OH || ox >= p.OW", "oy >= p.OH || ox > p.OW"),
    ("fir.cu", "plane += step", "plane += step + 1"),
    ("fir.cu", "t == FD - 1) sd", "t == FD - 2) sd"),
    ("fir.cu", "p.dx[q][t] * win", "p.dx[0][t] * win"),
    ("fir.cu", "+ PHX + c0 * DOWN", "+ c0 * DOWN"),
    ("fir.cu", "Group<UP>::run(p.uy", "Group<UP>::run(p.ux"),
    ("fir.cu", "* scale + bias : 0.f", "* scale + bias : bias"),
    ("fir.cu", "v * scale + (noise ? noise[oy * p.OW + ox] : 0.f)", "v + (noise ? noise[oy * p.OW + ox] : 0.f)"),
    ("fir.cu", "p.bias[c] : 0.f;\n    const float* noise", "p.bias[plane] : 0.f;\n    const float* noise"),
    ("fir.cu", "n * p.noise_step", "p.noise_step"),
    ("fir.cu", "c * p.ys[1]", "c * p.xs[1]"),
    ("common.cuh", "v > a.clamp ? a.clamp : v", "fminf(v, a.clamp)"),
    ("common.cuh", "v < -a.clamp ? -a.clamp : v", "fmaxf(v, -a.clamp)"),
    ("common.cuh", "v < 0.f ? v * a.slope : v", "v > 0.f ? v : 0.f"),
    ("epilogue.cu", "p.scale[n * p.C + c]", "p.scale[c]"),
    ("epilogue.cu", "CHANNELS_LAST ? c + k : c", "c"),
    ("epilogue.cu", "CHANNELS_LAST ? pixel : pixel + k", "pixel"),
    ("epilogue.cu", "i < elements", "i < elements - 1"),
    ("epilogue.cu", "gridDim.x * NT * VEC", "gridDim.x * NT * VEC + VEC"),
    ("epilogue.cu", "row / p.pixels : row / p.C", "row / p.C : row / p.C"),
    *((f"adain.cu#{i}", "__syncthreads();\n", "") for i in (1, 2, 3)),
    ("adain.cu#2", "__syncthreads();\n", "if (row < half) __syncthreads();\n"),
    ("adain.cu", "half = ROWS / 2", "half = ROWS / 4"),
    ("adain.cu", "half * LANES", "half"),
    ("adain.cu", "= room[lane]", "= room[0]"),
    ("adain.cu", "left < p.span ? left : p.span", "p.span"),
    ("adain.cu", "in = c < p.C", "in = c <= p.C"),
    ("adain.cu", "blockIdx.x % groups * LANES + lane", "blockIdx.x % groups * LANES"),
    ("adain.cu", "n = blockIdx.x / groups", "n = 0"),
    ("adain.cu", "first = part * p.span", "first = part * p.span + 1"),
    ("adain.cu", "to_float(x[i * p.xs[2]]) - mean;", "to_float(x[i * p.xs[2]]);"),
    ("adain.cu", "mean) / size", "mean) / p.span"),
    ("adain.cu", "* part_size(p, i);\n        mean", "* p.span;\n        mean"),
    ("adain.cu", "d * d * part_size(p, i)", "d * d"),
    ("adain.cu", "(p.count + i) * planes", "i * planes"),
    ("adain.cu", "(1.f + p.scale[plane])", "p.scale[plane]"),
    ("adain.cu", "+ p.eps", ""),
    ("adain.cu", "i < size; i += ROWS) store", "i <= size; i += ROWS) store"),
    ("adain.cu", "y + i * p.ys[2]", "y + i * p.xs[2]"),
    ("rgba.cu", "i >= p.H * p.W", "i > p.H * p.W"),
    ("rgba.cu", "(int)v <<", "(int)(v + .5f) <<"),
    ("rgba.cu", "v > 255.f ? 255.f", "v > 300.f ? 255.f"),
    ("rgba.cu", "(8 * c)", "(16 - 8 * c)"),
    ("rgba.cu", "c * p.sc", "c"),
]  # fmt: skip


def mutated(file: str, old: str, new: str) -> tuple[str, str]:
    name, _, number = file.partition("#")
    parts = (program.KERNELS / name).read_text().split(old)
    assert len(parts) > int(number or 1), f"{old!r} is not in {file}: the mutant is out of date"
    at = int(number or 1)
    return name, old.join(parts[:at]) + new + old.join(parts[at:])


def pitted(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Numbers of which one in the last plane is NaN."""
    x = randn(*shape).to(dtype)
    x[(-1,) * (len(shape) - 2)][2, 3] = NAN
    return x


def fir_cases() -> None:
    radial = torch.outer(window(12), window(12)) + 0.2 * torch.outer(randn(12, seed=8), randn(12, seed=9))
    bias, scale = randn(3, seed=1), randn(2, 3, seed=2)
    for up, fd, pad in ((2, window(12), (9, 8, 6, 7)), (4, radial, (-5, -9, -6, -9))):
        arguments = (pitted(2, 3, 17, 71), window(6 * up), fd, up, 2, pad, End(2**0.5, 0.2, 1.1, scale, bias=bias))
        same(fir.filtered_lrelu(*arguments), specified(*arguments), 5e-6)
    x, f = pitted(2, 3, 9, 40), torch.outer(window(4), randn(4, seed=5))  # another filter along each axis
    want = upfirdn2d_reference(x.double(), f.double(), up=2, padding=(2, 1, 2, 1))
    same(fir.upfirdn(x, f, 2, 1, (2, 1, 2, 1), 1.0, False), want, 5e-6)
    x = pitted(2, 3, 20, 70).contiguous(memory_format=torch.channels_last)
    end, f = End(2**0.5, 0.2, 1.1, scale, randn(2, 1, 20, 69, seed=3), bias), torch.outer(window(4), randn(4, seed=5))
    got = fir.upfirdn(x, f, 1, 1, (1, 1, 2, 1), 4.0, False, end)
    double = [None if t is None else t.double() for t in (end.scale, end.noise, end.bias)]
    y = upfirdn2d_reference(x.double(), f.double(), padding=(1, 1, 2, 1), gain=4.0)
    same(got, finish_reference(y, End(end.gain, end.slope, end.clamp, *double)), 5e-6)


def epilogue_cases() -> None:
    for order in (torch.contiguous_format, torch.channels_last):
        for shape in ((2, 8, 4, 6), (3, 3, 9, 11), (2, 8, 16, 12)):
            N, C, H, W = shape
            x = pitted(*shape).contiguous(memory_format=order)
            end = End(2**0.5, 0.2, 1.1, randn(N, C, seed=1), randn(N, 1, H, W, seed=2), randn(C, seed=3))
            double = [None if t is None else t.double() for t in (end.scale, end.noise, end.bias)]
            want = finish_reference(x.double(), End(end.gain, end.slope, end.clamp, *double))
            same(epilogue.finish(x, end), want, 1e-6)


def adain_cases() -> None:
    for order in (torch.contiguous_format, torch.channels_last):
        for shape in ((2, 3, 5, 7), (2, 35, 9, 20), (2, 3, 68, 70)):
            N, C, H, W = shape
            wide = (pitted(N, 2 * C, H, W) * 0.3 + 2).contiguous(memory_format=order)
            wide[0, 0] = 2.0  # a constant map: without eps it has no value
            x, scale, shift = wide[:, :C], randn(N, C, seed=1), randn(N, C, seed=2)
            want = adain_reference(x.double(), scale.double(), shift.double())
            same(adain.adain(x, scale, shift, EPS), want, 5e-6)
            x = pitted(*shape).contiguous(memory_format=order)
            same(adain.adain(x, scale, shift, EPS), adain_reference(x.double(), scale.double(), shift.double()), 5e-6)


def rgba_cases() -> None:
    for C in (1, 3):
        for size in (11, 16):
            x = pitted(C, 16, size) * 0.7
            out = torch.full((16 * size * 4 + 1024,), 9, dtype=torch.uint8)
            rgba.pack_into(x, out.data_ptr())
            assert out[: 16 * size * 4].reshape(16, size, 4).equal(to_rgba8_reference(x))
            assert bool((out[16 * size * 4 :] == 9).all())


CASES: dict[str, tuple[Callable[[], None], ...]] = {
    "fir.cu": (fir_cases,), "epilogue.cu": (epilogue_cases,), "rgba.cu": (rgba_cases,),
    "adain.cu": (adain_cases,),
    "common.cuh": (epilogue_cases,),
}  # fmt: skip


EVERY = (fir_cases, epilogue_cases, adain_cases, rgba_cases)


def survives(gpu: FakeGpu, cases: tuple[Callable[[], None], ...]) -> bool:
    """Whether every case passes in every order of threads."""
    for order in (0, 1, 5):
        gpu.order(order)
        try:
            for case in cases:
                case()
        except (AssertionError, CudaError):
            return False
    return True


@contextmanager
def few_blocks() -> Iterator[None]:
    """Grids so small that every block takes more than one turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fir, "MAX_PLANES", 4)
        patch.setattr(epilogue, "MAX_BLOCKS", 1)
        yield


@pytest.fixture
def gpu():
    with fake_gpu(flags=()) as gpu, torch.inference_mode(), few_blocks():
        yield gpu


def test_without_a_mutation_all_cases_pass(gpu: FakeGpu):
    assert survives(gpu, EVERY)


def test_every_mutant_is_killed(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    prebuild(gpu, monkeypatch)
    alive = []
    for mutant in MUTANTS:
        name, changed = mutated(*mutant)
        with_text(monkeypatch, name, changed)
        program.forget()
        if in_a_child(lambda name=name: survives(gpu, CASES[name])):
            alive.append(mutant)
    assert not alive


def in_a_child(question: Callable[[], bool]) -> bool:
    """The answer from a forked process: a mutant may write anywhere, and a crash is a death too."""
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what the C library says of broken memory
        os._exit(0 if question() else 1)
    return os.waitpid(child, 0)[1] == 0


def prebuild(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build the mutants' twins two at a time; the same constants serve for all mutants of a kernel."""
    survives(gpu, EVERY)
    originals = list(gpu.compiler.compiled)
    texts = {file: program.text(file) for file in ("common.cuh", "fir.cu", "epilogue.cu", "adain.cu", "rgba.cu")}
    wanted = []
    for mutant in MUTANTS:
        name, changed = mutated(*mutant)
        kernels = {"common.cuh": ("epilogue.cu",)}.get(name, (name,))
        for source in originals:
            if any(texts[k] in source for k in kernels):
                wanted.append(twin_text(source.replace(texts[name], changed)))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, wanted))


def with_text(monkeypatch: pytest.MonkeyPatch, name: str, changed: str) -> None:
    monkeypatch.setattr(program, "text", lambda f: changed if f == name else (program.KERNELS / f).read_text())
