"""How far apart two sets of features [N, D] lie: Fréchet distance, kernel distance, precision and recall."""

import torch
from torch import Tensor

SUBSETS, SUBSET_SIZE = 100, 1000  # of the kernel distance
NEIGHBOUR = 3  # that decides how far a point's neighbourhood reaches
ROWS = 1000  # of distances computed at once
FEWEST = 10  # features in a set


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """|mu_r - mu_f|^2 + tr(S_r + S_f - 2 (S_r S_f)^(1/2)) with covariances over n - 1: FID, Heusel et al. 2017.

    With S = A^T A of the centred features A, the trace of the root is the sum of the singular values of A_r A_f^T;
    the triangles of QR decompositions stand for the A, so that no size is larger than D.
    """
    means, triangles = [], []
    for features in (real.double(), fake.double()):
        mean = features.mean(dim=0)
        means.append(mean)
        centred = (features - mean) / (len(features) - 1) ** 0.5
        triangles.append(torch.linalg.qr(centred, mode="r").R)
    a, b = triangles
    shared = torch.linalg.svdvals(a @ b.T).sum()
    return float((means[0] - means[1]).square().sum() + a.square().sum() + b.square().sum() - 2 * shared)


def kernel_distance(real: Tensor, fake: Tensor, seed: int = 0) -> float:
    """Unbiased squared maximum mean discrepancy with k(a, b) = (a.b / D + 1)^3: KID, Binkowski et al. 2018.

    Mean over 100 random subsets of 1000 features, or of all where there are fewer. May be negative.
    """
    real, fake = real.double(), fake.double()
    size = min(SUBSET_SIZE, len(real), len(fake))
    generator = torch.Generator().manual_seed(seed)
    total = 0.0
    for _ in range(SUBSETS):
        a, b = (x[torch.randperm(len(x), generator=generator)[:size].to(x.device)] for x in (real, fake))
        within = _kernel(a, a).fill_diagonal_(0) + _kernel(b, b).fill_diagonal_(0)
        total += float(within.sum() / (size * (size - 1)) - 2 * _kernel(a, b).mean())
    return total / SUBSETS


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def precision_recall(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """Share of fakes near a real, share of reals near a fake: Kynkäänniemi et al. 2019, with k = 3.

    Near is what lies no farther from a point than its own third neighbour in its set.
    """
    real, fake = real.double(), fake.double()
    return _covered(fake, real), _covered(real, fake)


def _covered(points: Tensor, centres: Tensor) -> float:
    """Share of `points` in the neighbourhood of any of `centres`."""
    radii = torch.cat([
        torch.cdist(part, centres).kthvalue(NEIGHBOUR + 1, dim=1).values  # the nearest is the point itself
        for part in centres.split(ROWS)
    ])  # fmt: skip
    inside = [(torch.cdist(part, centres) <= radii).any(dim=1) for part in points.split(ROWS)]
    return float(torch.cat(inside).double().mean())
