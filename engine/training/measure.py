"""All measures of one generator against its data, by the names that cards and metrics.jsonl give them."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from engine.networks.common import Generator, Noise
from engine.training import fidelity, metrics
from engine.training.data import Dataset, pictures
from engine.training.equivariance import equivariance
from engine.training.inception import FEATURES, Inception
from engine.training.settings import TrainingError

BATCH = 32
Progress = Callable[[int, int], None]  # done, of so many


@torch.no_grad()
def measure(
    G: Generator,
    dataset: Dataset,
    samples: int,
    *,
    seed: int = 0,
    lod: float | None = None,
    inception: Inception | None = None,
    progress: Progress = lambda done, total: None,
) -> dict[str, float]:
    """Metrics by name, of `samples` generated pictures at psi 1 with random noise, or as many as there are data.

    With `inception` FID, KID, precision and recall are among them. Raises TrainingError where data and network differ.
    """
    if G.img_channels != 3:
        raise TrainingError(f"Measures: expected a generator of colour pictures, found {G.img_channels} channel(s).")
    if (G.img_resolution, G.c_dim) != (dataset.images.shape[3], dataset.c_dim):
        raise TrainingError(
            f"--data: expected pictures of {G.img_resolution}x{G.img_resolution} with {G.c_dim} classes, found "
            f"{dataset.images.shape[3]}x{dataset.images.shape[3]} with {dataset.c_dim}; choose the network's own data."
        )
    count = counted(dataset, samples)
    if inception is not None and count < fidelity.FEWEST:
        raise TrainingError(f"--inception: expected at least {fidelity.FEWEST} pictures to compare, found {count}.")
    real = pictures(dataset, torch.arange(count), torch.zeros(count, dtype=torch.bool))[0]
    fake = generated(G, dataset.labels[:count], seed, lod)
    device = next(G.parameters()).device
    G = G if device.type == "cpu" else copy.deepcopy(G).cpu()  # where the rest is computed
    distances = metrics.sliced_wasserstein(real, fake)
    values = {
        f"sliced Wasserstein distance x 1000 at {size}x{size}": value for size, value in distances.items()
    }
    values["sliced Wasserstein distance x 1000, mean"] = sum(distances.values()) / len(distances)
    values["path length in w (mean square difference of bytes)"] = metrics.path_length(
        G, metrics.rgb_distance, 500
    )
    if inception is not None:
        values |= fidelities(inception.to(device), dataset.images[:count], as_bytes(fake), progress)
    if G.synthesis.has_input_transform:
        names = {"eq_t": "EQ-T, dB", "eq_t_frac": "EQ-T at fractions of pixels, dB", "eq_r": "EQ-R, dB"}
        values |= {names[name]: value for name, value in equivariance(G, samples // 10).items()}
    return values


def counted(dataset: Dataset, samples: int) -> int:
    """Pictures on each side."""
    return min(samples, len(dataset))


def generated(G: Generator, labels: Tensor, seed: int, lod: float | None) -> Tensor:
    """A picture [N, 3, R, R] for each label, on the CPU."""
    generator, device = torch.Generator().manual_seed(seed), next(G.parameters()).device
    parts = []
    for i, c in enumerate(labels.split(BATCH)):
        z = torch.randn(len(c), G.z_dim, generator=generator).to(device)
        noise = Noise("random", seed=seed + i)
        parts.append(G.synthesis(G.mapping(z, c.to(device)), noise=noise, lod=lod or None).cpu())
    return torch.cat(parts)


def as_bytes(img: Tensor) -> Tensor:
    """Pictures in -1..1 as uint8."""
    return (img * 127.5 + 128).clamp(0, 255).to(torch.uint8)


def fidelities(inception: Inception, real: Tensor, fake: Tensor, progress: Progress) -> dict[str, float]:
    """FID, KID, precision and recall of pictures [N, 3, R, R] in bytes."""
    features, total = [], len(real) + len(fake)
    for part in [*real.split(BATCH), *fake.split(BATCH)]:
        features.append(inception(part))
        progress(sum(map(len, features)), total)
    a, b = torch.cat(features).split([len(real), len(fake)])
    precision, recall = fidelity.precision_recall(a, b)
    return {
        "FID": fidelity.frechet_distance(a, b), "KID x 1000": 1000 * fidelity.kernel_distance(a, b),
        "precision": precision, "recall": recall,
    }  # fmt: skip


def remark(inception: Inception, count: int) -> str:
    """What must be known to compare the numbers of `fidelities` with others."""
    text = (
        f"FID, KID, precision and recall compare features of {inception.described} (precision and recall in the paper: "
        f"of VGG-16), of {count:,} pictures on each side, resized to 299x299 without antialiasing."
    )
    if count <= FEATURES:
        text += (
            f" A covariance of {FEATURES:,} features cannot be known from {count:,} pictures, so this FID is too high: "
            "compare it only with FIDs of as many pictures."
        )
    return text
