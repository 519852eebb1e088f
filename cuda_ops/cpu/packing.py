"""Weights and filters in the form that the compiled kernels read; each is prepared once."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import upconv, winograd
from cuda_ops.cpu.banded import factors
from cuda_ops.cpu.gemm import ROWS


def packed(U: Tensor) -> Tensor:
    """[M, O, C] -> [M, O / ROWS, C, ROWS] in float32, O filled up with zeros."""
    M, O, C = U.shape
    groups = -(-O // ROWS)
    U = F.pad(U.float(), (0, 0, 0, groups * ROWS - O)).reshape(M, groups, ROWS, C)
    return U.transpose(2, 3).contiguous()


def pointwise_weight(weight: Tensor) -> Tensor:
    """[O, C, k, k] -> [O / ROWS, C k k, ROWS]"""
    return packed(weight.flatten(1)[None])


def scattered_weight(weight: Tensor, flip: bool) -> Tensor:
    """[O, C, 3, 3] -> [9 O / ROWS, C, ROWS]: what every input adds to nine outputs of a transposed convolution."""
    w = weight if flip else weight.flip([2, 3])
    return packed(w.permute(0, 2, 3, 1).flatten(0, 2)[None])


def winograd_weight(weight: Tensor) -> Tensor:
    """[O, C, 3, 3] -> [36, O / ROWS, C, ROWS]"""
    G = torch.from_numpy(winograd.KERNEL)
    return packed(torch.einsum("ia,jb,ocab->ijoc", G, G, weight.double()).flatten(0, 1))


def up_weight(weight: Tensor, flip: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices [36, O / ROWS, C, ROWS] of `upconv`, and the kernels [3 O, C] of the last row and column."""
    w = (weight if flip else weight.flip([2, 3])).double()
    G = torch.from_numpy(upconv.KERNEL)  # [5, 2]
    even = w[:, :, [2, 0]]  # [O, C, 2, 3]
    parts = [
        torch.einsum("ia,jb,ocab->ijoc", G, G, even[..., [2, 0]]).flatten(0, 1),
        torch.einsum("ia,oca->ioc", G, even[..., 1]),
        torch.einsum("jb,ocb->joc", G, w[:, :, 1, [2, 0]]),
        w[None, :, :, 1, 1],
    ]
    below, beside = (edge.permute(2, 0, 1).flatten(0, 1).float().contiguous() for edge in (w[:, :, 2], w[..., 2]))
    return packed(torch.cat(parts)), below, beside


def correlated(f: Tensor) -> Tensor | None:
    """Down and across [2, 4] of a separable filter, turned round and doubled for the upsampling; None for others."""
    columns, rows = factors(f)
    return torch.stack([columns[0], rows[0]]).flip(1).mul(2).contiguous() if len(columns) == 1 else None


def halves(fd: Tensor) -> Tensor | None:
    """First halves [2, rank, 6] of the columns and rows that make up a symmetric filter; None for any other."""
    columns, rows = factors(fd)
    both = torch.stack([columns, rows])  # [2, rank, 12]
    if (both - both.flip(2)).abs().max() > 1e-6 * both.abs().max():
        return None
    return both[:, :, :6].contiguous()
