"""Weights and filters in the form that the compiled kernels read; each is prepared once."""

import numpy as np
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


def winograd_weight(weight: Tensor, size: int) -> Tensor:
    """[O, C, 3, 3] -> [O / ROWS, (size + 2)^2, C, ROWS], for tiles of `size` outputs along an axis."""
    G = winograd.KERNELS[size]
    return _transformed(np.kron(G, G), weight)


def up_weight(weight: Tensor, flip: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices [O / ROWS, 36, C, ROWS] of `upconv`, and the kernels [3 O, C] of the last row and column."""
    w = weight if flip else weight.flip([2, 3])
    even = upconv.KERNEL @ np.array([[0, 0, 1], [1, 0, 0]])  # picks w2 and w0
    odd = np.array([[0, 1, 0]])  # and w1
    K = np.concatenate([np.kron(a, b) for a, b in ((even, even), (even, odd), (odd, even), (odd, odd))])
    below, beside = (edge.permute(2, 0, 1).flatten(0, 1).contiguous() for edge in (w[:, :, 2], w[..., 2]))
    return _transformed(K, w), below, beside


def _transformed(K: np.ndarray, weight: Tensor) -> Tensor:
    """K [M, 9] times every 3x3 kernel, [O / ROWS, M, C, ROWS]; without a second copy of what is large."""
    O, C = weight.shape[:2]
    groups = -(-O // ROWS)
    nine = F.pad(weight.reshape(O, C * 9), (0, 0, 0, groups * ROWS - O))
    nine = nine.view(groups, ROWS, C, 9).permute(0, 3, 2, 1).reshape(groups, 9, -1)  # [O / ROWS, 9, C * ROWS]
    return torch.matmul(torch.from_numpy(K).float(), nine).view(groups, len(K), C, ROWS)


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
