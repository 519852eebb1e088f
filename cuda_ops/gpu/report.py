"""What `doctor --gpu` tells: the check's verdict, and every kernel's time beside torch's and its floor."""

import logging
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
from torch import Tensor

from cuda_ops.gpu import cache, check, choice, device, layout, nvrtc, program, verdict
from cuda_ops.gpu.cases import DTYPES, cases, layout_of
from cuda_ops.modulated_conv import modulated_layer
from cuda_ops.upfirdn import filter_on

log = logging.getLogger(__name__)

COPIED_BYTES = 256 << 20  # moved to and fro to learn the memory's speed


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call; `floor_ms` is the least that memory and arithmetic would allow."""

    what: str
    precision: str
    kernel_ms: float | None
    torch_ms: float
    floor_ms: float
    wrong: str | None


def facts(index: int) -> Iterator[tuple[str, str]]:
    """Names and versions that decide about the kernels."""
    who = device.here.identity(index)
    yield "System", platform.platform()
    yield "GPU", f"{who.gpu}, compute capability {who.capability / 10}"
    yield "Driver", f"supports CUDA {who.driver}"
    yield "PyTorch", f"{who.torch}, made for CUDA {device.here.cuda_major()}"
    try:
        compiler = program.compiler()
        yield "NVRTC", f"{compiler.version[0]}.{compiler.version[1]}, compiling for {compiler.arch_for(who.capability)}"
    except nvrtc.CompileError as error:
        yield "NVRTC", str(error)
    yield "Kernel cache", str(cache.folder())


@torch.inference_mode()
def timings(index: int, off: frozenset[str] = frozenset(), large: bool = True) -> Iterator[Timing]:
    """Every case once by its kernel, unless that is `off`, and once by torch."""
    where = f"{choice.kind}:{index}"
    speed, rate = bandwidth(where, COPIED_BYTES if large else 1 << 16), device.here.fp32_rate(index)
    for case in cases(where, large):
        wrong = "off" if case.kernel in off else check.judge(case)
        fast = None if wrong else device.here.time(case.fast)
        with choice.reference():
            plain = device.here.time(lambda case=case: case.plain(case.x))
        floor = max(case.bytes / speed, case.flops / rate)
        yield Timing(case.what, case.kernel.split()[-1], fast, plain, floor, wrong)
    for what, x, layer in layers(where, large):
        with choice.reference():
            plain = device.here.time(layer)
        moved = 2 * x.numel() * x.element_size()
        precision = "fp16" if x.dtype == torch.float16 else "fp32"
        yield Timing(what, precision, device.here.time(layer), plain, moved / speed, None)


def layers(where: str, large: bool) -> Iterator[tuple[str, Tensor, Callable[[], Tensor]]]:
    """Modulated convolutions with the end of their layer: torch convolves, kernels do what follows."""
    (C, size), before = (64, 512) if large else (8, 16), layout.wanted()
    for dtype, order, up in product(DTYPES, (torch.contiguous_format, torch.channels_last), (1, 2)):
        x = torch.randn(1, C, size // up, size // up, device=where).to(dtype).contiguous(memory_format=order)
        weight, styles, bias = (torch.randn(s, device=where) for s in ((C // up, C, 3, 3), (1, C), (C // up,)))
        f = filter_on((1.0, 3.0, 3.0, 1.0), x.device)
        run = partial(modulated_layer, x, weight, styles, bias, up=up, padding=1, resample_filter=f, clamp=256.0)
        name = f"layer of {C} to {C // up} channels{', up 2' if up > 1 else ''}, {layout_of(x)}"
        layout.use(order)
        yield name, x, run
        layout.use(before)


def bandwidth(where: str, size: int) -> float:
    """Bytes per millisecond that a copy within this GPU's memory reads and writes: measured, not looked up."""
    x = torch.empty(size, dtype=torch.uint8, device=where)
    y = torch.empty_like(x)
    return 2 * size / device.here.time(lambda: y.copy_(x))


def text(index: int, large: bool = True) -> Iterator[str]:
    """The whole report, line by line, as it comes to be known."""
    for name, value in facts(index):
        yield f"{name}: {value}"
    known = verdict.anew(index)
    yield ""
    for name in verdict.KERNELS:
        yield f"{name}: {'OFF, ' + known.off[name] if name in known.off else 'right'}"
    yield ""
    yield f"{'milliseconds':58} {'':5} {'kernel':>8} {'torch':>8} {'floor':>8} {'reached':>8}"
    for t in timings(index, frozenset(known.off), large):
        mine = f"{t.kernel_ms:8.3f}" if t.kernel_ms is not None else f"{'-':>8}"
        note = f"  {t.wrong}" if t.wrong else f" {t.floor_ms / t.kernel_ms:8.0%}" if t.kernel_ms else ""
        yield f"{t.what:58} {t.precision:5} {mine} {t.torch_ms:8.3f} {t.floor_ms:8.3f}{note}"
    yield "floor: the longer of two times: input read and output written once, at the speed of a copy measured here;"
    yield "       the arithmetic at this GPU's nominal FP32 rate (modelled, not measured); of layers the memory alone"
    yield "reached: floor / kernel; torch: the same operation without kernels"
