"""1x1 convolution of many channels by Strassen's algorithm (1969), once: seven products of halves instead of eight.

The sums that it takes cost next to nothing here: those of the weights are kept, those of the inputs are made where the
style scales them, and the results are added on their way out, in the cache.
"""

from numba import float32, float64, int64, njit

from cuda_ops.cpu.epilogue import finish, get
from cuda_ops.cpu.gemm import OPTIONS, ROWS, multiply, offset
from cuda_ops.cpu.simd import at, load, splat, store, total, will_read

ENTRY = {**OPTIONS, "cache": True}
PRODUCTS = 7
AHEAD = 20  # channels that are asked for in advance: pieces too short for the processor to foresee


@njit(**OPTIONS)
def _pack(x, style, V, C, P, p, n, half):
    """What the seven products take of columns p .. p+n-1: V [7, C / 2, half], sums of quarters of (x style) [C, n]."""
    depth, right = (C + 1) // 2, n - half
    size = depth * half
    for c in range(depth):
        s, t = splat(style[c]), splat(0.0)
        upper, lower = c * P + p, (c + depth) * P + p
        if c + depth < C:
            t = splat(style[c + depth])
        else:
            lower = upper
        for i in range(0, n, 16):
            will_read(x, upper + AHEAD * P + i)
            will_read(x, lower + AHEAD * P + i)
        for i in range(0, half, 16):
            a, b = get(x, upper + i, n - i) * s, get(x, upper + half + i, right - i) * s
            d, e = get(x, lower + i, n - i) * t, get(x, lower + half + i, right - i) * t
            v = c * half + i
            store(V, v, a + e)
            store(V, v + size, a)
            store(V, v + 2 * size, b - e)
            store(V, v + 3 * size, d - a)
            store(V, v + 4 * size, e)
            store(V, v + 5 * size, a + b)
            store(V, v + 6 * size, d + e)


@njit(**ENTRY)
def pointwise(
    first, last, scratch, x_, style_, U_, scale_, bias_, noise_, y_,
    C, O, P, width, parts, groups, noise_gain, slope, clamp,
):  # fmt: skip
    """Tasks first .. last-1 of y [O, P] = clamp(lrelu((x style) U scale + bias + noise)) for x [C, P].

    A task is 2 `width` columns (a multiple of 32) for one of `parts` shares of the maps, each `groups` times ROWS of
    the first half of them and as many of the second. U is [groups of O / 2, 7, C / 2, ROWS]. `scratch` holds
    [7, C / 2 + ROWS, width]. Returns NaN if a result was not finite, which may have spread to others; else zero.
    """
    x, style, U, scale, bias, noise = at(x_), at(style_), at(U_), at(scale_), at(bias_), at(noise_)
    y, V, bad = at(y_), at(scratch), splat(0.0)
    depth, pairs = (C + 1) // 2, (O + 2 * ROWS - 1) // (2 * ROWS)
    for task in range(first, last):
        part, p = task % parts, task // parts * 2 * width
        n = min(2 * width, P - p)
        half = (n + 31) // 32 * 16
        _pack(x, style, V, C, P, p, n, half)
        M = offset(V, PRODUCTS * depth * half)
        for g in range(part * groups, min(part * groups + groups, pairs)):
            for k in range(PRODUCTS):
                A = offset(U, (g * PRODUCTS + k) * depth * ROWS)
                multiply(A, offset(V, k * depth * half), offset(M, k * ROWS * half), 1, depth, half)
            bad = _put(
                M, half, g * ROWS, pairs * ROWS, O, P, p, n, scale, bias, noise, noise_gain, slope, clamp, y, bad
            )  # fmt: skip
    return total(bad)


@njit(**OPTIONS)
def _put(M, half, o, below, O, P, p, n, scale, bias, noise, noise_gain, slope, clamp, y, bad):
    """Maps o .. o+ROWS-1, and as many `below` them, of columns p .. p+n-1, from products M [7, ROWS, half]."""
    size = ROWS * half
    for row in range(ROWS):
        upper, lower = o + row, o + row + below
        for i in range(0, half, 16):
            m = row * half + i
            m1, m2, m3 = load(M, m), load(M, m + size), load(M, m + 2 * size)
            m4, m5 = load(M, m + 3 * size), load(M, m + 4 * size)
            m6, m7 = load(M, m + 5 * size), load(M, m + 6 * size)
            if upper < O:
                s, b, q = splat(scale[upper]), splat(bias[upper]), upper * P + p + i
                u, v = (m1 + m4 - m5 + m7) * s + b, (m3 + m5) * s + b
                bad = finish(y, q, u, n - i, noise, p + i, noise_gain, slope, clamp, bad)
                bad = finish(y, q + half, v, n - half - i, noise, p + half + i, noise_gain, slope, clamp, bad)
            if lower < O:
                s, b, q = splat(scale[lower]), splat(bias[lower]), lower * P + p + i
                u, v = (m2 + m4) * s + b, (m1 - m2 + m3 + m6) * s + b
                bad = finish(y, q, u, n - i, noise, p + i, noise_gain, slope, clamp, bad)
                bad = finish(y, q + half, v, n - half - i, noise, p + half + i, noise_gain, slope, clamp, bad)
    return bad


SIGNATURES = {pointwise: float32(*[int64] * 16, *[float64] * 3)}
