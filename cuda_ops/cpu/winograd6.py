"""Winograd's F(6x6, 3x3): the transforms of sixteen tiles in a row, from an input and to an activated output."""

import numpy as np
from numba import njit

from cuda_ops.cpu.epilogue import INLINE, finish, put
from cuda_ops.cpu.gemm import OPTIONS
from cuda_ops.cpu.simd import (
    ahead,
    ahead_second,
    fma,
    load,
    load_between,
    splat,
    store,
    thirds,
    threaded,
    total,
    unzipped,
    will_read,
    will_write,
    zipped,
)

WIDE = 112  # columns of input that 16 tiles read, rounded up

# Transform of a kernel g: G g, for the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, as three numbers for each two
# of them: (a, b, c) stands for a g0 + b g1 + c g2 and a g0 - b g1 + c g2; the first and the last are -g0 and g2.
PAIRS = np.array([[0, 0, 0], [-20, -20, -20], [1, 2, 4], [64, 32, 16]]) / 90


@njit(**INLINE)
def _kernel(g0, g1, g2):
    """G g"""
    s, t = splat(-2 / 9) * (g0 + g2), splat(-2 / 9) * g1
    u, v = splat(1 / 90) * fma(splat(4.0), g2, g0), splat(1 / 45) * g1
    p, q = splat(8 / 45) * fma(splat(4.0), g0, g2), splat(16 / 45) * g1
    return splat(-1.0) * g0, s + t, s - t, u + v, u - v, p + q, p - q, g2


@njit(**INLINE)
def _input(a0, a1, a2, a3, a4, a5, a6, a7):
    """B^T a"""
    much = splat(5.25)
    u, v = fma(splat(-4.25), a4, a2 + a6), fma(splat(-4.25), a3, a1 + a5)
    p = fma(splat(0.25), a2, fma(splat(-1.25), a4, a6))
    q = fma(splat(0.5), a1, fma(splat(-2.5), a3, splat(2.0) * a5))
    r = fma(splat(4.0), a2, fma(splat(-5.0), a4, a6))
    s = fma(splat(2.0), a1, fma(splat(-2.5), a3, splat(0.5) * a5))
    return fma(much, a2 - a4, a6 - a0), u + v, u - v, p + q, p - q, r + s, r - s, fma(much, a3 - a5, a7 - a1)


@njit(**INLINE)
def _output(a0, a1, a2, a3, a4, a5, a6, a7):
    """A^T a"""
    s, d, t, e, u, f = a1 + a2, a1 - a2, a3 + a4, a3 - a4, a5 + a6, a5 - a6
    return (
        a0 + s + (t + u),
        fma(splat(0.5), f, fma(splat(2.0), e, d)),
        fma(splat(0.25), u, fma(splat(4.0), t, s)),
        fma(splat(0.125), f, fma(splat(8.0), e, d)),
        fma(splat(0.0625), u, fma(splat(16.0), t, s)),
        fma(splat(0.03125), f, fma(splat(32.0), e, d + a7)),
    )


@njit(**INLINE)
def _put_row(U, i, plane, g0, g1, g2):
    """One row of transformed kernels: U[i], U[i + plane] ..."""
    u0, u1, u2, u3, u4, u5, u6, u7 = _kernel(g0, g1, g2)
    store(U, i, u0)
    store(U, i + 1 * plane, u1)
    store(U, i + 2 * plane, u2)
    store(U, i + 3 * plane, u3)
    store(U, i + 4 * plane, u4)
    store(U, i + 5 * plane, u5)
    store(U, i + 6 * plane, u6)
    store(U, i + 7 * plane, u7)


@njit(**OPTIONS)
def transform_kernel(w, plane, pair, U):
    """Rows 0 and 7 (`pair` 0) or 2 pair - 1 and 2 pair of the transforms of kernels w [9, plane]: U [2, 8, plane]."""
    below, lower = 8 * plane, 6 * plane
    a, b, c = splat(PAIRS[pair, 0]), splat(PAIRS[pair, 1]), splat(PAIRS[pair, 2])
    for i in range(0, plane, 16):
        p0, p1, p2 = load(w, i), load(w, i + plane), load(w, i + 2 * plane)
        r0, r1, r2 = load(w, i + lower), load(w, i + lower + plane), load(w, i + lower + 2 * plane)
        if pair == 0:
            f = splat(-1.0)
            _put_row(U, i, plane, f * p0, f * p1, f * p2)
            _put_row(U, i + below, plane, r0, r1, r2)
        else:
            q0, q1, q2 = b * load(w, i + 3 * plane), b * load(w, i + 4 * plane), b * load(w, i + 5 * plane)
            s0, s1, s2 = fma(a, p0, c * r0), fma(a, p1, c * r1), fma(a, p2, c * r2)
            _put_row(U, i, plane, s0 + q0, s1 + q1, s2 + q2)
            _put_row(U, i + below, plane, s0 - q0, s1 - q1, s2 - q2)


@njit(**OPTIONS)
def transform_input(x, zeros, style, V, T, H, W, top, left, tiles, column, stride):
    """Transformed tiles of one channel and one row of tiles; component i goes to V[i stride + column + tile].

    x [H, W] is read from row `top` and column `left` on, zeros[0 .. W) outside it; T is room for [8, 112].
    """
    r0 = top * W if 0 <= top < H else zeros
    r1 = (top + 1) * W if 0 <= top + 1 < H else zeros
    r2 = (top + 2) * W if 0 <= top + 2 < H else zeros
    r3 = (top + 3) * W if 0 <= top + 3 < H else zeros
    r4 = (top + 4) * W if 0 <= top + 4 < H else zeros
    r5 = (top + 5) * W if 0 <= top + 5 < H else zeros
    r6 = (top + 6) * W if 0 <= top + 6 < H else zeros
    r7 = (top + 7) * W if 0 <= top + 7 < H else zeros
    s = splat(style)
    for t in range(0, tiles, 16):
        for i in range(0, WIDE, 16):
            c = left + 6 * t + i
            d = c + H * W  # the next channel
            will_read(x, r0 + d)
            will_read(x, r1 + d)
            will_read(x, r2 + d)
            will_read(x, r3 + d)
            will_read(x, r4 + d)
            will_read(x, r5 + d)
            will_read(x, r6 + d)
            will_read(x, r7 + d)
            if c >= 0 and c + 16 <= W:
                t0, t1, t2, t3, t4, t5, t6, t7 = _input(
                    load(x, r0 + c), load(x, r1 + c), load(x, r2 + c), load(x, r3 + c),
                    load(x, r4 + c), load(x, r5 + c), load(x, r6 + c), load(x, r7 + c),
                )  # fmt: skip
            else:
                a, b = -c, W - c
                t0, t1, t2, t3, t4, t5, t6, t7 = _input(
                    load_between(x, r0 + c, a, b), load_between(x, r1 + c, a, b),
                    load_between(x, r2 + c, a, b), load_between(x, r3 + c, a, b),
                    load_between(x, r4 + c, a, b), load_between(x, r5 + c, a, b),
                    load_between(x, r6 + c, a, b), load_between(x, r7 + c, a, b),
                )  # fmt: skip
            store(T, i, t0 * s)
            store(T, i + WIDE, t1 * s)
            store(T, i + 2 * WIDE, t2 * s)
            store(T, i + 3 * WIDE, t3 * s)
            store(T, i + 4 * WIDE, t4 * s)
            store(T, i + 5 * WIDE, t5 * s)
            store(T, i + 6 * WIDE, t6 * s)
            store(T, i + 7 * WIDE, t7 * s)
        n = tiles - t
        for r in range(8):
            i, o = r * WIDE, 8 * r * stride + column + t
            e0, o0 = unzipped(load(T, i), load(T, i + 16))
            e1, o1 = unzipped(load(T, i + 32), load(T, i + 48))
            e2, o2 = unzipped(load(T, i + 64), load(T, i + 80))
            next_ = load(T, i + 96)
            p0, p2, p4 = thirds(e0, e1, e2)
            p1, p3, p5 = thirds(o0, o1, o2)
            v0, v1, v2, v3, v4, v5, v6, v7 = _input(
                p0, p1, p2, p3, p4, p5, ahead(p0, next_), ahead_second(p1, next_)
            )
            put(V, o, v0, n)
            put(V, o + stride, v1, n)
            put(V, o + 2 * stride, v2, n)
            put(V, o + 3 * stride, v3, n)
            put(V, o + 4 * stride, v4, n)
            put(V, o + 5 * stride, v5, n)
            put(V, o + 6 * stride, v6, n)
            put(V, o + 7 * stride, v7, n)


@njit(**INLINE)
def _eight(M, i, step):
    return _output(
        load(M, i), load(M, i + step), load(M, i + 2 * step), load(M, i + 3 * step),
        load(M, i + 4 * step), load(M, i + 5 * step), load(M, i + 6 * step), load(M, i + 7 * step),
    )  # fmt: skip


@njit(**OPTIONS)
def transform_output(
    M, stride, T, column, tiles, y, OH, OW, top, left, scale, bias, noise, noise_gain, slope, clamp
):
    """One row of tiles of one output map [OH, OW] from M[i stride + column + tile]; zero if all was finite, or NaN.

    T is room for [6, 8, 16].
    """
    sc, bi, seen = splat(scale), splat(bias), splat(0.0)
    for t in range(0, tiles, 16):
        for k in range(8):
            i = 16 * k
            t0, t1, t2, t3, t4, t5 = _eight(M, column + t + k * stride, 8 * stride)
            store(T, i, t0)
            store(T, i + 128, t1)
            store(T, i + 256, t2)
            store(T, i + 384, t3)
            store(T, i + 512, t4)
            store(T, i + 640, t5)
        w = left + 6 * t
        n = min(OW - w, 6 * (tiles - t))
        for r in range(min(6, OH - top)):
            y0, y1, y2, y3, y4, y5 = _eight(T, 128 * r, 16)
            e0, e1, e2 = threaded(y0, y2, y4)
            o0, o1, o2 = threaded(y1, y3, y5)
            u0, u1 = zipped(e0, o0)
            u2, u3 = zipped(e1, o1)
            u4, u5 = zipped(e2, o2)
            o = (top + r) * OW + w
            for k in range(6):
                will_write(y, o + OH * OW + 16 * k)  # the next map
            seen = finish(y, o, fma(u0, sc, bi), n, noise, o, noise_gain, slope, clamp, seen)
            seen = finish(y, o + 16, fma(u1, sc, bi), n - 16, noise, o + 16, noise_gain, slope, clamp, seen)
            seen = finish(y, o + 32, fma(u2, sc, bi), n - 32, noise, o + 32, noise_gain, slope, clamp, seen)
            seen = finish(y, o + 48, fma(u3, sc, bi), n - 48, noise, o + 48, noise_gain, slope, clamp, seen)
            seen = finish(y, o + 64, fma(u4, sc, bi), n - 64, noise, o + 64, noise_gain, slope, clamp, seen)
            seen = finish(y, o + 80, fma(u5, sc, bi), n - 80, noise, o + 80, noise_gain, slope, clamp, seen)
    return total(seen)
