"""How fast a network runs on each path of the CPU: interleaved frames, per step, against the machine's own peak."""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from cuda_ops import cpu
from engine.checkpoints import Contents, write_native
from engine.networks import stylegan2, stylegan3
from engine.networks.common import Generator, Inputs, MappingConfig, State, Step

PEAK_SIZE = 1024  # side of the matrices whose product measures the machine
PATHS = ("reference", "torch", "numba")


@dataclass(frozen=True)
class Times:
    """Milliseconds of a frame: median and 95th percentile on the clock, and median of processor time."""

    p50: float
    p95: float
    cpu: float


@dataclass(frozen=True)
class PathReport:
    """One path on one network. `steps` are median milliseconds of processor time, in the order of the network;
    `error` is the largest difference of the picture from the first path's, over that picture's largest value."""

    path: str
    times: Times
    steps: tuple[float, ...]
    error: float


@dataclass(frozen=True)
class Comparison:
    """All paths on one network in one interleaved run; `gflop` is what plain convolutions of each step would cost."""

    network: str
    threads: int
    load: float  # of the machine before the run, in processes
    peak: float  # GFLOP/s of a matrix product with these threads, per second of processor time of a thread
    steps: tuple[str, ...]
    gflop: tuple[float, ...]
    paths: tuple[PathReport, ...]

    def ratio(self, path: str, against: str = "reference") -> float:
        """How many times less processor time `path` takes than `against`."""
        by_name = {p.path: p.times.cpu for p in self.paths}
        return by_name[against] / by_name[path]


@dataclass
class Samples:
    """What was measured of one path so far, in milliseconds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    steps: list[list[float]] = field(default_factory=list)
    picture: Tensor | None = None


def published(resolution: int, kind: str) -> Generator:
    """A generator with random weights in a published shape: `kind` is stylegan2, stylegan3-t or stylegan3-r."""
    torch.manual_seed(0)
    small = resolution <= 256
    mapping = MappingConfig(num_layers=8 if kind == "stylegan2" else 2)
    size = (512, 0, 512, resolution, 3, mapping)
    if kind == "stylegan2":
        channels = stylegan2.channel_plan(resolution, 16384 if small else 32768)
        G: Generator = stylegan2.StyleGAN2(stylegan2.Config(*size, channels=channels, conv_clamp=256.0))
    else:
        base = 16384 if small else 32768
        radial = {"channel_max": 1024, "conv_kernel": 1, "use_radial_filters": True}
        options = {"channel_base": 2 * base, **radial} if kind == "stylegan3-r" else {"channel_base": base}
        G = stylegan3.StyleGAN3(stylegan3.Config(*size, **options))  # type: ignore[arg-type]
    for name, p in G.named_parameters():
        if name.endswith("noise_strength"):
            p.data.fill_(0.1)
    return G.eval().requires_grad_(False)


def write_published(name: str, path: Path) -> None:
    """One of `NETWORKS` as a file that everything opens."""
    G = NETWORKS[name]()
    write_native({"G_ema": Contents(G.family, "generator", G.config, G.state_dict(), trained=False)}, path)


NETWORKS: dict[str, Callable[[], Generator]] = {
    "stylegan2-256": lambda: published(256, "stylegan2"),
    "stylegan2-1024": lambda: published(1024, "stylegan2"),
    "stylegan3-t-256": lambda: published(256, "stylegan3-t"),
    "stylegan3-r-256": lambda: published(256, "stylegan3-r"),
}


@torch.inference_mode()
def compare(
    name: str, G: Generator, paths: Sequence[str] = PATHS, frames: int = 5, threads: int | None = None
) -> Comparison:
    """Run `frames` frames on each path, taking turns, by `threads` threads (None: as many as torch is set to use).

    Before each of them goes one that is not counted: it finds memory and caches as another path left them.
    """
    load_before = load()
    before, threads_before = cpu.mode(), torch.get_num_threads()
    torch.set_num_threads(threads or threads_before)
    samples = {path: Samples() for path in paths}
    if "numba" in paths:
        cpu.wait()
    try:
        peak = gemm_peak()
        z = torch.randn(1, G.z_dim, generator=torch.Generator().manual_seed(1))
        ws = G.mapping(z, torch.zeros(1, G.c_dim))
        for n in range(frames):
            for path, sample in samples.items():
                cpu.use(path)
                for counted in (False, True):
                    _frame(G, Inputs(ws + 1e-3 * n), sample, counted)
        return Comparison(
            name, torch.get_num_threads(), load_before, peak, tuple(s.name for s in G.synthesis.steps),
            tuple(gflop(G, s) for s in G.synthesis.steps), _reports(samples),
        )  # fmt: skip
    finally:
        cpu.use(before)
        torch.set_num_threads(threads_before)


def _frame(G: Generator, inputs: Inputs, sample: Samples, counted: bool) -> None:
    wall, start = time.perf_counter(), time.process_time()
    last, laps, state = start, [], State()
    for _, after in G.synthesis.run(inputs):
        state, now = after, time.process_time()
        laps.append((now - last) * 1e3)
        last = now
    if counted:
        sample.wall.append((time.perf_counter() - wall) * 1e3)
        sample.cpu.append((last - start) * 1e3)
        sample.steps.append(laps)
    sample.picture = G.synthesis.picture(state)


def _reports(samples: dict[str, Samples]) -> tuple[PathReport, ...]:
    pictures = [s.picture for s in samples.values() if s.picture is not None]
    first, reports = pictures[0], []
    for (path, s), picture in zip(samples.items(), pictures):
        p95 = sorted(s.wall)[round(0.95 * (len(s.wall) - 1))]
        times = Times(statistics.median(s.wall), p95, statistics.median(s.cpu))
        error = float((picture - first).abs().max() / first.abs().max())
        reports.append(PathReport(path, times, tuple(map(statistics.median, zip(*s.steps))), error))
    return tuple(reports)


def load() -> float:
    """Processes that wait for a processor, averaged over a minute; nan where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def gemm_peak(clock: Callable[[], float] = time.process_time, repeats: int = 5) -> float:
    """Best GFLOP/s of a float32 matrix product: of one thread by its processor time, of all by `time.perf_counter`."""
    a, out = torch.randn(PEAK_SIZE, PEAK_SIZE), torch.empty(PEAK_SIZE, PEAK_SIZE)
    best = float("inf")
    for _ in range(repeats):
        start = clock()
        torch.mm(a, a, out=out)
        best = min(best, clock() - start)
    return 2 * PEAK_SIZE**3 / best / 1e9


def gflop(G: Generator, step: Step) -> float:
    """Multiplications and additions, in thousand millions, of the step's convolution done plainly."""
    layer = dict(G.synthesis.named_modules()).get(step.name)
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim != 4:
        return 0.0
    plan, (_, H, W) = getattr(layer, "plan", None), step.shape
    pixels = (plan.in_size + plan.kernel - 1) ** 2 if plan else H * W // getattr(layer, "up", 1) ** 2
    return 2 * weight.numel() * pixels / 1e9
