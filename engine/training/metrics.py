"""Measures of a generator that need no downloaded network: sliced Wasserstein distance and perceptual path length."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.networks.common import Generator, Noise

PATCH, PATCHES = 7, 128  # size of a descriptor, descriptors from a picture: Karras et al. 2018, section 5
DIRECTIONS, REPEATS = 128, 4
SMALLEST = 16  # resolution of the coarsest level


# --- sliced Wasserstein distance ----------------------------------------------------------------------------------


def sliced_wasserstein(real: Tensor, fake: Tensor, seed: int = 0) -> dict[int, float]:
    """Distance between two sets of pictures [N, 3, R, R] in -1..1 at each level of a Laplacian pyramid, times 1000.

    Keys are the resolutions R, R/2 ... 16. Patches of 7x7 pixels from every level, normalised by channel, are
    projected on random directions, on which Wasserstein distances are those of sorted numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    count = min(len(real), len(fake))
    levels = zip(laplacian_pyramid(real[:count]), laplacian_pyramid(fake[:count]))
    distances = {}
    for a, b in levels:
        one, other = descriptors(a, generator), descriptors(b, generator)
        distances[a.shape[3]] = 1000 * sliced_distance(normalised(one), normalised(other), generator)
    return distances


def laplacian_pyramid(img: Tensor) -> list[Tensor]:
    """Levels from fine to coarse; each but the last holds what the next one lacks."""
    levels = []
    while img.shape[3] > SMALLEST:
        small = halve(img)
        levels.append(img - double(small))
        img = small
    return [*levels, img]


def halve(img: Tensor) -> Tensor:
    """Gaussian filter [1 4 6 4 1], then every second pixel."""
    return F.conv2d(F.pad(img, (2, 2, 2, 2), mode="reflect"), _gaussian(img), stride=2, groups=img.shape[1])


def double(img: Tensor) -> Tensor:
    """Zeros between pixels, then the same filter, keeping the mean."""
    N, C, H, W = img.shape
    stuffed = img.new_zeros(N, C, H, 2, W, 2)
    stuffed[:, :, :, 0, :, 0] = img
    stuffed = F.pad(stuffed.reshape(N, C, 2 * H, 2 * W), (2, 2, 2, 2), mode="reflect")
    return F.conv2d(stuffed, _gaussian(img) * 4, groups=C)


def _gaussian(img: Tensor) -> Tensor:
    taps = img.new_tensor([1.0, 4, 6, 4, 1]) / 16
    return torch.outer(taps, taps).expand(img.shape[1], 1, 5, 5)


def descriptors(img: Tensor, generator: torch.Generator) -> Tensor:
    """Random patches [N * PATCHES, C, PATCH, PATCH] of pictures [N, C, H, W]."""
    N, _, H, W = img.shape
    y = torch.randint(H - PATCH + 1, [N, PATCHES], generator=generator)
    x = torch.randint(W - PATCH + 1, [N, PATCHES], generator=generator)
    windows = img.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # [N, C, H', W', PATCH, PATCH]
    return windows[torch.arange(N)[:, None], :, y, x].flatten(0, 1)


def normalised(patches: Tensor) -> Tensor:
    """Patches with mean 0 and deviation 1 in each channel, flattened [M, C PATCH PATCH]."""
    patches = patches - patches.mean(dim=[0, 2, 3], keepdim=True)
    return (patches / patches.std(dim=[0, 2, 3], keepdim=True, unbiased=False).clamp(min=1e-12)).flatten(1)


def sliced_distance(a: Tensor, b: Tensor, generator: torch.Generator) -> float:
    """Mean over random directions of the Wasserstein distance of two point sets [M, D]."""
    total = 0.0
    for _ in range(REPEATS):
        directions = torch.randn(a.shape[1], DIRECTIONS, generator=generator)
        directions = directions / directions.norm(dim=0)
        one, other = (a @ directions).sort(dim=0).values, (b @ directions).sort(dim=0).values
        total += float((one - other).abs().mean())
    return total / REPEATS


# --- perceptual path length ---------------------------------------------------------------------------------------


@torch.no_grad()
def path_length(
    G: Generator,
    distance: Callable[[Tensor, Tensor], Tensor],
    samples: int = 1000,
    space: str = "w",
    seed: int = 0,
    step: float = 1e-4,
) -> float:
    """Mean change of the picture, by `distance` [N], for a `step` from one latent to another, divided by step^2.

    `space` is w (straight lines) or z (great circles): Karras et al. 2019, section 4.1. The noise of a pair is the
    same; samples below the 1st and above the 99th percentile are left out.
    """
    generator = torch.Generator().manual_seed(seed)
    lengths = []
    for start in range(0, samples, 16):
        n = min(16, samples - start)
        t = torch.rand(n, 1, generator=generator)
        ends = [torch.randn(n, G.z_dim, generator=generator) for _ in range(2)]
        c = torch.eye(G.c_dim)[torch.randint(G.c_dim, [n], generator=generator)] if G.c_dim else None
        pair = [_between(G, ends, c, t + shift, space) for shift in (0.0, step)]
        noise = Noise("random", seed=seed + start)
        images = [G.synthesis(ws, noise=noise) for ws in pair]
        lengths.append(distance(*images) / step**2)
    values = torch.cat(lengths).double().sort().values
    low, high = int(0.01 * (len(values) - 1)), -(-99 * (len(values) - 1) // 100)
    return float(values[low : high + 1].mean())


def _between(G: Generator, ends: list[Tensor], c: Tensor | None, t: Tensor, space: str) -> Tensor:
    if space == "w":
        a, b = (G.mapping(z, c) for z in ends)
        return torch.lerp(a, b, t[:, :, None])
    a, b = (z / z.norm(dim=1, keepdim=True) for z in ends)
    angle = (a * b).sum(dim=1, keepdim=True).acos() * t
    across = b - (a * b).sum(dim=1, keepdim=True) * a
    z = a * angle.cos() + across / across.norm(dim=1, keepdim=True) * angle.sin()
    return G.mapping(z, c)


def rgb_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean square difference [N] of pictures [N, 3, H, W] in bytes (0..255): a distance that needs no network."""
    return ((a - b) * 127.5).square().mean(dim=[1, 2, 3])
