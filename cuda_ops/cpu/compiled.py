"""Calls of the compiled kernels on torch tensors. Imported only when the kernels are ready."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import Tensor

from cuda_ops.cpu import flrelu, matvec, memory, packing, pixels, pool, small, strassen, upconv, winograd
from cuda_ops.cpu.blocks import Blocks, blocks_for, round_up
from cuda_ops.cpu.gemm import ROWS
from cuda_ops.cpu.layer import Convolution, Epilogue
from cuda_ops.cpu.pointwise import pointwise
from cuda_ops.cpu.prepared import prepared

WINOGRAD_PIXELS = 9 * 9  # outputs from which on Winograd's algorithm wins
LARGE_TILES = 72  # width and height from which on Winograd's tiles have 6x6 outputs
FEW_BLOCKS = 2  # up to so many, weights are transformed on the way: keeping them would take four to seven times as much
UP_PIXELS = 12 * 12  # inputs from which on the streamed upsampling wins
UP_TILES = 32  # tiles in a block of it, at least
LITTLE_WORK, LITTLE_PICTURE = 6 << 20, 3 << 14  # products and pixels done before another thread wakes
LINE = 16  # floats in a cache line
STRIP = 300  # columns of output whose rows in flight stay in the second-level cache
PANEL_FLOATS = 3 << 14  # inputs of a block of a 1x1 convolution, which stay in the second-level cache
STRASSEN_CHANNELS, STRASSEN_PIXELS = 256, 32 * 32  # from which on fewer products outweigh their sums
STRASSEN_FLOATS = 3 << 13  # a quarter of a block's inputs, of which seven sums stay in the second-level cache


@dataclass(frozen=True, eq=False)
class Job:
    """One sample of a layer: y [O, H', W'] = clamp(lrelu(conv(x s, weight) scale + bias + gain noise))."""

    x: Tensor  # [C, H, W]
    weight: Tensor  # [O, C, k, k]
    s: Tensor  # [C]
    scale: Tensor  # [O]
    bias: Tensor  # [O]
    noise: Tensor | None  # [1, H', W']
    y: Tensor
    conv: Convolution
    epilogue: Epilogue

    @property
    def tail(self) -> tuple[float, float, float]:
        """Gain of the noise, slope and clamp, as the kernels take them."""
        e = self.epilogue
        clamp = math.inf if e.clamp is None else e.clamp
        return 0.0 if self.noise is None else e.total_gain, e.slope, clamp


def layer(x: Tensor, weight: Tensor, s: Tensor, d: Tensor, conv: Convolution, e: Epilogue) -> Tensor | None:
    """y = clamp(gain act(d conv(x s, weight) + noise + b)); None where no kernel suits or a number was not finite."""
    kernel = _kernel(x, weight, conv)
    if kernel is None:
        return None
    N, _, H, W = x.shape
    grown = 2 * conv.padding - weight.shape[-1] + 1 if conv.up == 1 else 0
    out_h, out_w = H * conv.up + grown, W * conv.up + grown
    x, s = x.contiguous(), s.contiguous()
    y = memory.empty(N, len(weight), out_h, out_w)
    scale = (d * e.total_gain).contiguous()  # [N, O]
    bias = weight.new_zeros(len(weight)) if e.bias is None else e.bias * e.total_gain
    noise = [None] * N if e.noise is None else e.noise.expand(N, 1, out_h, out_w).contiguous()
    clean = [kernel(Job(x[n], weight, s[n], scale[n], bias, noise[n], y[n], conv, e)) for n in range(N)]
    return y if all(clean) else None


def _kernel(x: Tensor, weight: Tensor, conv: Convolution) -> Callable[[Job], bool] | None:
    """What computes a layer of this shape; each returns whether every number was finite, where that matters."""
    H, W = x.shape[2:]
    k, up, pad = weight.shape[-1], conv.up, conv.padding
    if up == 1 and k == 1 and pad == 0:
        return _pointwise
    if up == 1 and k == 3 and not conv.flip and min(H, W) + 2 * pad > 2:
        return _winograd if (H + 2 * pad - 2) * (W + 2 * pad - 2) >= WINOGRAD_PIXELS else _small
    if up == 2 and k == 3 and pad == 1 and conv.filter is not None and conv.filter.shape[-1] == 4:
        if prepared(conv.filter, "correlated", packing.correlated) is None:
            return None
        return _small_up if H * W < UP_PIXELS else _up
    return None


def _pointwise(job: Job) -> bool:
    if min(job.weight.shape[:2]) >= STRASSEN_CHANNELS and job.x[0].numel() >= STRASSEN_PIXELS:
        return _strassen(job)
    C, O, P = len(job.x), len(job.y), job.x[0].numel()
    U = prepared(job.weight, "pointwise", packing.pointwise_weight)
    run, threads = _crew(C * max(O, ROWS) * P)
    width = min(max(PANEL_FLOATS // C // 48 * 48, 48), 192, round_up(P, 16))
    count = -(-P // width)
    parts = min(4 * threads, len(U)) if threads > 1 and count < 2 * threads else 1
    run(
        pointwise, count * parts, (C + ROWS) * width,
        *addresses(job.x, job.s, U, job.scale, job.bias, job.noise, job.y),
        C, O, P, width, parts, -(-len(U) // parts), *job.tail,
    )  # fmt: skip
    return True  # a column has no neighbours to spoil


def _strassen(job: Job) -> bool:
    C, O, P, threads = len(job.x), len(job.y), job.x[0].numel(), torch.get_num_threads()
    U = prepared(job.weight, "strassen", packing.strassen_weight)
    depth = U.shape[2]
    width = min(max(STRASSEN_FLOATS // depth // 48 * 48, 48), 192)
    count = -(-P // (2 * width))
    parts = min(4 * threads, len(U)) if threads > 1 and count < 2 * threads else 1
    seen = pool.run(
        strassen.pointwise, count * parts, strassen.PRODUCTS * (depth + ROWS) * width,
        *addresses(job.x, job.s, U, job.scale, job.bias, job.noise, job.y),
        C, O, P, width, parts, -(-len(U) // parts), *job.tail,
    )  # fmt: skip
    return not any(seen)


def _small(job: Job) -> bool:
    """3x3 convolution of a few pixels: the weights are read once, which is all that counts."""
    C, H, W = job.x.shape
    O, out_h, out_w = job.y.shape
    U = prepared(job.weight, "pointwise", packing.pointwise_weight)
    columns, (run, tasks, own) = round_up(out_h * out_w, 16), _shares(C, O, out_h * out_w)
    run(
        small.convolve_small, tasks, (small.TAPS * C + ROWS) * columns + LINE,
        *addresses(job.x, job.s, U, job.scale, job.bias, job.noise, job.y),
        C, H, W, O, out_h, out_w, job.conv.padding, own, *job.tail,
    )  # fmt: skip
    return True


def _small_up(job: Job) -> bool:
    """The upsampling layer of a few pixels: nine products for each input, summed where they fall."""
    C, H, W = job.x.shape
    O, flip = len(job.weight), job.conv.flip
    assert job.conv.filter is not None
    f = prepared(job.conv.filter, "correlated", packing.correlated)
    U = prepared(job.weight, ("scattered", flip), partial(packing.scattered_weight, flip=flip))
    run, tasks, own = _shares(C, O, H * W)
    run(
        small.convolve_small_up, tasks,
        (C + small.TAPS * ROWS) * round_up(H * W, 16) + (4 * H + 8) * upconv.row_size.py_func(W),
        *addresses(job.x, job.s, U, f, job.scale, job.bias, job.noise, job.y), C, H, W, O, own, *job.tail,
    )  # fmt: skip
    return True  # nothing spreads further than the filter itself does


def _shares(C: int, O: int, pixels: int) -> tuple[Callable, int, int]:
    """Who runs a layer of a few pixels, in how many tasks, and how many times ROWS maps each of them has."""
    groups, (run, threads) = -(-O // ROWS), _crew(9 * C * O * pixels)
    own = -(-groups // (2 * threads if threads > 1 else 1))
    return run, -(-groups // own), own


def _crew(products: int) -> tuple[Callable, int]:
    """Who computes so many products, and by how many threads: for a few, another one wakes too late."""
    return (pool.here, 1) if products <= LITTLE_WORK else (pool.run, torch.get_num_threads())


def _winograd(job: Job) -> bool:
    C, H, W = job.x.shape
    O, out_h, out_w = job.y.shape
    run, threads = _crew(2 * C * O * out_h * out_w)
    b, size, room = _tiles(C, W, O, out_h, out_w, threads)
    ready = b.needed > FEW_BLOCKS
    key = ("winograd", size) if ready else "nine"
    weight = prepared(job.weight, key, partial(packing.winograd_weight, size=size) if ready else packing.nine)
    seen = run(
        winograd.convolve, b.count, room,
        *addresses(job.x, job.s, weight, job.scale, job.bias, job.noise, job.y), C, H, W, O, out_h, out_w,
        job.conv.padding, size, b.tiles, b.parts, b.groups, int(ready), *job.tail,
    )  # fmt: skip
    return not any(seen)  # a NaN counts as true


@lru_cache(maxsize=256)
def _tiles(C: int, W: int, O: int, out_h: int, out_w: int, threads: int) -> tuple[Blocks, int, int]:
    """How a convolution is cut, the size of its tiles, and the floats that a thread needs for it."""
    size = 6 if min(out_h, out_w) >= LARGE_TILES else 4
    side, tiles = size + 2, -(-out_h // size) * -(-out_w // size)
    b = blocks_for(side**2 * C, O, tiles, threads)
    room = side**2 * (b.tiles * (C + ROWS) + 2 * LINE) + 2 * side * winograd.plane_of.py_func(C)
    return b, size, winograd.margin.py_func(W) + winograd.ROOM + room


def _up(job: Job) -> bool:
    x, flip = job.x, job.conv.flip
    C, H, W = x.shape
    O, tiles, tile_rows = len(job.y), -(-W // 4), -(-H // 4)
    run, threads = _crew(5 * C * O * H * W)
    assert job.conv.filter is not None
    f = prepared(job.conv.filter, "correlated", packing.correlated)
    block = max(1, min(-(-UP_TILES // tiles), tile_rows))
    ready = -(-tile_rows // block) > FEW_BLOCKS
    make = packing.up_weight if ready else packing.scattering
    weight = prepared(job.weight, ("up", ready, flip), partial(make, flip=flip))
    groups = -(-O // ROWS)
    strips = 1 if threads == 1 or tile_rows < 8 * threads else threads
    parts = 1 if strips > 1 else min(threads, groups)
    own = -(-groups // parts)
    S, line = upconv.row_size.py_func(W), upconv.line_size.py_func
    room = ((C + ROWS) * round_up(block * tiles, 16) + 2 * LINE) * upconv.PRODUCTS + 6 * weight.shape[2]
    seen = run(
        upconv.convolve_up, strips * parts,
        winograd.margin.py_func(W) + 9 * 80 + room + (16 + 2 * (8 * block + 5) + 6 * own * ROWS) * S
        + own * ROWS * (line(W) + line(H)),
        *addresses(x, job.s, weight, f, job.scale, job.bias, job.noise, job.y),
        C, H, W, O, block, strips, parts, own, int(ready), *job.tail,
    )  # fmt: skip
    return not any(seen)


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
    halves = prepared(fd, "halves", packing.halves)
    if halves is None:
        return None
    taps = prepared(
        fu, ("turned", up, gain), lambda f: torch.stack([f.flip(0) * up, f.flip(0) * (up * gain)])
    )
    out_w = (W * up + padding[0] + padding[1] - (6 * up - 1) - 12) // 2 + 1
    out_h = (H * up + padding[2] + padding[3] - (6 * up - 1) - 12) // 2 + 1
    x, y = x.contiguous(), memory.empty(N, C, out_h, out_w)
    bias = x.new_zeros(C) if b is None else b.contiguous()
    strips, rank = -(-out_w // STRIP), halves.shape[1]
    widest = -(-out_w // strips)
    n, size = flrelu.plane_size.py_func(widest, up), flrelu.parts_size.py_func(widest, rank)
    seen = pool.run(
        flrelu.filtered_lrelu, N * C, n + 64 + flrelu.INPUTS * 2 * n + flrelu.RATE * size,
        *addresses(x, y, bias, taps[0], taps[1], halves[0], halves[1]),
        C, H, W, out_h, out_w, up, padding[0], padding[2], rank, strips, slope, math.inf if clamp is None else clamp,
    )  # fmt: skip
    return None if any(seen) else y


def upsample(x: Tensor, f: Tensor, add: Tensor | None) -> Tensor | None:
    """`x` [N, C, H, W] upsampled by two through a separable filter of four taps, plus `add`; None for other filters."""
    taps = prepared(f, "correlated", packing.correlated)
    if taps is None:
        return None
    N, C, H, W = x.shape
    x, add = x.contiguous(), None if add is None else add.contiguous()
    y = memory.empty(N, C, 2 * H, 2 * W)
    run = pool.here if y.numel() <= LITTLE_PICTURE else pool.run
    run(pixels.upsample, N * C * 2 * H, W + 64, *addresses(x, taps, add, y), H, W)
    return y


def to_rgba8(img: Tensor) -> Tensor:
    """[C, H, W] -> [H, W, 4] uint8; of one or two channels the first as grey, of more the first three."""
    C, H, W = img.shape
    img, out = img.contiguous(), torch.empty(H, W, 4, dtype=torch.uint8)
    planes = [img[i] if C >= 3 else img[0] for i in range(3)]
    pool.run(pixels.pack, H * W, 0, *addresses(*planes, out))
    return out


def dense(
    x: Tensor, weight: Tensor, b: Tensor | None, gain: float, bias_gain: float, slope: float, act_gain: float
) -> Tensor:
    """`x` [1, I] -> [1, O] by `weight` [O, I]: act_gain lrelu(gain W x + bias_gain b)."""
    O, I = weight.shape
    x, weight, y = x.contiguous(), weight.contiguous(), torch.empty(1, O)
    pool.here(matvec.matvec, O, 0, *addresses(weight, x, b, y), I, gain, bias_gain, slope, act_gain)
    return y


def addresses(*tensors: Tensor | None) -> list[int]:
    """Where the numbers lie; 0 for what is absent."""
    return [0 if t is None else t.data_ptr() for t in tensors]
