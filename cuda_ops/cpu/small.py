"""StyleGAN2's layers of a few pixels: one matrix product each, between what gathers its inputs and what ends the layer.

A convolution takes nine neighbours of every output. A transposed one of stride 2 makes nine products of every input,
which are summed where they fall; its rows are kept as even and odd columns, as in `upconv`, whose filter follows.
"""

from numba import float64, int64, njit, void

from cuda_ops.cpu.epilogue import INLINE, finish
from cuda_ops.cpu.gemm import OPTIONS, ROWS, multiply, offset
from cuda_ops.cpu.simd import at, fma, load, load_between, splat, store
from cuda_ops.cpu.upconv import filter_column, filter_row, row_size

ENTRY = {**OPTIONS, "cache": True}
TAPS = 9


@njit(**OPTIONS)
def _neighbours(x, style, V, C, H, W, OH, OW, pad, columns):
    """The nine inputs [C, 9, columns] of every output, times their style, for x [C, H, W] and outputs [OH, OW]."""
    for c in range(C):
        s = splat(style[c])
        for tap in range(TAPS):
            v = (c * TAPS + tap) * columns
            for i in range(OH):
                r = i + tap // 3 - pad
                for j in range(0, OW, 16):  # what is too many is written over by the rows that follow
                    q, t = j + tap % 3 - pad, splat(0.0)
                    if 0 <= r < H:
                        t = load_between(x, (c * H + r) * W + q, -q, W - q) * s
                    store(V, v + i * OW + j, t)


@njit(**ENTRY)
def convolve_small(
    first, last, scratch, x_, style_, U_, scale_, bias_, noise_, y_,
    C, H, W, O, OH, OW, pad, groups, noise_gain, slope, clamp,
):  # fmt: skip
    """Tasks first .. last-1 of y [O, OH, OW] = clamp(lrelu(conv(x style, weight) scale + bias + noise)).

    A task is `groups` times ROWS maps. U is [groups of O, C 9, ROWS]. `scratch` holds [9 C + ROWS, columns], which are
    OH OW in whole vectors, and one more vector. NaN and infinity pass as they are.
    """
    x, style, U, scale, bias, noise = at(x_), at(style_), at(U_), at(scale_), at(bias_), at(noise_)
    y, V, P = at(y_), at(scratch), OH * OW
    columns, seen = (P + 15) // 16 * 16, splat(0.0)
    M = offset(V, TAPS * C * columns + 16)
    _neighbours(x, style, V, C, H, W, OH, OW, pad, columns)
    for g in range(first * groups, min(last * groups, (O + ROWS - 1) // ROWS)):
        multiply(offset(U, g * TAPS * C * ROWS), V, M, 1, TAPS * C, columns)
        for o in range(g * ROWS, min(g * ROWS + ROWS, O)):
            sc, bi = splat(scale[o]), splat(bias[o])
            for i in range(0, columns, 16):
                v = fma(load(M, (o - g * ROWS) * columns + i), sc, bi)
                seen = finish(y, o * P + i, v, P - i, noise, i, noise_gain, slope, clamp, seen)


@njit(**INLINE)
def _add_row(M, columns, i, W, even, odd):
    """Add what input row `i` brings to a row of the transposed convolution: from three rows of products M."""
    for j in range(0, W, 16):
        p, n = i * W + j, W - j
        store(even, j, load(even, j) + load_between(M, p, 0, n))
        store(odd, j, load(odd, j) + load_between(M, columns + p, 0, n))
        store(even, j + 1, load(even, j + 1) + load_between(M, 2 * columns + p, 0, n))


@njit(**OPTIONS)
def _filtered_rows(M, columns, H, W, S, across, rows, h):
    """One map from its nine rows of products: rows -1 .. 2H + 1 of the transposed convolution, filtered across, in
    h [2H + 3, 2, S]; the first and the last are zeros. `rows` is room for [2, S]."""
    even, odd = offset(rows, 16), offset(rows, 16 + S)
    for i in range(0, 2 * S, 16):
        store(h, i, splat(0.0))
        store(h, (2 * H + 2) * 2 * S + i, splat(0.0))
    for r in range(2 * H + 1):
        for i in range(0, 2 * S, 16):
            store(rows, i, splat(0.0))
        if r % 2:
            _add_row(offset(M, 3 * columns), columns, r // 2, W, even, odd)
        else:
            if r < 2 * H:
                _add_row(M, columns, r // 2, W, even, odd)
            if r > 0:
                _add_row(offset(M, 6 * columns), columns, r // 2 - 1, W, even, odd)
        filter_row(even, odd, W, across, offset(h, (r + 1) * 2 * S), S)


@njit(**ENTRY)
def convolve_small_up(
    first, last, scratch, x_, style_, U_, f_, scale_, bias_, noise_, y_, C, H, W, O, groups, noise_gain, slope, clamp,
):  # fmt: skip
    """Tasks first .. last-1 of y [O, 2H, 2W] = clamp(lrelu(filter(conv(x style, weight)) scale + bias + noise)).

    A task is `groups` times ROWS maps. U is [groups of 9 O, C, ROWS]: all nine numbers of a map, then the next map.
    f is [2, 4], down then across, ready to be correlated. `scratch` holds [C + 9 ROWS, columns], which are H W in whole
    vectors, and 4H + 8 rows of `row_size(W)`. NaN and infinity pass as they are.
    """
    x, style, U, f, scale, bias, noise = at(x_), at(style_), at(U_), at(f_), at(scale_), at(bias_), at(noise_)
    y, V, S, P = at(y_), at(scratch), row_size(W), H * W
    columns = (P + 15) // 16 * 16
    M = offset(V, C * columns)
    rows = offset(M, TAPS * ROWS * columns)
    h = offset(rows, 2 * S)
    for c in range(C):
        s = splat(style[c])
        for i in range(0, columns, 16):
            store(V, c * columns + i, load_between(x, c * P + i, 0, P - i) * s)
    for g in range(first * groups, min(last * groups, (O + ROWS - 1) // ROWS)):
        multiply(offset(U, g * TAPS * C * ROWS), V, M, TAPS, C, columns)
        for o in range(g * ROWS, min(g * ROWS + ROWS, O)):
            m = offset(M, (o - g * ROWS) * TAPS * columns)
            _filtered_rows(m, columns, H, W, S, offset(f, 4), rows, h)
            for r in range(2 * H):
                filter_column(
                    offset(h, r * 2 * S), W, S, f, offset(y, o * 4 * P), r * 2 * W,
                    scale[o], bias[o], noise, noise_gain, slope, clamp,
                )  # fmt: skip


SIGNATURES = {
    convolve_small: void(*[int64] * 18, *[float64] * 3),
    convolve_small_up: void(*[int64] * 16, *[float64] * 3),
}
