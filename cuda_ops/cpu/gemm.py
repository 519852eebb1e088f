"""The innermost product: a few rows of a packed matrix times a panel of 16, 32 or 48 columns, all in registers."""

from llvmlite import ir
from numba import njit
from numba.core import types

from cuda_ops.cpu.simd import FLOAT, VECTOR, WIDE, N, element, emitted, fetch, multiply_add, pointer, spread

OPTIONS = {"nogil": True, "error_model": "numpy"}

ROWS = 8 if WIDE else 6  # of the packed matrix at a time
PANEL = 3 if WIDE else 1  # vectors side by side at most
SOON, NEXT = 1024, 8  # numbers of A and rows of B that are asked for in advance: they lie far away, in short pieces


def _product(columns: int):
    """An intrinsic for ROWS rows and `columns` vectors of columns; sums stay in registers over the whole depth."""

    @emitted
    def product(typing_context, A, B, C, depth, stride_b, stride_c):
        def emit(context, builder, sig, args):
            _emit_product(builder, columns, *args)
            return context.get_dummy_value()

        return types.void(pointer, pointer, pointer, types.intp, types.intp, types.intp), emit

    return product


def _emit_product(builder, columns, A, B, C, depth, stride_b, stride_c):
    one = ir.Constant(depth.type, 1)
    before, body = builder.block, builder.append_basic_block("depth")
    after = builder.append_basic_block("done")
    builder.branch(body)
    builder.position_at_end(body)
    k, a, b = (builder.phi(depth.type) for _ in range(3))
    sums = [[builder.phi(VECTOR) for _ in range(columns)] for _ in range(ROWS)]
    panel = [
        builder.load(element(builder, B, builder.add(b, ir.Constant(b.type, N * j))), align=4, typ=VECTOR)
        for j in range(columns)
    ]
    fetch(builder, A, builder.add(a, ir.Constant(a.type, SOON)))
    soon = builder.add(b, builder.mul(stride_b, ir.Constant(b.type, NEXT)))
    for j in range(columns):
        fetch(builder, B, builder.add(soon, ir.Constant(b.type, N * j)))
    results = []
    for i, row in enumerate(sums):
        place = builder.gep(A, [builder.add(a, ir.Constant(a.type, i))], source_etype=FLOAT)
        weight = spread(builder, builder.load(place, align=4, typ=FLOAT))
        results.append([multiply_add(builder, weight, v, s) for v, s in zip(panel, row)])
    steps = (builder.add(k, one), builder.add(a, ir.Constant(a.type, ROWS)), builder.add(b, stride_b))
    for phi, step in zip((k, a, b), steps):
        phi.add_incoming(ir.Constant(depth.type, 0), before)
        phi.add_incoming(step, body)
    for row, result in zip(sums, results):
        for phi, value in zip(row, result):
            phi.add_incoming(ir.Constant(VECTOR, [0.0] * N), before)
            phi.add_incoming(value, body)
    builder.cbranch(builder.icmp_signed("<", steps[0], depth), body, after)
    builder.position_at_end(after)
    for i, result in enumerate(results):
        row = builder.mul(stride_c, ir.Constant(stride_c.type, i))
        for j, value in enumerate(result):
            place = element(builder, C, builder.add(row, ir.Constant(row.type, N * j)))
            builder.store(value, place, align=4)


@njit(**OPTIONS)
def pitch(size):
    """Distance between matrices of `size` numbers that are written together: off by a cache line, so that they do not
    all fall on the same few lines of the cache."""
    return size + N


_one, _two, _three = _product(1), _product(min(2, PANEL)), _product(min(3, PANEL))


@emitted
def offset(typing_context, p, i):
    """Pointer to p[i]."""

    def emit(context, builder, sig, args):
        return builder.gep(args[0], [args[1]], source_etype=FLOAT)

    return pointer(pointer, types.intp), emit


@njit(**OPTIONS)
def multiply(A, B, C, groups, depth, columns):
    """C[groups ROWS, columns] = A B, with A packed as [groups, depth, ROWS] and B [depth, columns].

    `columns` is a multiple of 16. The weights of one group stay in the first-level cache for all panels.
    """
    for g in range(groups):
        a, c, j = offset(A, g * depth * ROWS), offset(C, g * ROWS * columns), 0
        while PANEL >= 3 and j + 3 * N <= columns and columns - j != 4 * N:
            _three(a, offset(B, j), offset(c, j), depth, columns, columns)
            j += 3 * N
        while PANEL >= 2 and j + 2 * N <= columns:
            _two(a, offset(B, j), offset(c, j), depth, columns, columns)
            j += 2 * N
        while j < columns:
            _one(a, offset(B, j), offset(c, j), depth, columns, columns)
            j += N
