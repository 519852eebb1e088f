"""Calls of the compiled kernels on torch tensors. Imported only when the kernels are ready."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import memory, pool, winograd
from cuda_ops.cpu.gemm import ROWS
from cuda_ops.cpu.layer import Convolution, Epilogue
from cuda_ops.cpu.prepared import prepared

WINOGRAD_PIXELS = 9 * 9  # outputs from which on Winograd's algorithm wins
CACHE_FLOATS = 1 << 18  # transformed tiles that stay in a core's second-level cache
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
