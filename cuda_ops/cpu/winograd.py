"""3x3 convolution by Winograd's algorithm, from input to activated output in blocks that stay in the cache.

Lavin & Gray 2016: y = A^T [(G g G^T) * (B^T d B)] A on tiles of 4x4 or 6x6 outputs: 36 products instead of 144, or 64
instead of 324. The style scales what comes in, demodulation, noise, bias and activation follow on the way out.
"""

import numpy as np
from numba import float32, float64, int64, njit, void

from cuda_ops.cpu import winograd4, winograd6
from cuda_ops.cpu.epilogue import INLINE
from cuda_ops.cpu.gemm import OPTIONS, ROWS, multiply, offset, pitch
from cuda_ops.cpu.simd import at, splat, store

ENTRY = {**OPTIONS, "cache": True}
ROOM = 8 * 112  # floats that a transform needs for itself

_input4, _input6 = winograd4.transform_input, winograd6.transform_input
_kernel4, _kernel6 = winograd4.transform_kernel, winograd6.transform_kernel
_output4, _output6 = winograd4.transform_output, winograd6.transform_output


@njit(**INLINE)
def margin(W):
    """Zeros that stand for a row outside the input, in whole cache lines, so that what follows them is aligned."""
    return (W + 15) // 16 * 16 + 96


@njit(**INLINE)
def plane_of(C):
    """Room for one of the nine numbers of ROWS x C kernels, in whole vectors; off by a line as in `pitch`."""
    return pitch((C * ROWS + 15) // 16 * 16)


@njit(**ENTRY)
def convolve(
    first, last, scratch, x_, style_, weight_, scale_, bias_, noise_, y_,
    C, H, W, O, OH, OW, pad, size, tiles, parts, groups, ready, noise_gain, slope, clamp,
):  # fmt: skip
    """Tasks first .. last-1 of y [O, OH, OW] = clamp(lrelu(conv(x style, weight) scale + bias + noise)).

    Tiles have `size` (4 or 6) by `size` outputs and n = (size + 2)^2 components. A task is a block of `tiles` tiles, a
    multiple of 16 counted row by row, for one of `parts` groups of output maps, each `groups` ROWS maps wide. weight is
    [groups of O, n, plane_of(C)] if `ready`, else [.., 9, ..] and transformed anew for each block. `scratch` holds
    `margin(W)` zeros, ROOM, 2 (size + 2) planes of kernels, n times [C, tiles] and n times [ROWS, tiles] at the pitch
    of their size. Returns NaN if something was not finite, else zero.
    """
    x, style, weight, scale, bias, noise = at(x_), at(style_), at(weight_), at(scale_), at(bias_), at(noise_)
    y, zeros, side, plane, bad = at(y_), at(scratch), size + 2, plane_of(C), np.float32(0.0)
    for i in range(0, W + 80, 16):
        store(zeros, i, splat(0.0))
    T = offset(zeros, margin(W))
    U = offset(T, ROOM)
    V = offset(U, 2 * side * plane)
    M = offset(V, side * side * pitch(C * tiles))
    across, all_groups = (OW + size - 1) // size, (O + ROWS - 1) // ROWS
    all_tiles = (OH + size - 1) // size * across
    for task in range(first, last):
        part, begin = task % parts, task // parts * tiles
        count = min(tiles, all_tiles - begin)
        columns = (count + 15) // 16 * 16
        step, stride = pitch(C * columns), pitch(ROWS * columns)
        for c in range(C):
            channel, nothing = offset(x, c * H * W), (scratch - x_) // 4 - c * H * W
            v, t = offset(V, c * columns), 0
            while t < count:
                tx = (begin + t) % across
                some = min(across - tx, count - t)
                top, left = size * ((begin + t) // across) - pad, size * tx - pad
                if size == 4:
                    _input4(channel, nothing, style[c], v, T, H, W, top, left, some, t, step)
                else:
                    _input6(channel, nothing, style[c], v, T, H, W, top, left, some, t, step)
                t += some
        for g in range(part * groups, min((part + 1) * groups, all_groups)):
            for pair in range(side // 2):
                u = offset(weight, (g * side * side + pair * 2 * side) * plane) if ready else U
                if ready == 0:
                    nine = offset(weight, g * 9 * plane)
                    if size == 4:
                        _kernel4(nine, plane, pair, U)
                    else:
                        _kernel6(nine, plane, pair, U)
                for k in range(2 * side):
                    row = 2 * pair - 1 + k // side if pair else k // side * (side - 1)
                    i = row * side + k % side
                    multiply(offset(u, k * plane), offset(V, i * step), offset(M, i * stride), 1, C, columns)
            for o in range(g * ROWS, min(O, (g + 1) * ROWS)):
                m, map_ = offset(M, (o - g * ROWS) * columns), offset(y, o * OH * OW)
                t = 0
                while t < count:
                    tx = (begin + t) % across
                    some = min(across - tx, count - t)
                    top, left = size * ((begin + t) // across), size * tx
                    if size == 4:
                        bad += _output4(
                            m, stride, t, some, map_, OH, OW, top, left,
                            scale[o], bias[o], noise, noise_gain, slope, clamp,
                        )  # fmt: skip
                    else:
                        bad += _output6(
                            m, stride, T, t, some, map_, OH, OW, top, left,
                            scale[o], bias[o], noise, noise_gain, slope, clamp,
                        )  # fmt: skip
                    t += some
    return bad


@njit(**ENTRY)
def transform(first, last, scratch, weight_, U_, C, size):
    """Groups first .. last-1 of U [groups, (size + 2)^2, plane_of(C)], kernels transformed for good, from `weight`."""
    weight, U, side, plane = at(weight_), at(U_), size + 2, plane_of(C)
    for g in range(first, last):
        nine = offset(weight, g * 9 * plane)
        for pair in range(side // 2):
            u = offset(U, (g * side * side + pair * 2 * side) * plane)
            if size == 4:
                _kernel4(nine, plane, pair, u)
            else:
                _kernel6(nine, plane, pair, u)


SIGNATURES = {transform: void(*[int64] * 7), convolve: float32(*[int64] * 22, *[float64] * 3)}
