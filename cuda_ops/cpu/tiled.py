"""Winograd's F(4x4, 3x3) in torch's own operations: for many channels it beats the plain convolution."""

import functools

import torch
from torch import Tensor

from cuda_ops.cpu import memory
from cuda_ops.cpu.prepared import prepared

TILES = 128  # at a time for each thread: enough for the products, few enough for the cache (measured)
ENOUGH, MORE = 32, 64  # C O / (C + O) from which on it wins by one thread, or by more (measured)

# Lavin & Gray 2016, for the points 0, 1, -1, 2, -2 and infinity
INPUT = (
    (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0), (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)  # fmt: skip
KERNEL = ((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 24))  # / 24
OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


def suits(weight: Tensor) -> bool:
    """Whether a convolution with `weight` [O, C, 3, 3] gains by it."""
    O, C, k, _ = weight.shape
    enough = ENOUGH if torch.get_num_threads() == 1 else MORE
    return k == 3 and enough * (C + O) <= C * O


def convolve(x: Tensor, s: Tensor, weight: Tensor, padding: int) -> Tensor | None:
    """F.conv2d of `x` [1, C, H, W] times `s` [1, C], its channels last in memory; None where a number is not finite,
    which tiles would spread."""
    C, H, W = x.shape[1:]
    O, out_h, out_w = len(weight), H + 2 * padding - 2, W + 2 * padding - 2
    down, across = -(-out_h // 4), -(-out_w // 4)
    framed = memory.empty(4 * down + 2, 4 * across + 2, C).zero_()
    torch.mul(x[0].permute(1, 2, 0), s, out=framed[padding : padding + H, padding : padding + W])
    U, y = prepared(weight, "tiled", _transformed), memory.empty(1, 4 * down, 4 * across, O)
    most = max(1, TILES * torch.get_num_threads() // across)
    step = -(-down // -(-down // most))  # rows of tiles at a time
    room = [memory.empty(36 * size * step * across) for size in (max(C, O), C, O)]
    for top in range(0, down, step):
        rows = min(step, down - top)
        _rows(framed[4 * top : 4 * (top + rows) + 2], U, room, y[0, 4 * top : 4 * (top + rows)])
    return y.permute(0, 3, 1, 2)[:, :, :out_h, :out_w] if y.sum().isfinite() else None


def _rows(x: Tensor, U: Tensor, room: list[Tensor], y: Tensor) -> None:
    """Some rows of tiles, x [.., .., C] to y [4 rows, 4 across, O], with `room` for the tiles (and at last for the
    results), their transforms and the products."""
    _, C, O = U.shape
    rows, across = y.shape[0] // 4, y.shape[1] // 4
    T = rows * across
    D, V, M = (r[: 36 * size * T].view(36, -1) for r, size in zip(room, (C, C, O)))
    tiles = x.unfold(0, 6, 4).unfold(1, 6, 4)  # [rows, across, C, 6, 6]
    D.view(6, 6, rows, across, C).copy_(tiles.permute(3, 4, 0, 1, 2))
    torch.mm(_square(INPUT), D, out=V)
    torch.bmm(V.view(36, T, C), U, out=M.view(36, T, O))
    made = torch.mm(_square(OUTPUT), M, out=room[0][: 16 * O * T].view(16, -1))
    y.view(rows, 4, across, 4, O).copy_(made.view(4, 4, rows, across, O).permute(2, 0, 3, 1, 4))


@functools.cache
def _square(matrix: tuple[tuple[int, ...], ...]) -> Tensor:
    """The matrix for both axes at once."""
    with torch.inference_mode(False):
        m = torch.tensor(matrix, dtype=torch.float32)
        return torch.kron(m, m)


def _transformed(weight: Tensor) -> Tensor:
    """[O, C, 3, 3] -> [36, C, O]"""
    O, C = weight.shape[:2]
    return torch.mm(_square(KERNEL) / 576, weight.permute(2, 3, 1, 0).reshape(9, C * O)).view(36, C, O)
