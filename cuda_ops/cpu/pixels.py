"""Kernels for pictures: upsampling by two with a sum, and packing into bytes."""

from llvmlite import ir
from numba import float32, int64, njit, uint32, void
from numba.core import types

from cuda_ops.cpu.epilogue import put
from cuda_ops.cpu.gemm import OPTIONS, offset
from cuda_ops.cpu.simd import at, emitted, fma, load, load_between, splat, store, zipped

ENTRY = {**OPTIONS, "cache": True}
MARGIN = 16  # zeros before a row


@njit(**ENTRY)
def upsample(first, last, scratch, x_, f_, add_, y_, H, W):
    """Rows first .. last-1 of y [M 2H, 2W] = x [M H, W] upsampled by f [2, 4] (down, across), plus `add` if not 0.

    Of the four taps, which are ready to be correlated, two fall on samples: y[2j] = f0 x[j-1] + f2 x[j] and
    y[2j+1] = f1 x[j] + f3 x[j+1]. `scratch` holds W + 64 floats.
    """
    x, f, add, y, row = at(x_), at(f_), at(add_), at(y_), offset(at(scratch), MARGIN)
    a0, a1, a2, a3 = splat(f[4]), splat(f[5]), splat(f[6]), splat(f[7])
    for out in range(first, last):
        m, r = out // (2 * H), out % (2 * H)
        above, below = (r - 1) // 2, (r + 1) // 2  # the rows of x that row r lies between
        p, q, u, v = (m * H + above) * W, (m * H + below) * W, splat(f[r % 2]), splat(f[2 + r % 2])
        store(row, -MARGIN, splat(0.0))
        for j in range(0, W + 1, 16):
            n, s = W - j, splat(0.0)
            if above >= 0:
                s = u * load_between(x, p + j, 0, n)
            if below < H:
                s = fma(v, load_between(x, q + j, 0, n), s)
            store(row, j, s)
        for j in range(0, W, 16):
            n, o = 2 * (W - j), out * 2 * W + 2 * j
            s, t, w = load(row, j - 1), load(row, j), load(row, j + 1)
            low, high = zipped(fma(a0, s, a2 * t), fma(a1, t, a3 * w))
            if add_ != 0:
                low, high = low + load_between(add, o, 0, n), high + load_between(add, o + 16, 0, n - 16)
            put(y, o, low, n)
            if n > 16:
                put(y, o + 16, high, n - 16)


@emitted
def words(typing_context, address):
    """Pointer to 32-bit words."""

    def emit(context, builder, sig, args):
        return builder.inttoptr(args[0], ir.PointerType(ir.IntType(32)))

    return types.CPointer(types.uint32)(types.int64), emit


@njit(**OPTIONS)
def _byte(v):
    """A float in -1..1 as the published tools write it; NaN is 0."""
    v = v * float32(127.5) + float32(128.0)
    v = v if v > float32(0.0) else float32(0.0)
    return uint32(v if v < float32(255.0) else float32(255.0))


@njit(**ENTRY)
def pack(first, last, scratch, red_, green_, blue_, out_):
    """Pixels first .. last-1 as RGBA bytes, opaque."""
    red, green, blue, out = at(red_), at(green_), at(blue_), words(out_)
    for i in range(first, last):
        out[i] = (
            _byte(red[i]) | _byte(green[i]) << uint32(8) | _byte(blue[i]) << uint32(16) | uint32(0xFF000000)
        )


SIGNATURES = {upsample: void(*[int64] * 9), pack: void(*[int64] * 7)}
