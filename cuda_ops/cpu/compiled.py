"""Calls of the compiled kernels on torch tensors. Imported only when the kernels are ready."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import flrelu, memory, pool, upconv, winograd
from cuda_ops.cpu.banded import factors
from cuda_ops.cpu.gemm import ROWS
from cuda_ops.cpu.layer import Convolution, Epilogue
from cuda_ops.cpu.prepared import prepared

WINOGRAD_PIXELS = 9 * 9  # outputs from which on Winograd's algorithm wins
UP_PIXELS = 12 * 12  # inputs from which on the streamed upsampling wins
UP_TILES = 32  # tiles in a block of it, at least
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
    kernel = _kernel(x, weight, conv)
    if kernel is None:
        return None
    N, _, H, W = x.shape
    grown = 2 * conv.padding - 2 if conv.up == 1 else 0
    out_h, out_w = H * conv.up + grown, W * conv.up + grown
    x, s = x.contiguous(), s.contiguous()
    y = memory.empty(N, len(weight), out_h, out_w)
    scale = (d * e.total_gain).contiguous()  # [N, O]
    bias = weight.new_zeros(len(weight)) if e.bias is None else e.bias * e.total_gain
    noise = None if e.noise is None else e.noise.expand(N, 1, out_h, out_w).contiguous()
    clean = [
        kernel(x[n], weight, s[n], scale[n], bias, None if noise is None else noise[n], y[n], conv, e)
        for n in range(N)
    ]
    return y if all(clean) else None


def _kernel(x: Tensor, weight: Tensor, conv: Convolution) -> Callable[..., bool] | None:
    H, W = x.shape[2:]
    if weight.shape[-1] != 3:
        return None
    if conv.up == 1 and not conv.flip:
        out_h, out_w = H + 2 * conv.padding - 2, W + 2 * conv.padding - 2
        return _convolve if min(out_h, out_w) > 0 and out_h * out_w >= WINOGRAD_PIXELS else None
    if conv.up == 2 and conv.padding == 1 and conv.filter is not None and conv.filter.shape[-1] == 4:
        separable = prepared(conv.filter, "correlated", _correlated) is not None
        return _convolve_up if separable and H * W >= UP_PIXELS else None
    return None


def _convolve(
    x: Tensor, weight: Tensor, s: Tensor, scale: Tensor, bias: Tensor, noise: Tensor | None, y: Tensor,
    conv: Convolution, e: Epilogue,
) -> bool:  # fmt: skip
    C, H, W = x.shape
    O, out_h, out_w = y.shape
    U = prepared(weight, "winograd", _winograd_weight)
    b = blocks(C, O, out_h, out_w, torch.get_num_threads())
    seen = torch.empty(b.count)
    scratch = W + 96 + 6 * 80 + 36 * b.room * (C + b.groups * ROWS) + 64
    pool.run(
        winograd.convolve, b.count, scratch, *addresses(x, s, U, scale, bias, noise, y, seen),
        C, H, W, O, out_h, out_w, conv.padding, b.rows, b.tiles, b.segments, b.parts, b.groups, b.room,
        0.0 if noise is None else e.total_gain, e.slope, math.inf if e.clamp is None else e.clamp,
    )  # fmt: skip
    return bool(seen.sum() == 0)


def _convolve_up(
    x: Tensor, weight: Tensor, s: Tensor, scale: Tensor, bias: Tensor, noise: Tensor | None, y: Tensor,
    conv: Convolution, e: Epilogue,
) -> bool:  # fmt: skip
    C, H, W = x.shape
    O, threads, tiles, tile_rows = len(weight), torch.get_num_threads(), -(-W // 4), -(-H // 4)
    assert conv.filter is not None
    U, below, beside = prepared(weight, ("up", conv.flip), partial(_up_weight, flip=conv.flip))
    bottom = F.conv_transpose1d((x[:, -1] * s[:, None])[None], below, stride=2)  # [1, O, 2W + 1]
    right = F.conv_transpose1d((x[:, :, -1] * s[:, None])[None], beside, stride=2)  # [1, O, 2H + 1]
    block = max(1, min(-(-UP_TILES // tiles), tile_rows))
    groups = -(-O // ROWS)
    strips = 1 if threads == 1 or tile_rows < 8 * threads else 2 * threads
    parts = 1 if strips > 1 else min(threads, groups)
    own = -(-groups // parts)
    seen, S = torch.empty(strips * parts), upconv.row_size.py_func(W)
    room = (C + own * ROWS) * upconv.PRODUCTS * _up(block * tiles, 16)
    scratch = W + 96 + 9 * 80 + room + (16 + 2 * (8 * block + 5) + 6 * own * ROWS) * S
    f = prepared(conv.filter, "correlated", _correlated)
    pool.run(
        upconv.convolve_up, strips * parts, scratch,
        *addresses(x, s, U, f, bottom, right, scale, bias, noise, y, seen),
        C, H, W, O, block, strips, parts, own,
        0.0 if noise is None else e.total_gain, e.slope, math.inf if e.clamp is None else e.clamp,
    )  # fmt: skip
    return bool(seen.sum() == 0)


def _correlated(f: Tensor) -> Tensor | None:
    """Down and across [2, 4] of a separable filter, turned round and doubled for the upsampling; None for others."""
    columns, rows = factors(f)
    return torch.stack([columns[0], rows[0]]).flip(1).mul(2).contiguous() if len(columns) == 1 else None


def _up_weight(weight: Tensor, flip: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices [36, O / ROWS, C, ROWS] of `upconv`, and the kernels [C, O, 3] of the last row and column."""
    w = (weight if flip else weight.flip([2, 3])).double()
    G = torch.from_numpy(upconv.KERNEL)  # [5, 2]
    even = w[:, :, [2, 0]]  # [O, C, 2, 3]
    parts = [
        torch.einsum("ia,jb,ocab->ijoc", G, G, even[..., [2, 0]]).flatten(0, 1),
        torch.einsum("ia,oca->ioc", G, even[..., 1]),
        torch.einsum("jb,ocb->joc", G, w[:, :, 1, [2, 0]]),
        w[None, :, :, 1, 1],
    ]
    below, beside = (edge.transpose(0, 1).float().contiguous() for edge in (w[:, :, 2], w[:, :, :, 2]))
    return _packed(torch.cat(parts)), below, beside


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
    """[O, C, 3, 3] -> [36, O / ROWS, C, ROWS]"""
    G = torch.from_numpy(winograd.KERNEL)
    return _packed(torch.einsum("ia,jb,ocab->ijoc", G, G, weight.double()).flatten(0, 1))


def _packed(U: Tensor) -> Tensor:
    """[M, O, C] -> [M, O / ROWS, C, ROWS] in float32, O filled up with zeros."""
    M, O, C = U.shape
    groups = -(-O // ROWS)
    U = F.pad(U.float(), (0, 0, 0, groups * ROWS - O)).reshape(M, groups, ROWS, C)
    return U.transpose(2, 3).contiguous()


def _up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
