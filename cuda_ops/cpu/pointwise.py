"""1x1 convolution with style, demodulation, noise, bias and activation: the product that small layers come down to."""

from numba import float64, int64, njit, void

from cuda_ops.cpu.epilogue import finish, get
from cuda_ops.cpu.gemm import OPTIONS, ROWS, multiply, offset
from cuda_ops.cpu.simd import at, fma, load, splat, store

ENTRY = {**OPTIONS, "cache": True}


@njit(**ENTRY)
def pointwise(
    first, last, scratch, x_, style_, U_, scale_, bias_, noise_, y_,
    C, O, P, width, parts, groups, noise_gain, slope, clamp,
):  # fmt: skip
    """Tasks first .. last-1 of y [O, P] = clamp(lrelu((x style) U scale + bias + noise)) for x [C, P].

    A task is `width` columns (a multiple of 16) for one of `parts` groups of maps, each `groups` ROWS maps wide. U is
    [groups of O, C, ROWS]. `scratch` holds [C, width] and [ROWS, width]. NaN and infinity pass as they are.
    """
    x, style, U, scale, bias, noise = at(x_), at(style_), at(U_), at(scale_), at(bias_), at(noise_)
    y, V = at(y_), at(scratch)
    M = offset(V, C * width)
    all_groups = (O + ROWS - 1) // ROWS
    for task in range(first, last):
        part, p = task % parts, task // parts * width
        n = min(width, P - p)
        columns = (n + 15) // 16 * 16
        for c in range(C):
            s = splat(style[c])
            for i in range(0, columns, 16):
                store(V, c * columns + i, get(x, c * P + p + i, n - i) * s)
        g0 = part * groups
        mine = min(groups, all_groups - g0)
        seen = splat(0.0)
        for g in range(g0, g0 + mine):
            multiply(offset(U, g * C * ROWS), V, M, 1, C, columns)
            for o in range(g * ROWS, min(g * ROWS + ROWS, O)):
                sc, bi, q = splat(scale[o]), splat(bias[o]), o * P + p
                for i in range(0, columns, 16):
                    v = fma(load(M, (o - g * ROWS) * columns + i), sc, bi)
                    seen = finish(y, q + i, v, n - i, noise, p + i, noise_gain, slope, clamp, seen)


SIGNATURES = {pointwise: void(*[int64] * 16, *[float64] * 3)}
