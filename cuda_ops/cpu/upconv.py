"""StyleGAN2's upsampling layer: transposed 3x3 convolution of stride 2, four-tap filter, activation, in one stream.

Along an axis the even outputs of the transposed convolution are w0 x[j] + w2 x[j-1], the odd ones w1 x[j]. Four even
ones take 5 products by Winograd's F(4, 2) instead of 8, so that a tile of 4x4 inputs takes 81 products instead of 144.
The filtered rows that the next rows of tiles need are carried over.
"""

import numpy as np
from numba import float32, float64, int64, njit, void

from cuda_ops.cpu.epilogue import INLINE, finish, put
from cuda_ops.cpu.gemm import OPTIONS, ROWS, multiply, offset, pitch
from cuda_ops.cpu.simd import (
    ahead,
    at,
    fma,
    load,
    load_between,
    splat,
    store,
    total,
    unzipped,
    will_read,
    zipped,
)
from cuda_ops.cpu.winograd import margin, plane_of

ENTRY = {**OPTIONS, "cache": True}
EE, EO, OE, OO, PRODUCTS = 0, 25, 45, 65, 81  # components of a tile: rows even or odd, then columns

# Transform of the kernel (w2, w0) for the points 0, 1, -1, 2 and infinity
KERNEL = np.array([[3, 0], [-3, -3], [-1, 1], [1, 2], [0, 6]]) / 6
MATRICES = 36  # for each row of the transform, five even and an odd one: five columns and an odd one
# The last row and column of the kernel: which of nine matrices hold its three numbers, or which of the MATRICES, and
# times what they are that
EDGES = np.array([[[6, 7, 8], [2, 5, 8]], [[4, 5, 0], [24, 30, 0]]])
FACTORS = np.array([[1, 1, 1], [2, 2, 4]], np.float32)
EDGE = 192  # inputs of an edge at a time


@njit(**INLINE)
def _input(d0, d1, d2, d3, d4):
    """B^T d"""
    two, u = splat(2.0), d3 - d1
    m1, m2 = d3 - d2 - two * d1, fma(splat(-3.0), d2, fma(two, d1, d3))
    return fma(two, d0 - d2, u), m1, m2, u, fma(splat(-2.0), u, d4 - d2)


@njit(**INLINE)
def _output(m0, m1, m2, m3, m4):
    """A^T m"""
    s, d = m1 + m2, m1 - m2
    return m0 + s + m3, fma(splat(2.0), m3, d), fma(splat(4.0), m3, s), fma(splat(8.0), m3, d) + m4


@njit(**OPTIONS)
def transform_kernel(w, plane, r, U):
    """Row `r`, 5 being the odd one, of the transforms of kernels w [9, plane]: U [6, plane], the odd column last."""
    even = r < 5
    a, b = splat(KERNEL[r, 0] if even else 1.0), splat(KERNEL[r, 1] if even else 0.0)
    p = 6 * plane if even else 3 * plane
    for i in range(0, plane, 16):
        t0, t1, t2 = a * load(w, p + i), a * load(w, p + plane + i), a * load(w, p + 2 * plane + i)
        if even:
            t0, t1 = fma(b, load(w, i), t0), fma(b, load(w, plane + i), t1)
            t2 = fma(b, load(w, 2 * plane + i), t2)
        half, sixth = splat(0.5) * t2, splat(1 / 6) * t2
        store(U, i, half)
        store(U, i + plane, fma(splat(-0.5), t0, splat(-1.0) * half))
        store(U, i + 2 * plane, fma(splat(1 / 6), t0, splat(-1.0) * sixth))
        store(U, i + 3 * plane, fma(splat(1 / 3), t0, sixth))
        store(U, i + 4 * plane, t0)
        store(U, i + 5 * plane, t1)


@njit(**OPTIONS)
def transform_input(x, zeros, style, V, T, H, W, top, tiles, column, c, depth, columns):
    """Components of one row of tiles, whose inputs begin at row `top` and column -1, of channel `c` out of `depth`.

    V is 25 matrices [depth, columns] (EE), 5 and 5 [depth, 4 columns] (EO, OE) and one [depth, 16 columns] (OO).
    zeros[0 .. W) stands for rows outside x [H, W]; T is room for [9, 80].
    """
    size = pitch(depth * columns)
    r0 = top * W if 0 <= top < H else zeros
    r1 = (top + 1) * W if 0 <= top + 1 < H else zeros
    r2 = (top + 2) * W if 0 <= top + 2 < H else zeros
    r3 = (top + 3) * W if 0 <= top + 3 < H else zeros
    r4 = (top + 4) * W if 0 <= top + 4 < H else zeros
    s = splat(style)
    for t in range(0, tiles, 16):
        for k in range(5):
            q, i = 4 * t - 1 + 16 * k, 16 * k
            low, high = -q, W - q
            d = q + H * W  # the next channel
            will_read(x, r0 + d)
            will_read(x, r1 + d)
            will_read(x, r2 + d)
            will_read(x, r3 + d)
            will_read(x, r4 + d)
            d0 = load_between(x, r0 + q, low, high) * s
            d1 = load_between(x, r1 + q, low, high) * s
            d2 = load_between(x, r2 + q, low, high) * s
            d3 = load_between(x, r3 + q, low, high) * s
            d4 = load_between(x, r4 + q, low, high) * s
            e0, e1, e2, e3, e4 = _input(d0, d1, d2, d3, d4)
            store(T, i, e0)
            store(T, i + 80, e1)
            store(T, i + 160, e2)
            store(T, i + 240, e3)
            store(T, i + 320, e4)
            store(T, i + 400, d1)
            store(T, i + 480, d2)
            store(T, i + 560, d3)
            store(T, i + 640, d4)
        n, p = tiles - t, column + t
        for r in range(9):
            i = 80 * r
            a0, b0 = unzipped(load(T, i), load(T, i + 16))
            a1, b1 = unzipped(load(T, i + 32), load(T, i + 48))
            p0, p2 = unzipped(a0, a1)
            p1, p3 = unzipped(b0, b1)
            p4 = ahead(p0, load(T, i + 64))
            if r < 5:  # even rows: EE[r, 0..4], and columns 0..3 of EO[r]
                o, step = 5 * r * size + c * columns + p, size
                odd = (EO + 4 * r) * size + 4 * c * columns + p
            else:  # odd rows: columns r-5 of OE[0..4], and of OO
                o, step = OE * size + (4 * c + r - 5) * columns + p, 4 * size
                odd = OO * size + (16 * c + 4 * (r - 5)) * columns + p
            e0, e1, e2, e3, e4 = _input(p0, p1, p2, p3, p4)
            put(V, o, e0, n)
            put(V, o + step, e1, n)
            put(V, o + 2 * step, e2, n)
            put(V, o + 3 * step, e3, n)
            put(V, o + 4 * step, e4, n)
            put(V, odd, p1, n)
            put(V, odd + columns, p2, n)
            put(V, odd + 2 * columns, p3, n)
            put(V, odd + 3 * columns, p4, n)


@njit(**INLINE)
def _five(M, i, step):
    return _output(
        load(M, i), load(M, i + step), load(M, i + 2 * step), load(M, i + 3 * step), load(M, i + 4 * step)
    )


@njit(**INLINE)
def _spread(p, i, y0, y1, y2, y3):
    """64 neighbours from four vectors that hold every fourth."""
    z0, z1 = zipped(y0, y2)
    z2, z3 = zipped(y1, y3)
    u0, u1 = zipped(z0, z2)
    u2, u3 = zipped(z1, z3)
    store(p, i, u0)
    store(p, i + 16, u1)
    store(p, i + 32, u2)
    store(p, i + 48, u3)


@njit(**OPTIONS)
def transform_output(M, o, size, columns, column, tiles, rows, S):
    """Eight rows of the transposed convolution, map `o`, from one row of tiles: rows [8, 2, S], even and odd columns.

    M is laid out as V is; `size` is the pitch of its matrices.
    """
    for t in range(0, tiles, 16):
        p, j = column + t, 4 * t
        m = o * columns + p
        a0, a1, a2, a3 = _five(M, m, 5 * size)
        b0, b1, b2, b3 = _five(M, m + size, 5 * size)
        c0, c1, c2, c3 = _five(M, m + 2 * size, 5 * size)
        d0, d1, d2, d3 = _five(M, m + 3 * size, 5 * size)
        e0, e1, e2, e3 = _five(M, m + 4 * size, 5 * size)
        _spread(rows, j, *_output(a0, b0, c0, d0, e0))
        _spread(rows, j + 4 * S, *_output(a1, b1, c1, d1, e1))
        _spread(rows, j + 8 * S, *_output(a2, b2, c2, d2, e2))
        _spread(rows, j + 12 * S, *_output(a3, b3, c3, d3, e3))
        m = EO * size + 4 * o * columns + p
        a0, a1, a2, a3 = _five(M, m, 4 * size)
        b0, b1, b2, b3 = _five(M, m + columns, 4 * size)
        c0, c1, c2, c3 = _five(M, m + 2 * columns, 4 * size)
        d0, d1, d2, d3 = _five(M, m + 3 * columns, 4 * size)
        _spread(rows, j + S, a0, b0, c0, d0)
        _spread(rows, j + 5 * S, a1, b1, c1, d1)
        _spread(rows, j + 9 * S, a2, b2, c2, d2)
        _spread(rows, j + 13 * S, a3, b3, c3, d3)
        for r in range(4):
            _spread(rows, j + (4 * r + 2) * S, *_five(M, OE * size + (4 * o + r) * columns + p, 4 * size))
            m = OO * size + (16 * o + 4 * r) * columns + p
            _spread(
                rows, j + (4 * r + 3) * S,
                load(M, m), load(M, m + columns), load(M, m + 2 * columns), load(M, m + 3 * columns),
            )  # fmt: skip


@njit(**OPTIONS)
def filter_row(even, odd, W, f, out, S):
    """Horizontal filter on a row of the transposed convolution, even[0 .. W] and odd[0 .. W); out is [2, S]."""
    f0, f1, f2, f3 = splat(f[0]), splat(f[1]), splat(f[2]), splat(f[3])
    for j in range(0, W, 16):
        e, o, e1 = load(even, j), load(odd, j), load(even, j + 1)
        store(out, j, fma(f0, load(odd, j - 1), f1 * e) + fma(f2, o, f3 * e1))
        store(out, S + j, fma(f0, e, f1 * o) + fma(f2, e1, f3 * load(odd, j + 1)))


@njit(**OPTIONS)
def filter_column(h, W, S, f, y, i, scale, bias, noise, noise_gain, slope, clamp):
    """One output row y[i .. i + 2W) from the four filtered rows h [4, 2, S]; zero if all was finite, or NaN."""
    f0, f1, f2, f3 = splat(f[0]), splat(f[1]), splat(f[2]), splat(f[3])
    sc, bi, seen = splat(scale), splat(bias), splat(0.0)
    for j in range(0, W, 16):
        u = fma(f0, load(h, j), f1 * load(h, j + 2 * S)) + fma(
            f2, load(h, j + 4 * S), f3 * load(h, j + 6 * S)
        )
        k = j + S
        v = fma(f0, load(h, k), f1 * load(h, k + 2 * S)) + fma(
            f2, load(h, k + 4 * S), f3 * load(h, k + 6 * S)
        )
        low, high = zipped(u, v)
        n, o = 2 * (W - j), i + 2 * j
        seen = finish(y, o, fma(low, sc, bi), n, noise, o, noise_gain, slope, clamp, seen)
        seen = finish(y, o + 16, fma(high, sc, bi), n - 16, noise, o + 16, noise_gain, slope, clamp, seen)
    return total(seen)


@njit(**OPTIONS)
def _products(weight, ready, room, V, M, C, columns):
    """All 36 matrices of the layer, for ROWS maps, times the components of a block; `room` for six of them."""
    size, out, plane = pitch(C * columns), pitch(ROWS * columns), plane_of(C)
    for r in range(6):
        U = offset(weight, 6 * r * plane) if ready else room
        if ready == 0:
            transform_kernel(weight, plane, r, U)
        for c in range(5):
            i, width = (EE + 5 * r + c, columns) if r < 5 else (OE + 4 * c, 4 * columns)
            multiply(offset(U, c * plane), offset(V, i * size), offset(M, i * out), 1, C, width)
        i, width = (EO + 4 * r, 4 * columns) if r < 5 else (OO, 16 * columns)
        multiply(offset(U, 5 * plane), offset(V, i * size), offset(M, i * out), 1, C, width)


@njit(**INLINE)
def line_size(n):
    """Room for a line of the transposed convolution of `n` inputs."""
    return (2 * n + 16) // 16 * 16


@njit(**OPTIONS)
def _edge(x, pixel, channel, style, weight, ready, side, C, first, last, groups, V, M, lines, size):
    """The last row (`side` 0) or column (1) of the transposed convolution, for `groups` ROWS maps: lines [.., size].

    Input j of channel c is x[j pixel + c channel]; those from `first` to `last` - 1 count. V and M are room.
    """
    matrices, plane = MATRICES if ready else 9, plane_of(C)
    for i in range(0, groups * ROWS * size, 16):
        store(lines, i, splat(0.0))
    for begin in range(first, last, EDGE):
        n = min(EDGE, last - begin)
        columns = (n + 15) // 16 * 16
        for c in range(C):
            for j in range(n):
                V[c * columns + j] = x[(begin + j) * pixel + c * channel] * style[c]
            for j in range(n, columns):
                V[c * columns + j] = np.float32(0.0)
        for g in range(groups):
            for i in range(3):
                u = offset(weight, (g * matrices + EDGES[ready, side, i]) * plane)
                multiply(u, V, M, 1, C, columns)
                for m in range(ROWS):
                    o = (g * ROWS + m) * size + 2 * begin + i
                    for j in range(n):
                        lines[o + 2 * j] += M[m * columns + j] * FACTORS[ready, i]


@njit(**ENTRY)
def transform(first, last, scratch, weight_, U_, C):
    """Groups first .. last-1 of U [groups, MATRICES, plane_of(C)], kernels transformed for good, from `weight`."""
    weight, U, plane = at(weight_), at(U_), plane_of(C)
    for g in range(first, last):
        nine, made = offset(weight, g * 9 * plane), offset(U, g * MATRICES * plane)
        for r in range(6):
            transform_kernel(nine, plane, r, offset(made, 6 * r * plane))


@njit(**ENTRY)
def convolve_up(
    first, last, scratch, x_, style_, weight_, f_, scale_, bias_, noise_, y_,
    C, H, W, O, block, strips, parts, groups, ready, noise_gain, slope, clamp,
):  # fmt: skip
    """Tasks first .. last-1 of y [O, 2H, 2W] = clamp(lrelu(filter(conv(x style, weight)) scale + bias + noise)).

    A task is one of `strips` ranges of rows for one of `parts` groups of maps, each `groups` ROWS maps wide, done in
    blocks of `block` rows of tiles. weight is [groups of O, 9, plane_of(C)], or [.., MATRICES, ..] if `ready`. f is
    [2, 4], down then across, ready to be correlated. `compiled` knows the size of `scratch`.
    Returns NaN if something was not finite, else zero.
    """
    x, style, weight, f = at(x_), at(style_), at(weight_), at(f_)
    scale, bias, noise, y, bad = at(scale_), at(bias_), at(noise_), at(y_), np.float32(0.0)
    S, tile_rows, tiles, all_groups = row_size(W), (H + 3) // 4, (W + 3) // 4, (O + ROWS - 1) // ROWS
    room = (block * tiles + 15) // 16 * 16
    zeros = at(scratch)
    for i in range(0, W + 80, 16):
        store(zeros, i, splat(0.0))
    T = offset(zeros, margin(W))
    U = offset(T, 9 * 80)
    plane = plane_of(C)
    V = offset(U, 6 * plane)
    M = offset(V, PRODUCTS * pitch(C * room))
    rows = offset(M, PRODUCTS * pitch(ROWS * room))
    h = offset(rows, 16 * S)
    carried = offset(h, (8 * block + 5) * 2 * S)
    bottom = offset(carried, groups * ROWS * 6 * S)
    right = offset(bottom, groups * ROWS * line_size(W))
    for task in range(first, last):
        part, strip = task % parts, task // parts
        g0 = part * groups
        mine = min(groups, all_groups - g0)
        begin, end = tile_rows * strip // strips, tile_rows * (strip + 1) // strips
        start = max(begin - 1, 0)  # the strip above ends before the rows that need its last tiles
        for i in range(0, mine * ROWS * 6 * S, 16):
            store(carried, i, splat(0.0))
        own = offset(weight, g0 * (MATRICES if ready else 9) * plane)
        if end == tile_rows:
            last_row = offset(x, (H - 1) * W)
            _edge(last_row, 1, H * W, style, own, ready, 0, C, 0, W, mine, V, M, bottom, line_size(W))
        last_column, above, below = offset(x, W - 1), max(4 * start - 1, 0), min(4 * end, H)
        _edge(last_column, W, H * W, style, own, ready, 1, C, above, below, mine, V, M, right, line_size(H))
        for ty in range(start, end, block):
            down = min(block, end - ty)
            columns = (down * tiles + 15) // 16 * 16
            for c in range(C):
                channel, nothing = offset(x, c * H * W), (scratch - x_) // 4 - c * H * W
                for r in range(down):
                    top, column = 4 * (ty + r) - 1, r * tiles
                    transform_input(channel, nothing, style[c], V, T, H, W, top, tiles, column, c, C, columns)
            low = 8 * begin - 2 if begin else 0  # output rows of this strip
            high = 2 * H if end == tile_rows else 8 * end - 2
            for m in range(min(mine * ROWS, O - g0 * ROWS)):
                o = g0 * ROWS + m
                if m % ROWS == 0:
                    w = offset(own, m // ROWS * (MATRICES if ready else 9) * plane)
                    _products(w, ready, U, V, M, C, columns)
                known = _rows_of(
                    M, m % ROWS, pitch(ROWS * columns), columns, tiles, down, ty, H, W, S, f,
                    offset(bottom, m * line_size(W)), offset(right, m * line_size(H)),
                    rows, h, offset(carried, m * 6 * S),
                )  # fmt: skip
                for r in range(max(8 * ty - 2, low), min(known - 2, high)):
                    bad += filter_column(
                        offset(h, (r + 2 - 8 * ty) * 2 * S), W, S, f, offset(y, o * 4 * H * W), r * 2 * W,
                        scale[o], bias[o], noise, noise_gain, slope, clamp,
                    )  # fmt: skip
    return bad


@njit(**OPTIONS)
def _rows_of(M, m, size, columns, tiles, down, ty, H, W, S, f, bottom, right, rows, h, carried):
    """Filtered rows 8 ty - 3 and on of one map in h; returns the number after the last, and carries over three."""
    across = offset(f, 4)
    for i in range(0, 6 * S, 16):
        store(h, i, load(carried, i))
    known = 8 * ty
    for r in range(down):
        transform_output(M, m, size, columns, r * tiles, tiles, offset(rows, 16), S)
        for i in range(8):
            if known < 2 * H:
                even, odd = offset(rows, 16 + 2 * i * S), offset(rows, 16 + (2 * i + 1) * S)
                even[W], odd[-1], odd[W] = right[known], np.float32(0.0), np.float32(0.0)
                filter_row(even, odd, W, across, offset(h, (known - 8 * ty + 3) * 2 * S), S)
                known += 1
    if known == 2 * H:  # the last row, and one of zeros below it
        even, odd = offset(rows, 16), offset(rows, 16 + S)
        for j in range(W):
            even[j], odd[j] = bottom[2 * j], bottom[2 * j + 1]
        even[W], odd[-1], odd[W] = bottom[2 * W], np.float32(0.0), np.float32(0.0)
        filter_row(even, odd, W, across, offset(h, (known - 8 * ty + 3) * 2 * S), S)
        for i in range(0, 2 * S, 16):
            store(h, (known - 8 * ty + 4) * 2 * S + i, splat(0.0))
        known += 2
    for i in range(0, 6 * S, 16):
        store(carried, i, load(h, (known - 8 * ty) * 2 * S + i))
    return known


@njit(**INLINE)
def row_size(W):
    """Room for one plane of a row: whole tiles, a margin before and one behind."""
    return (W + 63) // 64 * 64 + 48


SIGNATURES = {transform: void(*[int64] * 6), convolve_up: float32(*[int64] * 20, *[float64] * 3)}
