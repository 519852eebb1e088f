"""Filtered leaky ReLU, streamed: rows go up, through the activation and down again without leaving the cache.

A full-rate row is kept as two planes, its even and its odd columns, so that decimation by 2 reads neighbours. Both
filters have 6 taps for each phase; the down filter is symmetric, which folds 12 products into 6, and a radial one is
a short sum of separable ones, in a basis that spares products: rank 3 takes 9 across and 18 down instead of 18 and 18.
"""

import functools
from typing import Any

import numpy as np
from llvmlite import ir
from numba import float32, float64, int64, njit
from numba.core import types

from cuda_ops.cpu.epilogue import INLINE, put
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
    total,
    will_read,
    will_write,
    zipped,
)

ENTRY = {**OPTIONS, "cache": True}
INPUTS, RATE = 8, 16  # rows kept at the rate of the input, of which six are needed, and full-rate rows: fourteen
UNIT = {1: (5,), 3: (1, 3, 5), 4: (0, 1, 3, 5), 6: (0, 1, 2, 3, 4, 5)}  # taps that are 1, by rank


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
def _filtered(x, a):
    """Sixteen outputs of six taps."""
    v = fma(a[3], x[3], fma(a[2], x[2], fma(a[1], x[1], a[0] * x[0])))
    return fma(a[5], x[5], fma(a[4], x[4], v))


@njit(**OPTIONS)
def _up_row(row, o, k, up, f, planes, n):
    """A row at `up` times the rate, [n / 16, 2, 16] even and odd columns; o and k are offset and first tap by phase."""
    if up == 2:
        a, b = _taps(f, k[0], 2), _taps(f, k[1], 2)
        if o[0] == o[1]:
            for m in range(0, n, 16):
                x = window(row, o[0] + m)
                store(planes, 2 * m, _filtered(x, a))
                store(planes, 2 * m + 16, _filtered(x, b))
        else:
            for m in range(0, n, 16):
                store(planes, 2 * m, _filtered(window(row, o[0] + m), a))
                store(planes, 2 * m + 16, _filtered(window(row, o[1] + m), b))
    else:
        for plane in range(2):
            a, b = _taps(f, k[plane], 4), _taps(f, k[plane + 2], 4)
            for m in range(0, n // 2, 16):
                u = _filtered(window(row, o[plane] + m), a)
                v = _filtered(window(row, o[plane + 2] + m), b)
                u, v = zipped(u, v)
                store(planes, 4 * m + 16 * plane, u)
                store(planes, 4 * m + 32 + 16 * plane, v)


@njit(**INLINE)
def _activated(x, slope, high, low):
    return smaller(high, larger(low, larger(x * slope, x)))


@njit(**INLINE)
def _up_rows(r, m, a, b, slope, high, low):
    """Columns m .. m+15 of both planes of two full-rate rows, activated, from six rows r of the ring."""
    v, w = load(r[0], 2 * m), load(r[0], 2 * m + 16)
    e, o, E, O = a[0] * v, a[0] * w, b[0] * v, b[0] * w
    v, w = load(r[1], 2 * m), load(r[1], 2 * m + 16)
    e, o, E, O = fma(a[1], v, e), fma(a[1], w, o), fma(b[1], v, E), fma(b[1], w, O)
    v, w = load(r[2], 2 * m), load(r[2], 2 * m + 16)
    e, o, E, O = fma(a[2], v, e), fma(a[2], w, o), fma(b[2], v, E), fma(b[2], w, O)
    v, w = load(r[3], 2 * m), load(r[3], 2 * m + 16)
    e, o, E, O = fma(a[3], v, e), fma(a[3], w, o), fma(b[3], v, E), fma(b[3], w, O)
    v, w = load(r[4], 2 * m), load(r[4], 2 * m + 16)
    e, o, E, O = fma(a[4], v, e), fma(a[4], w, o), fma(b[4], v, E), fma(b[4], w, O)
    v, w = load(r[5], 2 * m), load(r[5], 2 * m + 16)
    e, o, E, O = fma(a[5], v, e), fma(a[5], w, o), fma(b[5], v, E), fma(b[5], w, O)
    return (
        _activated(e, slope, high, low), _activated(o, slope, high, low),
        _activated(E, slope, high, low), _activated(O, slope, high, low),
    )  # fmt: skip


def _index(i: int):
    return ir.Constant(ir.IntType(64), i)


def _spreading(count: int):
    """An intrinsic: each of f[0 .. count-1] in all lanes of a vector."""

    @emitted
    def spreading(typing_context, f):
        def emit(context, builder, sig, args):
            places = [builder.gep(args[0], [_index(i)], source_etype=FLOAT) for i in range(count)]
            taps = [spread(builder, builder.load(place, align=4, typ=FLOAT)) for place in places]
            return context.make_tuple(builder, sig.return_type, taps)

        return types.UniTuple(f32x16, count)(pointer), emit

    return spreading


def _across(rank: int):
    """An intrinsic: sixteen outputs of `rank` filters along a full-rate row, decimated by 2, to parts [rank, 16].

    e, o are even and odd columns, E, O those that follow. f [rank, 6] are the taps' first halves.
    """

    @emitted
    def across(typing_context, parts, e, o, E, O, f):
        def emit(context, builder, sig, args):
            parts, e, o, E, O, f = args
            even, odd = ([lanes(builder, *pair, range(k, k + N)) for k in range(6)] for pair in ((e, E), (o, O)))
            sums = []  # of taps k and 11 - k, which are of unlike parity
            for k in range(6):
                u, v = (even, odd) if k % 2 == 0 else (odd, even)
                sums.append(builder.fadd(u[k // 2], v[5 - k // 2]))
            for i, unit in enumerate(UNIT[rank]):
                v = sums[unit]
                for k in (k for k in range(6) if k not in UNIT[rank]):
                    v = multiply_add(builder, builder.extract_value(f, 6 * i + k), sums[k], v)
                builder.store(v, element(builder, parts, _index(N * i)), align=4)
            return context.get_dummy_value()

        taps = types.UniTuple(f32x16, 6 * rank)
        return types.void(pointer, f32x16, f32x16, f32x16, f32x16, taps), emit

    return across


def _down(rank: int):
    """An intrinsic: sixteen columns of two rows of output from the parts of fourteen full-rate rows, at m in each."""

    @emitted
    def down(typing_context, rows, m, f):
        def emit(context, builder, sig, args):
            starts, m, f = args
            results = []
            for i in range(rank):
                place = builder.add(m, _index(N * i))
                at_row = [element(builder, builder.extract_value(starts, j), place) for j in range(14)]
                rows = [builder.load(p, align=4, typ=VECTOR) for p in at_row]
                sums: list[Any] = [None, None]
                for k in range(6):
                    tap = builder.extract_value(f, 6 * i + k)
                    for j, before in enumerate(sums):
                        both = builder.fadd(rows[2 * j + k], rows[2 * j + 11 - k])
                        sums[j] = builder.fmul(tap, both) if k == 0 else multiply_add(builder, tap, both, before)
                results.append(sums)
            totals = [functools.reduce(builder.fadd, part) for part in zip(*results)]
            return context.make_tuple(builder, sig.return_type, totals)

        taps = types.UniTuple(f32x16, 6 * rank)
        return types.UniTuple(f32x16, 2)(types.UniTuple(pointer, 14), types.intp, taps), emit

    return down


@njit(**OPTIONS)
def _read_row(x, W, first, last, row, bias, seen):
    """row[0 .. last-first) = x[first .. last) + bias; `seen` stays zero while every number is finite."""
    for w in range(0, last - first, 16):
        will_read(x, first + w + 2 * W)
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


@njit(**INLINE)
def parts_size(width, rank):
    """Distance of the parts of full-rate rows: an odd number of lines of the cache, so that they do not compete."""
    return ((width + 15) // 16 * rank | 1) * 16


def _ring(length: int, count: int):
    """An intrinsic: where `count` rows of `size` numbers lie in a ring of `length` rows, from row `first` on."""

    @emitted
    def places(typing_context, p, first, size):
        def emit(context, builder, sig, args):
            p, first, size = args
            rows = [builder.and_(builder.add(first, _index(j)), _index(length - 1)) for j in range(count)]
            found = [builder.gep(p, [builder.mul(row, size)], source_etype=FLOAT) for row in rows]
            return context.make_tuple(builder, sig.return_type, found)

        return types.UniTuple(pointer, count)(pointer, types.intp, types.intp), emit

    return places


_six, _pair, _fourteen = _ring(INPUTS, 6), _ring(RATE, 2), _ring(RATE, 14)


@njit(**INLINE)
def _phases(px, up):
    """Of each output phase the first tap k and the input o that it falls on, counted from the least; and that one."""
    k = (px % up, (px - 1) % up, (px - 2) % up, (px - 3) % up)
    o = ((k[0] - px) // up, (1 + k[1] - px) // up, (2 + k[2] - px) // up, (3 + k[3] - px) // up)
    low = min(o[0], o[1]) if up == 2 else min(min(o[0], o[1]), min(o[2], o[3]))
    return k, (o[0] - low, o[1] - low, o[2] - low, o[3] - low), low


def _strip_of(rank: int):
    """What filters a strip of one map, for down filters of `rank` parts."""
    spreading, across, down = _spreading(6 * rank), _across(rank), _down(rank)

    @njit(**OPTIONS)
    def strip(x, y, shape, cut, filters, tail, room):
        """Columns w0 .. w0+width-1 of one map; zero if all was finite, or NaN."""
        H, W, OH, OW, up, px, py = shape
        w0, width, n = cut
        fu_x, fu_y, fd_y, fd_x = filters
        bias, s, high, low = tail[0], splat(tail[1]), splat(tail[2]), splat(-tail[2])
        size, R = parts_size(width, rank), 2 * n
        row, ring = room, offset(room, n + 64)
        parts = offset(ring, INPUTS * R)
        k, o, start = _phases(px - 2 * w0, up)
        first, last = max(start, 0), min(start + R // up + 8, W)
        for w in range(0, n + 64, 16):
            store(row, w, splat(0.0))
        f, g, seen = spreading(fd_x), spreading(fd_y), splat(0.0)
        i = -(py // up)  # six input rows from i on give `up` full-rate rows, up to t
        loaded, r = i - 1, 0
        while r < OH:
            while loaded < i + 5:
                loaded += 1
                planes = offset(ring, (loaded & (INPUTS - 1)) * R)
                if loaded < 0 or loaded >= H or first >= last:
                    for w in range(0, R, 16):
                        store(planes, w, splat(0.0))
                else:
                    seen = _read_row(offset(x, loaded * W), W, first, last, offset(row, first - start), bias, seen)
                    _up_row(row, o, k, up, fu_x, planes, n)
            six = _six(ring, i, R)
            for pair in range(up // 2 - 1, -1, -1):
                t = py + up * i - 2 * pair
                upper, lower = _pair(parts, t - 1, size)
                a, b = _taps(fu_y, 2 * pair + 1, up), _taps(fu_y, 2 * pair, up)
                now, soon = _up_rows(six, 0, a, b, s, high, low), _up_rows(six, 16, a, b, s, high, low)
                for m in range(0, width, 16):
                    later = soon  # one piece more than `across` needs: it waits for nothing
                    if m + 32 < n:
                        later = _up_rows(six, m + 32, a, b, s, high, low)
                    across(offset(upper, rank * m), now[0], now[1], soon[0], soon[1], f)
                    across(offset(lower, rank * m), now[2], now[3], soon[2], soon[3], f)
                    now, soon = soon, later
                if r < OH and t >= (2 * r + 11 if r + 1 == OH else 2 * r + 13):
                    p, out = _fourteen(parts, 2 * r, size), offset(y, r * OW + w0)
                    for m in range(0, width, 16):
                        will_write(out, 2 * OW + m)
                        will_write(out, 3 * OW + m)
                        u, v = down(p, rank * m, g)
                        put(out, m, u, width - m)
                        if r + 1 < OH:
                            put(out, OW + m, v, width - m)
                    r += 2
            i += 1
        return total(seen)

    return strip


_strip1, _strip3, _strip4, _strip6 = (_strip_of(rank) for rank in UNIT)


@njit(**OPTIONS)
def _strip(rank, x, y, shape, cut, filters, tail, room):
    if rank == 1:
        return _strip1(x, y, shape, cut, filters, tail, room)
    if rank == 3:
        return _strip3(x, y, shape, cut, filters, tail, room)
    if rank == 4:
        return _strip4(x, y, shape, cut, filters, tail, room)
    return _strip6(x, y, shape, cut, filters, tail, room)


@njit(**ENTRY)
def filtered_lrelu(
    first, last, scratch, x_, y_, bias_, fu_x_, fu_y_, fd_y_, fd_x_,
    C, H, W, OH, OW, up, px, py, rank, strips, slope, clamp,
):  # fmt: skip
    """Maps first .. last-1 of x [N C, H, W] to y [N C, OH, OW], each in `strips` strips; downsampling is by 2.

    fu_x, fu_y [6 up] are the up filter turned round, with the gains; fd_y, fd_x [rank, 6] the first halves of the parts
    of the symmetric down filter, the second of them 1 or 0 at the taps `UNIT`. `scratch` is room for
    n + 64 + INPUTS 2 n + RATE m floats, with n of `plane_size` and m of `parts_size`. Returns NaN if an input was not
    finite, else zero.
    """
    x, y, bias, bad = at(x_), at(y_), at(bias_), np.float32(0.0)
    filters = (at(fu_x_), at(fu_y_), at(fd_y_), at(fd_x_))
    shape, step = (H, W, OH, OW, up, px, py), (OW + strips - 1) // strips
    for c in range(first, last):
        plane, out, tail = offset(x, c * H * W), offset(y, c * OH * OW), (bias[c % C], slope, clamp)
        for w0 in range(0, OW, step):
            width = min(step, OW - w0)
            cut = (w0, width, plane_size(width, up))
            bad += _strip(rank, plane, out, shape, cut, filters, tail, at(scratch))
    return bad


@njit(**INLINE)
def plane_size(width, up):
    """Even columns that `width` outputs need, in whole pieces of the upsampling; not a multiple of 256, which would
    make all rows compete for the same lines of the cache."""
    unit = 16 if up == 2 else 32
    n = (width + 5 + unit - 1) // unit * unit
    return n + unit if n % 256 == 0 else n


SIGNATURES = {filtered_lrelu: float32(*[int64] * 20, *[float64] * 2)}
