"""Principal components of an activation's pixels, found by iteration on a subspace: the first few are enough."""

import torch
from torch import Tensor

from engine.inspect.statistics import thinned

MOST_SAMPLES = 4096  # pixels that the axes are found from
EXTRA, ROUNDS = 5, 12


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
    pixels = x.float().flatten(1)  # [C, H W]
    sample = torch.nan_to_num(thinned(pixels, MOST_SAMPLES), 0.0, 0.0, 0.0)
    peak = sample.abs().max().clamp(min=1e-30)
    mean, found, variances = axes((sample / peak).t())
    found = found / variances.sqrt().clamp(min=1e-12)[:, None]  # [3, C]
    scores = (found / peak) @ pixels - (found @ mean)[:, None]  # NaN wherever a channel is
    return scores.t().reshape(H, W, 3)
