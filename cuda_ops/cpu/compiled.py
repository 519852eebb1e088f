"""Calls of the compiled kernels on torch tensors. Imported only when the kernels are ready."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import flrelu, memory, pool, winograd
from cuda_ops.cpu.banded import factors
from cuda_ops.cpu.gemm import ROWS
from cuda_ops.cpu.layer import Convolution, Epilogue
from cuda_ops.cpu.prepared import prepared

WINOGRAD_PIXELS = 9 * 9  # outputs from which on Winograd's algorithm wins
CACHE_FLOATS = 1 << 18  # transformed tiles that stay in a core's second-level cache
STRIP = 139  # columns of output for which all rows in flight stay in the first-level cache
PANEL = 48  # columns that keep the innermost product busy


@dataclass(frozen=True)
class Blocks:
    """How tiles are grouped: blocks of `rows` x `tiles`, `segments` side by side, for `parts` of the output maps."""

    rows: int
    tiles: int
    segments: int
    parts: int
    groups: int  # of ROWS output maps, in a part
    count: int

    @property
    def room(self) -> int:
        return _up(self.rows * self.tiles, 16)


def layer(x: Tensor, weight: Tensor, s: Tensor, d: Tensor, conv: Convolution, e: Epilogue) -> Tensor | None:
    """y = clamp(gain act(d conv(x s, weight) + noise + b)); None where no kernel suits or a number was not finite."""
    N, _, H, W = x.shape
    out_h, out_w = H + 2 * conv.padding - 2, W + 2 * conv.padding - 2
    if (
        conv.up != 1
        or conv.flip
        or weight.shape[-1] != 3
        or min(out_h, out_w) < 1
        or out_h * out_w < WINOGRAD_PIXELS
    ):
        return None
    x, s = x.contiguous(), s.contiguous()
    y = memory.empty(N, len(weight), out_h, out_w)
    scale = (d * e.total_gain).contiguous()  # [N, O]
    bias = weight.new_zeros(len(weight)) if e.bias is None else e.bias * e.total_gain
    noise = None if e.noise is None else e.noise.expand(N, 1, out_h, out_w).contiguous()
    U = prepared(weight, "winograd", _winograd_weight)
    clean = [
        _convolve(x[n], U, s[n], scale[n], bias, None if noise is None else noise[n], y[n], conv.padding, e)
        for n in range(N)
    ]
    return y if all(clean) else None


def _convolve(
    x: Tensor,
    U: Tensor,
    s: Tensor,
    scale: Tensor,
    bias: Tensor,
    noise: Tensor | None,
    y: Tensor,
    pad: int,
    e: Epilogue,
) -> bool:
    C, H, W = x.shape
    O, out_h, out_w = y.shape
    b = blocks(C, O, out_h, out_w, torch.get_num_threads())
    seen = torch.empty(b.count)
    scratch = W + 96 + 6 * 80 + 36 * b.room * (C + b.groups * ROWS) + 64
    pool.run(
        winograd.convolve, b.count, scratch, *addresses(x, s, U, scale, bias, noise, y, seen),
        C, H, W, O, out_h, out_w, pad, b.rows, b.tiles, b.segments, b.parts, b.groups, b.room,
        0.0 if noise is None else e.total_gain, e.slope, math.inf if e.clamp is None else e.clamp,
    )  # fmt: skip
    return bool(seen.sum() == 0)


def filtered_lrelu(
    x: Tensor, fu: Tensor, fd: Tensor, b: Tensor | None, up: int, down: int, padding: tuple[int, int, int, int],
    gain: float, slope: float, clamp: float | None,
) -> Tensor | None:  # fmt: skip
    """filtered_lrelu of `x` [N, C, H, W]; None where the kernel does not suit or an input was not finite."""
    N, C, H, W = x.shape
    if (
        up not in (2, 4)
        or down != 2
        or fu.shape != (6 * up,)
        or fd.shape[-1] != 12
        or gain <= 0
        or not 0 <= slope <= 1
    ):
        return None
    halves = prepared(fd, "halves", _halves)
    if halves is None:
        return None
    taps = prepared(
        fu, ("turned", up, gain), lambda f: torch.stack([f.flip(0) * up, f.flip(0) * (up * gain)])
    )
    out_w = (W * up + padding[0] + padding[1] - (6 * up - 1) - 12) // 2 + 1
    out_h = (H * up + padding[2] + padding[3] - (6 * up - 1) - 12) // 2 + 1
    x, y, seen = x.contiguous(), memory.empty(N, C, out_h, out_w), torch.empty(N * C)
    bias = x.new_zeros(C) if b is None else b.contiguous()
    strips, rank = -(-out_w // STRIP), halves.shape[1]
    n = flrelu.plane_size.py_func(-(-out_w // strips), up)
    pool.run(
        flrelu.filtered_lrelu, N * C, n + 64 + (24 + rank) * 2 * n,
        *addresses(x, y, bias, seen, taps[0], taps[1], halves[0], halves[1]),
        C, H, W, out_h, out_w, up, padding[0], padding[2], rank, strips, slope, math.inf if clamp is None else clamp,
    )  # fmt: skip
    return y if seen.sum() == 0 else None


def _halves(fd: Tensor) -> Tensor | None:
    """First halves [2, rank, 6] of the columns and rows that make up a symmetric filter; None for any other."""
    columns, rows = factors(fd)
    both = torch.stack([columns, rows])  # [2, rank, 12]
    if (both - both.flip(2)).abs().max() > 1e-6 * both.abs().max():
        return None
    return both[:, :, :6].contiguous()


def addresses(*tensors: Tensor | None) -> list[int]:
    """Where the numbers lie; 0 for what is absent."""
    return [0 if t is None else t.data_ptr() for t in tensors]


def blocks(C: int, O: int, out_h: int, out_w: int, threads: int) -> Blocks:
    """Blocks wide enough for the product, small enough for the cache, and enough of them for all threads."""
    down, across = -(-out_h // 4), -(-out_w // 4)
    wanted = min(max(CACHE_FLOATS // (36 * (C + O)) // 16 * 16, PANEL), 4 * PANEL)
    segments = -(-across // wanted)
    tiles = _up(-(-across // segments), 16) if segments > 1 else across
    segments = -(-across // tiles)
    rows = 1 if segments > 1 else _rows(tiles, down, wanted)
    count = -(-down // rows) * segments
    groups = -(-O // ROWS)
    parts = min(threads, groups) if threads > 1 and count < 3 * threads else 1
    return Blocks(rows, tiles, segments, parts, -(-groups // parts), count * parts)


def _rows(tiles: int, down: int, wanted: int) -> int:
    """Rows of tiles in a block: those that waste least when their tiles are rounded up to whole vectors."""
    choices = range(1, max(min(down, 2 * wanted // tiles), 1) + 1)
    full = [r for r in choices if r * tiles >= min(wanted, down * tiles)] or list(choices)
    return min(full, key=lambda r: (round(_up(r * tiles, 16) / (r * tiles), 2), r))


def _winograd_weight(weight: Tensor) -> Tensor:
    """[O, C, 3, 3] -> [36, O / ROWS, C, ROWS], O filled up with zeros."""
    O, C = weight.shape[:2]
    G = torch.from_numpy(winograd.KERNEL)
    U = torch.einsum("ia,jb,ocab->ijoc", G, G, weight.double()).float().reshape(36, O, C)
    groups = -(-O // ROWS)
    U = F.pad(U, (0, 0, 0, groups * ROWS - O)).reshape(36, groups, ROWS, C)
    return U.transpose(2, 3).contiguous()


def _up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
