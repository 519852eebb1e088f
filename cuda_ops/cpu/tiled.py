"""Winograd's F(4x4, 3x3) in torch's own operations: for many channels it beats the plain convolution."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import memory
from cuda_ops.cpu.prepared import prepared

BLOCK = 1 << 22  # floats of transformed tiles at a time
ENOUGH = 64  # C O / (C + O) from which on the products saved outweigh the transforms (measured)

# Lavin & Gray 2016, for the points 0, 1, -1, 2, -2 and infinity
INPUT = [
    [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]  # fmt: skip
KERNEL = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]  # / 24
OUTPUT = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]


def suits(weight: Tensor) -> bool:
    """Whether a convolution with `weight` [O, C, 3, 3] gains by it."""
    O, C, k, _ = weight.shape
    return k == 3 and C * O >= ENOUGH * (C + O)


def convolve(x: Tensor, weight: Tensor, padding: int) -> Tensor | None:
    """F.conv2d of `x` [1, C, H, W]; None where a number is not finite, which tiles would spread."""
    C, H, W = x.shape[1:]
    O, out_h, out_w = len(weight), H + 2 * padding - 2, W + 2 * padding - 2
    down, across = -(-out_h // 4), -(-out_w // 4)
    x = F.pad(x[0], (padding, 4 * across + 2 - W - padding, padding, 4 * down + 2 - H - padding))
    U, y = prepared(weight, "tiled", _transformed), memory.empty(1, O, out_h, out_w)
    step = max(1, min(down, BLOCK // (36 * max(C, O) * across)))  # rows of tiles at a time
    room = [memory.empty(36 * size * step * across) for size in (C, C, O)]
    for top in range(0, down, step):
        rows = min(step, down - top)
        part = _rows(x[:, 4 * top : 4 * (top + rows) + 2], U, room, rows, across)  # [O, 4 rows, 4 across]
        y[0, :, 4 * top : 4 * (top + rows)] = part[:, : out_h - 4 * top, :out_w]
    return y if y.sum().isfinite() else None


def _rows(x: Tensor, U: Tensor, room: list[Tensor], rows: int, across: int) -> Tensor:
    """Some rows of tiles, with `room` for the tiles, their transforms and the products."""
    (_, O, C), T = U.shape, rows * across
    D, V, M = (r[: 36 * size * T].view(36, -1) for r, size in zip(room, (C, C, O)))
    tiles = x.unfold(1, 6, 4).unfold(2, 6, 4)  # [C, rows, across, 6, 6]
    D.view(6, 6, C, rows, across).copy_(tiles.permute(3, 4, 0, 1, 2))
    torch.mm(_square(INPUT), D, out=V)
    torch.bmm(U, V.view(36, C, T), out=M.view(36, O, T))
    y = torch.mm(_square(OUTPUT), M).view(4, 4, O, rows, across)
    return y.permute(2, 3, 0, 4, 1).reshape(O, 4 * rows, 4 * across)


def _square(matrix: list[list[int]]) -> Tensor:
    """The matrix for both axes at once."""
    m = torch.tensor(matrix, dtype=torch.float32)
    return torch.kron(m, m)


def _transformed(weight: Tensor) -> Tensor:
    """[O, C, 3, 3] -> [36, O, C]"""
    O, C = weight.shape[:2]
    return torch.mm(_square(KERNEL) / 576, weight.reshape(O * C, 9).t()).view(36, O, C)
