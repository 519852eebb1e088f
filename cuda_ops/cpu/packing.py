"""Weights and filters in the form that the compiled kernels read; each is prepared once."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import flrelu, upconv, winograd
from cuda_ops.cpu.banded import RANK_TOLERANCE, factors
from cuda_ops.cpu.gemm import ROWS

WELL = 0.1  # least singular value of a change of basis that loses no digits


def packed(U: Tensor) -> Tensor:
    """[O, C] -> [O / ROWS, C, ROWS] in float32, O filled up with zeros."""
    O, C = U.shape
    groups = -(-O // ROWS)
    U = F.pad(U.float(), (0, 0, 0, groups * ROWS - O)).reshape(groups, ROWS, C)
    return U.transpose(1, 2).contiguous()


def pointwise_weight(weight: Tensor) -> Tensor:
    """[O, C, k, k] -> [O / ROWS, C k k, ROWS]"""
    return packed(weight.flatten(1))


def strassen_weight(weight: Tensor) -> Tensor:
    """[O, C, 1, 1] -> [O / 2 ROWS, 7, C / 2, ROWS]: the sums of quarters that Strassen's seven products take."""
    O, C = weight.shape[:2]
    half, depth = -(-O // (2 * ROWS)) * ROWS, -(-C // 2)
    W = F.pad(weight.flatten(1).float(), (0, 2 * depth - C, 0, 2 * half - O))
    (a, b), (c, d) = (rows.split(depth, 1) for rows in W.split(half))
    return torch.stack([packed(U) for U in (a + d, c + d, a, d, a + b, c - a, b - d)], 1)


def scattered_weight(weight: Tensor, flip: bool) -> Tensor:
    """[O, C, 3, 3] -> [9 O / ROWS, C, ROWS]: what every input adds to nine outputs of a transposed convolution, O
    filled up with zeros."""
    w = weight if flip else weight.flip([2, 3])
    w = F.pad(w, (0, 0, 0, 0, 0, 0, 0, -len(w) % ROWS))  # so that nine groups hold ROWS maps
    return packed(w.permute(0, 2, 3, 1).flatten(0, 2))


def nine(weight: Tensor) -> Tensor:
    """[O, C, 3, 3] -> [O / ROWS, 9, plane of C]: each of the nine numbers of ROWS x C kernels, C before ROWS."""
    O, C = weight.shape[:2]
    groups = -(-O // ROWS)
    w = F.pad(weight.reshape(O, C * 9), (0, 0, 0, groups * ROWS - O)).view(groups, ROWS, C, 9)
    w = w.permute(0, 3, 2, 1).reshape(groups, 9, C * ROWS)
    return F.pad(w, (0, winograd.plane_of.py_func(C) - C * ROWS)).contiguous()


def winograd_weight(weight: Tensor, size: int) -> Tensor:
    """[O, C, 3, 3] -> [O / ROWS, (size + 2)^2, plane of C]: the same, transformed for tiles of `size` outputs."""
    C, w = weight.shape[1], nine(weight)
    U = w.new_empty(len(w), (size + 2) ** 2, w.shape[2])
    winograd.transform(0, len(w), 0, w.data_ptr(), U.data_ptr(), C, size)
    return U


def scattering(weight: Tensor, flip: bool) -> Tensor:
    """The same as `nine` of the kernel that a transposed convolution spreads every input with."""
    return nine(weight if flip else weight.flip([2, 3]))


def up_weight(weight: Tensor, flip: bool) -> Tensor:
    """[O, C, 3, 3] -> [O / ROWS, 36, plane of C]: the same, transformed for tiles of `upconv`."""
    C, w = weight.shape[1], scattering(weight, flip)
    U = w.new_empty(len(w), upconv.MATRICES, w.shape[2])
    upconv.transform(0, len(w), 0, w.data_ptr(), U.data_ptr(), C)
    return U


def correlated(f: Tensor) -> Tensor | None:
    """Down and across [2, 4] of a separable filter, turned round and doubled for the upsampling; None for others."""
    columns, rows = factors(f)
    return torch.stack([columns[0], rows[0]]).flip(1).mul(2).contiguous() if len(columns) == 1 else None


def halves(fd: Tensor) -> Tensor | None:
    """First halves [2, rank, 6] of the columns and rows that make up a symmetric filter; None for any other.

    Each row is 1 at one of the taps `UNIT[rank]` and 0 at the others of them, where it costs nothing: the usual sum of
    singular vectors in another basis.
    """
    f = fd.double() if fd.ndim == 2 else torch.outer(fd.double(), fd.double())
    if max((f - f.flip(0)).abs().max(), (f - f.flip(1)).abs().max()) > 1e-6 * f.abs().max():
        return None
    U, S, V = torch.linalg.svd(f[:6, :6])
    needed = int((S / S[0] > RANK_TOLERANCE).sum())
    for rank, unit in flrelu.UNIT.items():
        basis = V[:rank, list(unit)]  # [rank, rank]
        if rank >= needed and torch.linalg.svdvals(basis)[-1] > WELL:
            rows = torch.linalg.solve(basis, V[:rank])
            columns = (U[:, :rank] * S[:rank] @ basis).t()
            return torch.stack([columns, rows]).float()
    return None
