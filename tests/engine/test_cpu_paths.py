"""Whole networks on every path of the CPU: one picture, also after a restart half-way; and what bench makes of them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cuda_ops import cpu
from engine import bench
from engine.networks import stylegan2, stylegan3
from engine.networks.common import Generator, Inputs, MappingConfig, Noise
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine import tiny

MAPPING = MappingConfig(num_layers=2)


def small_stylegan2(architecture: str) -> Generator:
    torch.manual_seed(3)
    config = stylegan2.Config(16, 0, 16, 64, 3, MAPPING, channels=(24, 24, 20, 16, 12), conv_clamp=256.0)
    config = stylegan2.Config(**{**vars(config), "architecture": architecture})
    return stylegan2.StyleGAN2(config).eval().requires_grad_(False)


def small_stylegan3(radial: bool) -> Generator:
    torch.manual_seed(3)
    config = stylegan3.Config(
        16, 0, 16, 64, 3, MAPPING, channel_base=1024, channel_max=24, num_layers=6,
        conv_kernel=1 if radial else 3, use_radial_filters=radial,
    )  # fmt: skip
    return stylegan3.StyleGAN3(config).eval().requires_grad_(False)


NETWORKS = {
    "skip": lambda: small_stylegan2("skip"),
    "resnet": lambda: small_stylegan2("resnet"),
    "T": lambda: small_stylegan3(False),
    "R": lambda: small_stylegan3(True),
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = cpu.mode()
    yield
    cpu.use(before)


def picture(G: Generator, path: str, inputs: Inputs, restart: int = 0) -> torch.Tensor:
    cpu.use(path)
    states = [state for _, state in G.synthesis.run(inputs)]
    again = [state for _, state in G.synthesis.run(inputs, restart, states[restart - 1] if restart else None)]
    return G.synthesis.picture(again[-1])


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_every_path_gives_the_reference_picture(name: str):
    assert cpu.wait().stage == "ready", cpu.status().why
    with torch.inference_mode(False):
        G = NETWORKS[name]()
    inputs = Inputs(
        G.mapping(torch.randn(2, 16, generator=torch.Generator().manual_seed(0))), Noise("random", seed=4)
    )
    want = picture(G, "reference", inputs)
    for path in ("torch", "numba"):
        for restart in (0, 4):
            got = picture(G, path, inputs, restart)
            assert (got - want).abs().max() <= 1e-5 * want.abs().max(), (path, restart)


@torch.inference_mode()
def test_a_new_frame_leaves_the_states_of_the_last_one_alone():
    assert cpu.wait().stage == "ready", cpu.status().why
    cpu.use("numba")
    with torch.inference_mode(False):
        G = NETWORKS["skip"]()
    ws = G.mapping(torch.randn(1, 16))
    kept = [state.out for _, state in G.synthesis.run(Inputs(ws))]
    copies = [out.clone() for out in kept if out is not None]
    for _ in range(3):
        for _ in G.synthesis.run(Inputs(ws + 1)):
            pass
    assert all(torch.equal(a, b) for a, b in zip(kept, copies))


def test_bench_compares_the_paths_and_restores_what_it_sets():
    cpu.use("torch")
    G, threads = small_stylegan2("skip"), torch.get_num_threads()
    report = bench.compare("small", G, paths=("reference", "torch"), frames=2, threads=1)
    assert [p.path for p in report.paths] == ["reference", "torch"]
    assert report.paths[0].error == 0 and report.paths[1].error < 1e-5
    assert len(report.steps) == len(report.gflop) == len(report.paths[0].steps)
    assert report.ratio("reference") == 1 and report.peak > 0
    assert cpu.mode() == "torch" and torch.get_num_threads() == threads


def test_bench_counts_the_work_of_a_convolution():
    G = small_stylegan2("skip")
    steps = {step.name: step for step in G.synthesis.steps}
    assert bench.gflop(G, steps["b8.conv1"]) == pytest.approx(2 * 24 * 24 * 9 * 8 * 8 / 1e9)
    assert bench.gflop(G, steps["b16.conv0"]) == pytest.approx(2 * 24 * 20 * 9 * 8 * 8 / 1e9)
    T = small_stylegan3(False)
    plan = stylegan3.plan(T.config)[1]
    step = next(s for s in T.synthesis.steps if s.name == plan.name)
    positions = (plan.in_size + 2) ** 2
    assert bench.gflop(T, step) == pytest.approx(
        2 * plan.in_channels * plan.out_channels * 9 * positions / 1e9
    )


@pytest.mark.skipif(sys.platform != "linux", reason="a process's memory is read from /proc")
def test_memory_does_not_grow_with_the_frames():
    def pages() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1])

    renderer = Renderer(models=tiny.Shelf(tiny=tiny.stylegan2(resolution=128)))
    for n in range(150):
        if n == 50:
            before = pages()
        frame = renderer.render(Scene().set("latent.x", 0.01 * n))
        assert frame.error is None and frame.picture is not None
    picture = frame.picture.nbytes // os.sysconf("SC_PAGE_SIZE")
    assert pages() - before < 20 * picture  # a hundred frames that left but one picture behind would be five times that
