"""Filtered leaky ReLU, streamed: rows go up, through the activation and down again without leaving the cache.

A full-rate row is kept as two planes, its even and its odd columns, so that decimation by 2 reads neighbours. Both
filters have 6 taps for each phase; the down filter is symmetric, which folds 12 products into 6, and a radial one is
a short sum of separable ones.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import float64, int64, njit, void
from numba.core import types

from cuda_ops.cpu.epilogue import INLINE
from cuda_ops.cpu.gemm import OPTIONS, offset
from cuda_ops.cpu.simd import (
    FLOAT,
    VECTOR,
    N,
    at,
    element,
    emitted,
    f32x16,
    fma,
    lanes,
    larger,
    load,
    load_between,
    multiply_add,
    pointer,
    smaller,
    splat,
    spread,
    store,
    store_first,
    store_mixed,
    total,
)

ENTRY = {**OPTIONS, "cache": True}
RING = 16  # full-rate rows kept, at least the 12 of the down filter and the 4 that come at once


@njit(**INLINE)
def _taps(f, k, step):
    return (
        splat(f[k]), splat(f[k + step]), splat(f[k + 2 * step]),
        splat(f[k + 3 * step]), splat(f[k + 4 * step]), splat(f[k + 5 * step]),
    )  # fmt: skip


@emitted
def window(typing_context, p, i):
    """p[i + k : i + k + 16] for k = 0 .. 5, from two loads: most of six would straddle lines of the cache."""

    def emit(context, builder, sig, args):
        p, i = args
        second = builder.add(i, ir.Constant(i.type, N))
        u, v = (builder.load(element(builder, p, start), align=4, typ=VECTOR) for start in (i, second))
        return context.make_tuple(builder, sig.return_type, [lanes(builder, u, v, range(k, k + N)) for k in range(6)])

    return types.UniTuple(f32x16, 6)(pointer, types.intp), emit


@njit(**INLINE)
def _filtered(w, p, a):
    """Sixteen outputs of six taps along a row."""
    x = window(w, p)
    v = fma(a[3], x[3], fma(a[2], x[2], fma(a[1], x[1], a[0] * x[0])))
    return fma(a[5], x[5], fma(a[4], x[4], v))


@njit(**OPTIONS)
def _up_row(row, o, k, up, f, planes, n):
    """A row at `up` times the rate, [2, n] even and odd columns; o and k hold offset and first tap of each phase."""
    if up == 2:
        a, b = _taps(f, k[0], 2), _taps(f, k[1], 2)
        for m in range(0, n, 16):
            store(planes, m, _filtered(row, o[0] + m, a))
            store(planes, n + m, _filtered(row, o[1] + m, b))
    else:
        for plane in range(2):
            a, b = _taps(f, k[plane], 4), _taps(f, k[plane + 2], 4)
            for m in range(0, n // 2, 16):
                u, v = _filtered(row, o[plane] + m, a), _filtered(row, o[plane + 2] + m, b)
                store_mixed(planes, plane * n + 2 * m, u, v)


@njit(**OPTIONS)
def _up_rows(ring, i, R, f, k, l, up, rows, t, slope, clamp):
    """Full-rate rows t and t+1 from the six rows i .. i+5 of the ring, activated."""
    r0, r1, r2 = offset(ring, (i & 7) * R), offset(ring, ((i + 1) & 7) * R), offset(ring, ((i + 2) & 7) * R)
    r3, r4, r5 = (
        offset(ring, ((i + 3) & 7) * R),
        offset(ring, ((i + 4) & 7) * R),
        offset(ring, ((i + 5) & 7) * R),
    )
    y0, y1 = offset(rows, (t & 15) * R), offset(rows, ((t + 1) & 15) * R)
    a, b = _taps(f, k, up), _taps(f, l, up)
    s, high, low = splat(slope), splat(clamp), splat(-clamp)
    for m in range(0, R, 16):
        v = load(r0, m)
        x, y = a[0] * v, b[0] * v
        v = load(r1, m)
        x, y = fma(a[1], v, x), fma(b[1], v, y)
        v = load(r2, m)
        x, y = fma(a[2], v, x), fma(b[2], v, y)
        v = load(r3, m)
        x, y = fma(a[3], v, x), fma(b[3], v, y)
        v = load(r4, m)
        x, y = fma(a[4], v, x), fma(b[4], v, y)
        v = load(r5, m)
        x, y = fma(a[5], v, x), fma(b[5], v, y)
        store(y0, m, smaller(high, larger(low, larger(x * s, x))))
        store(y1, m, smaller(high, larger(low, larger(y * s, y))))


def _folding(rank: int):
    """An intrinsic: `rank` sums of twelve rows at column m, f [rank, 6] being the first halves of symmetric filters."""

    @emitted
    def folded(typing_context, rows, starts, f, m):
        def emit(context, builder, sig, args):
            rows, starts, f, m = args
            sums: list[Any] = [None] * rank
            at_row = [builder.add(builder.extract_value(starts, i), m) for i in range(12)]
            for i in range(6):
                pair = [
                    builder.load(element(builder, rows, at_row[j]), align=4, typ=VECTOR) for j in (i, 11 - i)
                ]
                both = builder.fadd(*pair)
                for k in range(rank):
                    place = builder.gep(f, [ir.Constant(m.type, 6 * k + i)], source_etype=FLOAT)
                    tap = spread(builder, builder.load(place, align=4, typ=FLOAT))
                    sums[k] = builder.fmul(tap, both) if i == 0 else multiply_add(builder, tap, both, sums[k])
            return context.make_tuple(builder, sig.return_type, sums)

        return types.UniTuple(f32x16, rank)(pointer, starts, pointer, types.intp), emit

    return folded


_fold1, _fold2, _fold3, _fold4 = (_folding(rank) for rank in (1, 2, 3, 4))


@njit(**OPTIONS)
def _down_rows(rows, t, R, f, rank, q):
    """Twelve full-rate rows from t on become `rank` rows [rank, R], one for each separable part of the filter."""
    p = (
        (t & 15) * R, ((t + 1) & 15) * R, ((t + 2) & 15) * R, ((t + 3) & 15) * R,
        ((t + 4) & 15) * R, ((t + 5) & 15) * R, ((t + 6) & 15) * R, ((t + 7) & 15) * R,
        ((t + 8) & 15) * R, ((t + 9) & 15) * R, ((t + 10) & 15) * R, ((t + 11) & 15) * R,
    )  # fmt: skip
    k = 0
    while k < rank:
        a, o = offset(f, 6 * k), offset(q, k * R)
        if rank - k >= 4:
            for m in range(0, R, 16):
                u, v, w, z = _fold4(rows, p, a, m)
                store(o, m, u)
                store(o, m + R, v)
                store(o, m + 2 * R, w)
                store(o, m + 3 * R, z)
            k += 4
        elif rank - k == 3:
            for m in range(0, R, 16):
                u, v, w = _fold3(rows, p, a, m)
                store(o, m, u)
                store(o, m + R, v)
                store(o, m + 2 * R, w)
            k += 3
        elif rank - k == 2:
            for m in range(0, R, 16):
                u, v = _fold2(rows, p, a, m)
                store(o, m, u)
                store(o, m + R, v)
            k += 2
        else:
            for m in range(0, R, 16):
                store(o, m, _fold1(rows, p, a, m)[0])
            k += 1


@njit(**INLINE)
def _down(q, e, n, a, u):
    """u + twelve symmetric taps on interleaved planes e and e+n, decimated by 2."""
    x, y = window(q, e), window(q, e + n)
    u = fma(a[1], y[0] + x[5], fma(a[0], x[0] + y[5], u))
    u = fma(a[3], y[1] + x[4], fma(a[2], x[1] + y[4], u))
    return fma(a[5], y[2] + x[3], fma(a[4], x[2] + y[3], u))


@njit(**OPTIONS)
def _down_columns(q, n, f, rank, y, width):
    """y[0 .. width) from the rows q [rank, 2, n]; two parts of the filter at a time."""
    for k in range(0, rank, 2):
        a, e = _taps(f, 6 * k, 1), 2 * k * n
        pair = k + 1 < rank
        b = _taps(f, 6 * k + 6 if pair else 6 * k, 1)
        for m in range(0, width, 16):
            left = width - m
            u = splat(0.0) if k == 0 else load_between(y, m, 0, left)
            u = _down(q, e + m, n, a, u)
            if pair:
                u = _down(q, e + 2 * n + m, n, b, u)
            if left >= 16:
                store(y, m, u)
            else:
                store_first(y, m, u, left)


@njit(**OPTIONS)
def _read_row(x, first, last, row, bias, seen):
    """row[0 .. last-first) = x[first .. last) + bias; `seen` stays zero while every number is finite."""
    for w in range(0, last - first, 16):
        n = last - first - w
        if n >= 16:
            v = load(x, first + w) + splat(bias)
            store(row, w, v)
        else:
            v = load_between(x, first + w, 0, n)
            seen = fma(v, splat(0.0), seen)
            v = v + splat(bias)
            store_first(row, w, v, n)
        seen = fma(v, splat(0.0), seen)
    return seen


@njit(**OPTIONS)
def _strip(
    x, y, H, W, OH, OW, w0, width, n, up, px, py, fu_x, fu_y, fd_y, fd_x, rank, bias, slope, clamp, room
):
    """Columns w0 .. w0+width-1 of one map; zero if all was finite, or NaN."""
    R = 2 * n
    row, ring = room, offset(room, n + 64)
    rows = offset(ring, 8 * R)
    q = offset(rows, RING * R)
    px -= 2 * w0
    k = (px % up, (px - 1) % up, (px - 2) % up, (px - 3) % up)  # first tap of each output phase
    o = (
        (k[0] - px) // up,
        (1 + k[1] - px) // up,
        (2 + k[2] - px) // up,
        (3 + k[3] - px) // up,
    )  # input it falls on
    low = min(o[0], o[1]) if up == 2 else min(min(o[0], o[1]), min(o[2], o[3]))
    o = (o[0] - low, o[1] - low, o[2] - low, o[3] - low)
    first, last = max(low, 0), min(low + 2 * n // up + 8, W)
    for w in range(0, n + 64, 16):
        store(row, w, splat(0.0))
    i, seen = -(py // up), splat(0.0)  # six input rows from i on give `up` full-rate rows, up to t
    loaded, r = i - 1, 0
    while r < OH:
        while loaded < i + 5:
            loaded += 1
            planes = offset(ring, (loaded & 7) * R)
            if loaded < 0 or loaded >= H or first >= last:
                for w in range(0, R, 16):
                    store(planes, w, splat(0.0))
            else:
                seen = _read_row(offset(x, loaded * W), first, last, offset(row, first - low), bias, seen)
                _up_row(row, o, k, up, fu_x, planes, n)
        t = py + up * i
        if up == 4:
            _up_rows(ring, i, R, fu_y, 3, 2, 4, rows, t - 3, slope, clamp)
        _up_rows(ring, i, R, fu_y, 1, 0, up, rows, t - 1, slope, clamp)
        i += 1
        while r < OH and 2 * r + 11 <= t:
            _down_rows(rows, 2 * r, R, fd_y, rank, q)
            _down_columns(q, n, fd_x, rank, offset(y, r * OW + w0), width)
            r += 1
    return total(seen)


@njit(**ENTRY)
def filtered_lrelu(
    first, last, scratch, x_, y_, bias_, seen_, fu_x_, fu_y_, fd_y_, fd_x_,
    C, H, W, OH, OW, up, px, py, rank, strips, slope, clamp,
):  # fmt: skip
    """Maps first .. last-1 of x [N C, H, W] to y [N C, OH, OW], each in `strips` strips; downsampling is by 2.

    fu_x, fu_y [6 up] are the up filter turned round, with the gains; fd_y, fd_x [rank, 6] the first halves of the parts
    of the symmetric down filter. `scratch` is room for n + 64 + (24 + rank) 2 n floats, with n of `plane_size`.
    seen[map] becomes NaN if an input was not finite.
    """
    x, y, bias, seen = at(x_), at(y_), at(bias_), at(seen_)
    fu_x, fu_y, fd_y, fd_x = at(fu_x_), at(fu_y_), at(fd_y_), at(fd_x_)
    step = (OW + strips - 1) // strips
    for c in range(first, last):
        bad = np.float32(0.0)
        for w0 in range(0, OW, step):
            width = min(step, OW - w0)
            n = plane_size(width, up)
            plane, out = offset(x, c * H * W), offset(y, c * OH * OW)
            bad += _strip(
                plane, out, H, W, OH, OW, w0, width, n, up, px, py,
                fu_x, fu_y, fd_y, fd_x, rank, bias[c % C], slope, clamp, at(scratch),
            )  # fmt: skip
        seen[c] = bad


@njit(**INLINE)
def plane_size(width, up):
    """Even columns that `width` outputs need, in whole pieces of the upsampling; not a multiple of 256, which would
    make all rows compete for the same lines of the cache."""
    unit = 16 if up == 2 else 32
    n = (width + 5 + unit - 1) // unit * unit
    return n + unit if n % 256 == 0 else n


SIGNATURES = {filtered_lrelu: void(*[int64] * 21, *[float64] * 2)}
