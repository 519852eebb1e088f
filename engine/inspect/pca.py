"""Principal components of an activation's pixels, found by iteration on a subspace: the first few are enough."""

import torch
from torch import Tensor

MOST_SAMPLES = 4096  # pixels that the axes are found from
EXTRA, ROUNDS = 5, 24


def axes(x: Tensor, count: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Mean [C], axes [count, C] and variances [count] of rows [P, C], largest variance first.

    The sign of an axis is such that its largest entry is positive, so that pictures of it do not flicker.
    Axes beyond the rank of the data are zero.
    """
    P, C = x.shape
    mean = x.mean(dim=0)
    x = x - mean
    wanted = min(count, C, P)
    width = min(wanted + EXTRA, C)
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(C, width, generator=generator).to(x)
    for _ in range(ROUNDS):
        v = torch.linalg.qr(x.t() @ (x @ v))[0]  # [C, width]
    small = (x @ v).t() @ (x @ v) / P
    variances, turn = torch.linalg.eigh(small)  # rising
    found = (v @ turn).flip(1)[:, :wanted].t()  # [wanted, C]
    variances = variances.flip(0)[:wanted].clamp(min=0)
    lead = found.abs().argmax(dim=1, keepdim=True)
    found = found * torch.where(found.gather(1, lead) < 0, -1.0, 1.0)
    found = found * (variances > 1e-12 * variances.max().clamp(min=1e-30)).to(found)[:, None]
    if wanted < count:
        found = torch.cat([found, found.new_zeros(count - wanted, C)])
        variances = torch.cat([variances, variances.new_zeros(count - wanted)])
    return mean, found, variances


def components(x: Tensor) -> Tensor:
    """The first three components [H, W, 3] of the pixels of [C, H, W], each scaled by its standard deviation."""
    _, H, W = x.shape
    rows = x.float().flatten(1).t()  # [H W, C]
    good = torch.isfinite(rows).all(dim=1)
    clean = torch.nan_to_num(rows, 0.0, 0.0, 0.0) if not bool(good.all()) else rows
    peak = clean.abs().max().clamp(min=1e-30)
    clean = clean / peak
    mean, found, variances = axes(clean[:: max(1, len(clean) // MOST_SAMPLES)])
    scores = (clean - mean) @ found.t() / variances.sqrt().clamp(min=1e-12)  # [H W, 3]
    scores[~good] = torch.nan
    return scores.reshape(H, W, 3)
