"""Winograd's F(4x4, 3x3): the transforms of sixteen tiles in a row, from an input and to an activated output."""

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
    total,
    unzipped,
    will_read,
    will_write,
    zipped,
)

# Transform of a kernel g: G g, for the points 0, 1, -1, 2, -2 and infinity, as three numbers for each two of them:
# (a, b, c) stands for a g0 + b g1 + c g2 and a g0 - b g1 + c g2; the first and the last are g0 / 4 and g2.
PAIRS = np.array([[0, 0, 0], [-4, -4, -4], [1, 2, 4]]) / 24


@njit(**INLINE)
def _kernel(g0, g1, g2):
    """G g"""
    s, t = splat(-1 / 6) * (g0 + g2), splat(-1 / 6) * g1
    u, v = splat(1 / 24) * fma(splat(4.0), g2, g0), splat(1 / 12) * g1
    return splat(0.25) * g0, s + t, s - t, u + v, u - v, g2


@njit(**INLINE)
def _input(a0, a1, a2, a3, a4, a5):
    """B^T a"""
    four, five, two = splat(4.0), splat(-5.0), splat(2.0)
    u, v, p, q = a4 - four * a2, a3 - four * a1, a4 - a2, two * (a3 - a1)
    return fma(four, a0, fma(five, a2, a4)), u + v, u - v, p + q, p - q, fma(four, a1, fma(five, a3, a5))


@njit(**INLINE)
def _output(a0, a1, a2, a3, a4, a5):
    """A^T a"""
    s, d, t, e = a1 + a2, a1 - a2, a3 + a4, a3 - a4
    return a0 + s + t, fma(splat(2.0), e, d), fma(splat(4.0), t, s), fma(splat(8.0), e, d) + a5


@njit(**INLINE)
def _put_row(U, i, plane, g0, g1, g2):
    """One row of transformed kernels: U[i], U[i + plane] ..."""
    u0, u1, u2, u3, u4, u5 = _kernel(g0, g1, g2)
    store(U, i, u0)
    store(U, i + 1 * plane, u1)
    store(U, i + 2 * plane, u2)
    store(U, i + 3 * plane, u3)
    store(U, i + 4 * plane, u4)
    store(U, i + 5 * plane, u5)


@njit(**OPTIONS)
def transform_kernel(w, plane, pair, U):
    """Rows 0 and 5 (`pair` 0) or 2 pair - 1 and 2 pair of the transforms of kernels w [9, plane]: U [2, 6, plane]."""
    below, lower = 6 * plane, 6 * plane
    a, b, c = splat(PAIRS[pair, 0]), splat(PAIRS[pair, 1]), splat(PAIRS[pair, 2])
    for i in range(0, plane, 16):
        p0, p1, p2 = load(w, i), load(w, i + plane), load(w, i + 2 * plane)
        r0, r1, r2 = load(w, i + lower), load(w, i + lower + plane), load(w, i + lower + 2 * plane)
        if pair == 0:
            f = splat(0.25)
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

    x [H, W] is read from row `top` and column `left` on, zeros[0 .. W) outside it; T is room for [6, 80].
    """
    r0 = top * W if 0 <= top < H else zeros
    r1 = (top + 1) * W if 0 <= top + 1 < H else zeros
    r2 = (top + 2) * W if 0 <= top + 2 < H else zeros
    r3 = (top + 3) * W if 0 <= top + 3 < H else zeros
    r4 = (top + 4) * W if 0 <= top + 4 < H else zeros
    r5 = (top + 5) * W if 0 <= top + 5 < H else zeros
    s = splat(style)
    for t in range(0, tiles, 16):
        for k in range(5):
            c = left + 4 * t + 16 * k
            d = c + H * W  # the next channel
            will_read(x, r0 + d)
            will_read(x, r1 + d)
            will_read(x, r2 + d)
            will_read(x, r3 + d)
            will_read(x, r4 + d)
            will_read(x, r5 + d)
            if c >= 0 and c + 16 <= W:
                t0, t1, t2, t3, t4, t5 = _input(
                    load(x, r0 + c),
                    load(x, r1 + c),
                    load(x, r2 + c),
                    load(x, r3 + c),
                    load(x, r4 + c),
                    load(x, r5 + c),
                )
            else:
                a, b = -c, W - c
                t0, t1, t2, t3, t4, t5 = _input(
                    load_between(x, r0 + c, a, b),
                    load_between(x, r1 + c, a, b),
                    load_between(x, r2 + c, a, b),
                    load_between(x, r3 + c, a, b),
                    load_between(x, r4 + c, a, b),
                    load_between(x, r5 + c, a, b),
                )
            i = 16 * k
            store(T, i, t0 * s)
            store(T, i + 80, t1 * s)
            store(T, i + 160, t2 * s)
            store(T, i + 240, t3 * s)
            store(T, i + 320, t4 * s)
            store(T, i + 400, t5 * s)
        n = tiles - t
        for r in range(6):
            i, o = 80 * r, 6 * r * stride + column + t
            e0, o0 = unzipped(load(T, i), load(T, i + 16))
            e1, o1 = unzipped(load(T, i + 32), load(T, i + 48))
            next_ = load(T, i + 64)
            p0, p2 = unzipped(e0, e1)
            p1, p3 = unzipped(o0, o1)
            v0, v1, v2, v3, v4, v5 = _input(p0, p1, p2, p3, ahead(p0, next_), ahead_second(p1, next_))
            put(V, o, v0, n)
            put(V, o + stride, v1, n)
            put(V, o + 2 * stride, v2, n)
            put(V, o + 3 * stride, v3, n)
            put(V, o + 4 * stride, v4, n)
            put(V, o + 5 * stride, v5, n)


@njit(**INLINE)
def _column(M, i, stride):
    """A^T down one column of components."""
    return _output(
        load(M, i),
        load(M, i + 6 * stride),
        load(M, i + 12 * stride),
        load(M, i + 18 * stride),
        load(M, i + 24 * stride),
        load(M, i + 30 * stride),
    )


@njit(**OPTIONS)
def transform_output(
    M, stride, column, tiles, y, OH, OW, top, left, scale, bias, noise, noise_gain, slope, clamp
):
    """One row of tiles of one output map [OH, OW] from M[i stride + column + tile]; zero if all was finite, or NaN."""
    sc, bi, seen = splat(scale), splat(bias), splat(0.0)
    for t in range(0, tiles, 16):
        i, w = column + t, left + 4 * t
        a0, a1, a2, a3 = _column(M, i, stride)
        b0, b1, b2, b3 = _column(M, i + stride, stride)
        c0, c1, c2, c3 = _column(M, i + 2 * stride, stride)
        d0, d1, d2, d3 = _column(M, i + 3 * stride, stride)
        e0, e1, e2, e3 = _column(M, i + 4 * stride, stride)
        f0, f1, f2, f3 = _column(M, i + 5 * stride, stride)
        for r in range(min(4, OH - top)):
            if r == 0:
                y0, y1, y2, y3 = _output(a0, b0, c0, d0, e0, f0)
            elif r == 1:
                y0, y1, y2, y3 = _output(a1, b1, c1, d1, e1, f1)
            elif r == 2:
                y0, y1, y2, y3 = _output(a2, b2, c2, d2, e2, f2)
            else:
                y0, y1, y2, y3 = _output(a3, b3, c3, d3, e3, f3)
            z0, z1 = zipped(y0, y2)
            z2, z3 = zipped(y1, y3)
            u0, u1 = zipped(z0, z2)
            u2, u3 = zipped(z1, z3)
            o = (top + r) * OW + w
            for k in range(4):
                will_write(y, o + OH * OW + 16 * k)  # the next map
            n = min(OW - w, 4 * (tiles - t))
            seen = finish(y, o, fma(u0, sc, bi), n, noise, o, noise_gain, slope, clamp, seen)
            seen = finish(y, o + 16, fma(u1, sc, bi), n - 16, noise, o + 16, noise_gain, slope, clamp, seen)
            seen = finish(y, o + 32, fma(u2, sc, bi), n - 32, noise, o + 32, noise_gain, slope, clamp, seen)
            seen = finish(y, o + 48, fma(u3, sc, bi), n - 48, noise, o + 48, noise_gain, slope, clamp, seen)
    return total(seen)
