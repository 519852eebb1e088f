"""3x3 convolution by Winograd's algorithm, from input to activated output in blocks that stay in the cache.

Lavin & Gray 2016: y = A^T [(G g G^T) * (B^T d B)] A on tiles of 4x4 or 6x6 outputs: 36 products instead of 144, or 64
instead of 324. The style scales what comes in, demodulation, noise, bias and activation follow on the way out.
"""

import numpy as np
from numba import float64, int64, njit, void

from cuda_ops.cpu import winograd4, winograd6
from cuda_ops.cpu.epilogue import INLINE
from cuda_ops.cpu.gemm import OPTIONS, ROWS, multiply, offset, pitch
from cuda_ops.cpu.simd import at, splat, store

ENTRY = {**OPTIONS, "cache": True}
KERNELS = {4: winograd4.KERNEL, 6: winograd6.KERNEL}  # by outputs of a tile along an axis
ROOM = 8 * 112  # floats that a transform needs for itself

_input4, _input6 = winograd4.transform_input, winograd6.transform_input
_output4, _output6 = winograd4.transform_output, winograd6.transform_output


@njit(**INLINE)
def margin(W):
    """Zeros that stand for a row outside the input, in whole cache lines, so that what follows them is aligned."""
    return (W + 15) // 16 * 16 + 96


@njit(**ENTRY)
def convolve(
    first, last, scratch, x_, style_, U_, scale_, bias_, noise_, y_, seen_,
    C, H, W, O, OH, OW, pad, size, rows, tiles, segments, parts, groups, room, noise_gain, slope, clamp,
):  # fmt: skip
    """Tasks first .. last-1 of y [O, OH, OW] = clamp(lrelu(conv(x style, U) scale + bias + noise)).

    Tiles have `size` (4 or 6) by `size` outputs and n = (size + 2)^2 components. A task is a block of `rows` rows of
    `tiles` tiles (one of `segments` side by side) for one of `parts` groups of output maps, each `groups` ROWS maps
    wide. U is [groups of O, n, C, ROWS], read from end to end for each block. `scratch` holds `margin(W)` zeros, ROOM,
    n times [C, room] and n times [ROWS, room] at the pitch of their size. seen[task] becomes NaN if something was not
    finite.
    """
    x, style, U, scale, bias, noise = at(x_), at(style_), at(U_), at(scale_), at(bias_), at(noise_)
    y, seen, zeros, n = at(y_), at(seen_), at(scratch), (size + 2) * (size + 2)
    for i in range(0, W + 80, 16):
        store(zeros, i, splat(0.0))
    T = offset(zeros, margin(W))
    V = offset(T, ROOM)
    M = offset(V, n * pitch(C * room))
    tile_rows, tile_columns, all_groups = (
        (OH + size - 1) // size,
        (OW + size - 1) // size,
        (O + ROWS - 1) // ROWS,
    )
    for task in range(first, last):
        part, block = task % parts, task // parts
        ty, tx = block // segments * rows, block % segments * tiles
        down, across = min(rows, tile_rows - ty), min(tiles, tile_columns - tx)
        columns = (down * across + 15) // 16 * 16
        step = pitch(C * columns)
        for c in range(C):
            plane, nothing, v = offset(x, c * H * W), (scratch - x_) // 4 - c * H * W, offset(V, c * columns)
            for r in range(down):
                top, left = size * (ty + r) - pad, size * tx - pad
                if size == 4:
                    _input4(plane, nothing, style[c], v, T, H, W, top, left, across, r * across, step)
                else:
                    _input6(plane, nothing, style[c], v, T, H, W, top, left, across, r * across, step)
        bad = np.float32(0.0)
        stride = pitch(ROWS * columns)
        for g in range(part * groups, min((part + 1) * groups, all_groups)):
            for i in range(n):
                multiply(
                    offset(U, (g * n + i) * C * ROWS),
                    offset(V, i * step),
                    offset(M, i * stride),
                    1,
                    C,
                    columns,
                )
            for o in range(g * ROWS, min(O, (g + 1) * ROWS)):
                m, plane = offset(M, (o - g * ROWS) * columns), offset(y, o * OH * OW)
                for r in range(down):
                    if size == 4:
                        bad += _output4(
                            m, stride, r * across, across, plane, OH, OW, 4 * (ty + r), 4 * tx,
                            scale[o], bias[o], noise, noise_gain, slope, clamp,
                        )  # fmt: skip
                    else:
                        bad += _output6(
                            m, stride, T, r * across, across, plane, OH, OW, 6 * (ty + r), 6 * tx,
                            scale[o], bias[o], noise, noise_gain, slope, clamp,
                        )  # fmt: skip
        seen[task] = bad


SIGNATURES = {convolve: void(*[int64] * 25, *[float64] * 3)}
