"""How well a generator's pictures move and turn with its input: EQ-T and EQ-R of Karras et al. 2021, appendix E."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.upfirdn import filter2d, upfirdn2d
from engine.networks.common import Generator
from engine.training.settings import TrainingError

FARTHEST = 1 / 8  # of the picture's width, for translations
WINDOW, TAPS, PERIOD, OVERSAMPLING = 3, 6, 64, 4  # Lanczos window, filter and grid half widths in pixels
BATCH = 4
Moved = tuple[Tensor, Tensor, Tensor]  # reference, what the network made, mask


@torch.no_grad()
def equivariance(G: Generator, samples: int = 64, seed: int = 0) -> dict[str, float]:
    """PSNR in dB of EQ-T (whole pixels), EQ-T_frac and EQ-R, each over `samples` pictures of size [-1, 1].

    Raises TrainingError for a generator whose input cannot be transformed.
    """
    if not G.synthesis.has_input_transform:
        raise TrainingError(
            "Equivariance: expected a StyleGAN3, whose input can be moved, found a network without."
        )
    measures: dict[str, Callable[[Tensor, Callable[[Tensor], Tensor], torch.Generator], Moved]]
    measures = {"eq_t": whole_shift, "eq_t_frac": fractional_shift, "eq_r": turn}
    generator = torch.Generator().manual_seed(seed)
    sums = {name: torch.zeros(2, dtype=torch.double) for name in measures}
    for _ in range(0, samples, BATCH):
        z = torch.randn(BATCH, G.z_dim, generator=generator)
        c = torch.eye(G.c_dim)[torch.randint(G.c_dim, [BATCH], generator=generator)] if G.c_dim else None
        ws = G.mapping(z, c)

        def draw(transform: Tensor, ws: Tensor = ws) -> Tensor:
            return G.synthesis(ws, input_transform=transform)

        still = draw(torch.eye(3))
        for name, measure in measures.items():
            reference, moved, mask = measure(still, draw, generator)
            error = (mask * (reference - moved).double().square()).sum()
            sums[name] += torch.stack([error, mask.double().sum()])
    return {name: psnr(float(error), float(count)) for name, (error, count) in sums.items()}


def psnr(error: float, count: float) -> float:
    """10 log10(2^2 / MSE) of values that span -1..1."""
    return math.inf if error == 0 else 10 * math.log10(4 * count / error)


# --- translation --------------------------------------------------------------------------------------------------


def whole_shift(still: Tensor, draw: Callable[[Tensor], Tensor], generator: torch.Generator) -> Moved:
    """A shift by whole pixels: the reference is the picture itself, moved."""
    R = still.shape[3]
    x, y = ((torch.rand(2, generator=generator) * 2 - 1) * FARTHEST * R).round().int().tolist()
    reference, mask = torch.zeros_like(still), torch.zeros_like(still)
    there = (..., slice(max(y, 0), R + min(y, 0)), slice(max(x, 0), R + min(x, 0)))
    here = (..., slice(max(-y, 0), R + min(-y, 0)), slice(max(-x, 0), R + min(-x, 0)))
    reference[there], mask[there] = still[here], 1
    return reference, draw(shift_matrix(x / R, y / R)), mask


def fractional_shift(still: Tensor, draw: Callable[[Tensor], Tensor], generator: torch.Generator) -> Moved:
    """A shift by fractions of pixels: the reference is interpolated by a Lanczos filter."""
    R = still.shape[3]
    x, y = ((torch.rand(2, generator=generator) * 2 - 1) * FARTHEST * R).tolist()
    reference, mask = still, torch.ones_like(still)
    for axis, t in ((3, x), (2, y)):
        whole, fraction = math.floor(t), t - math.floor(t)
        k = torch.arange(-2, 4) - fraction
        taps = torch.sinc(k) * torch.sinc(k / WINDOW)
        parts = [h * reference.roll(whole + i, axis) for i, h in zip(range(-2, 4), taps / taps.sum())]
        reference = torch.stack(parts).sum(dim=0)
        inside = torch.zeros(R)
        inside[max(whole + 3, 0) : R + min(whole - 2, 0)] = 1
        mask = mask * inside.reshape([R if a == axis else 1 for a in range(4)])
    return reference, draw(shift_matrix(x / R, y / R)), mask


def shift_matrix(x: float, y: float) -> Tensor:
    """Input transform [3, 3] that moves the content right and down by fractions of the width."""
    return torch.tensor([[1.0, 0, -x], [0, 1, -y], [0, 0, 1]])


# --- rotation -----------------------------------------------------------------------------------------------------


def turn(still: Tensor, draw: Callable[[Tensor], Tensor], generator: torch.Generator) -> Moved:
    """A rotation by any angle; both pictures are limited to the frequencies that survive it."""
    angle = (float(torch.rand([], generator=generator)) * 2 - 1) * math.pi
    back = torch.eye(3)
    back[:2, :2] = rotation(-angle)
    reference, seen = rotated(still, angle)
    moved, inside = limited(draw(back), angle)
    return reference, moved, seen * inside


def rotation(angle: float) -> Tensor:
    """[[cos, sin], [-sin, cos]]"""
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, s], [-s, c]])


def rotated(img: Tensor, angle: float) -> tuple[Tensor, Tensor]:
    """Pictures [N, C, R, R] turned by `angle`, filtered against aliasing, and a mask of what could be computed."""
    N, C, R, _ = img.shape
    A, q = rotation(angle), OVERSAMPLING
    taps = band_limit(A, q)
    T = taps.shape[0]
    p = T // 2
    before, after = (T + q - 1) // 2 + p, (T - q) // 2 + p
    fine = upfirdn2d(img, taps, up=q, padding=(before, after, before, after), gain=q**2)
    theta = torch.cat([A.inverse(), torch.full([2, 1], 1 / (q * R))], dim=1) * (R / (R + 2 * p / q))
    grid = F.affine_grid(theta.expand(N, 2, 3), [N, C, R, R], align_corners=False)
    mask = torch.zeros_like(fine)
    edge = 2 * p + 1
    mask[..., edge:-edge, edge:-edge] = 1
    picture = F.grid_sample(fine, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return picture, F.grid_sample(mask, grid, mode="nearest", padding_mode="zeros", align_corners=False)


def limited(img: Tensor, angle: float) -> tuple[Tensor, Tensor]:
    """Pictures that were already turned, limited to the same frequencies, and a mask without the filter's edge."""
    taps = band_limit(rotation(-angle), 1)
    mask, edge = torch.zeros_like(img), taps.shape[0] // 2
    mask[..., edge:-edge, edge:-edge] = 1
    return filter2d(img, taps), mask


def band_limit(A: Tensor, q: int) -> Tensor:
    """Filter [T, T], at `q` taps a pixel, that passes what both a square pixel grid and its image under A can hold."""
    line = torch.arange(2 * PERIOD * q, dtype=torch.double) / q
    line = (line + PERIOD) % (2 * PERIOD) - PERIOD  # periodic, with its origin first
    y, x = torch.meshgrid(line, line, indexing="ij")
    A = A.double()
    u, v = A[0, 0] * x + A[0, 1] * y, A[1, 0] * x + A[1, 1] * y
    pass_band = _both(torch.sinc(x) * torch.sinc(y), torch.sinc(u) * torch.sinc(v))
    window = _both(_lanczos(x) * _lanczos(y), _lanczos(u) * _lanczos(v))
    half = TAPS * q - 1
    taps = (pass_band * window).roll([half, half], [0, 1])[: 2 * half + 1, : 2 * half + 1].clone()
    for i in range(q):
        for j in range(q):
            part = taps[i::q, j::q]
            part /= part.sum() * q**2
    return taps.float()


def _both(a: Tensor, b: Tensor) -> Tensor:
    return torch.fft.ifft2(torch.fft.fft2(a) * torch.fft.fft2(b)).real


def _lanczos(x: Tensor) -> Tensor:
    return torch.where(x.abs() < WINDOW, torch.sinc(x / WINDOW), torch.zeros_like(x))
