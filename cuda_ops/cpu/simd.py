"""Sixteen floats at a time for Numba: explicit vectors, so that speed does not hang on what a compiler guesses.

LLVM lays a `f32x16` out as one AVX-512, two AVX or four SSE/NEON registers: one source serves every processor.
Nothing here assumes that numbers are finite. Memory is addressed as `p[i]` with `p = at(address)`, a bare float
pointer: arrays would be reference counted in the innermost loops. Callers keep the memory alive.
"""

import operator
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

N = 16  # lanes
config: Any = import_module("numba.core.config")


def _has_wide_registers() -> bool:
    """Whether the code is for a processor with 32 registers of 16 floats: this one, or the one Numba is told of."""
    if config.CPU_NAME in (None, "host"):
        return bool(binding.get_host_cpu_features().get("avx512f"))
    return "+avx512f" in (config.CPU_FEATURES or "")


WIDE = _has_wide_registers()

FLOAT, _INT, _BIT = ir.FloatType(), ir.IntType(32), ir.IntType(1)
VECTOR, _INDICES = ir.VectorType(FLOAT, N), ir.VectorType(_INT, N)
_UNROUNDED = ("contract",)  # a product may be fused with the sum that takes it


class Vector(types.Type):
    """Numba's name for <16 x float>."""

    def __init__(self) -> None:
        super().__init__(name="f32x16")


f32x16 = Vector()
pointer = types.CPointer(types.float32)


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, VECTOR)


def _arithmetic(symbol, instruction: str) -> None:
    @infer_global(symbol)  # type: ignore[misc]
    class Template(AbstractTemplate):
        def generic(self, args, kws):
            return signature(f32x16, f32x16, f32x16) if args == (f32x16, f32x16) else None

    @lower_builtin(symbol, f32x16, f32x16)
    def lower(context, builder, sig, args):
        return getattr(builder, instruction)(*args, flags=_UNROUNDED)


for _symbol, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _arithmetic(_symbol, _instruction)


def emitted(function: Any) -> Any:
    """Numba's intrinsic; callers leave out the typing context, which no type checker can know."""
    return intrinsic(function)


# --- code that the intrinsics emit ----------------------------------------------------------------------------------


def lanes(builder, u, v, picks: Iterable[int]):
    """Vector of the picked lanes: 0..15 are those of `u`, 16..31 those of `v`."""
    picks = list(picks)
    if WIDE and u.type == VECTOR and 0 < picks[0] < N and picks == list(range(picks[0], picks[0] + N)):
        return _shifted(builder, u, v, picks[0])
    return builder.shuffle_vector(u, v, ir.Constant(ir.VectorType(_INT, len(picks)), [int(i) for i in picks]))


def _shifted(builder, u, v, k: int):
    """u[k] ... u[15], v[0] ... v[k-1] by the instruction made for it. LLVM would permute two registers, for which
    multiplications wait."""
    binding.initialize_native_asmparser()
    kind = ir.FunctionType(VECTOR, [VECTOR, VECTOR])
    return builder.asm(kind, f"valignd $${k}, $1, $2, $0", "=v,v,v", [u, v], side_effect=False)


def spread(builder, value):
    """All lanes `value`."""
    one = builder.insert_element(ir.Constant(ir.VectorType(value.type, N), ir.Undefined), value, _INT(0))
    return lanes(builder, one, one, [0] * N)


def element(builder, p, i, kind=VECTOR):
    """Pointer to `kind` at p[i]."""
    return builder.bitcast(builder.gep(p, [i], source_etype=FLOAT), ir.PointerType(kind))


def multiply_add(builder, u, v, w):
    """u v + w, fused where the processor can."""
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), "llvm.fmuladd.v16f32"
    )
    return builder.call(function, (u, v, w))


def fetch(builder, p, i, write: int = 0):
    """Ask for the line of the cache that holds p[i]; an address that does not exist does no harm."""
    place = builder.gep(p, [i], source_etype=FLOAT)
    kind = ir.FunctionType(ir.VoidType(), [place.type, _INT, _INT, _INT])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, (place, _INT(write), _INT(3), _INT(1)))  # to the nearest cache, of data


def _between(builder, low, high):
    """Mask of the lanes low <= k < high."""
    count = ir.Constant(_INDICES, list(range(N)))
    low, high = (spread(builder, builder.trunc(bound, _INT)) for bound in (low, high))
    return builder.and_(builder.icmp_signed(">=", count, low), builder.icmp_signed("<", count, high))


# --- memory ---------------------------------------------------------------------------------------------------------


@emitted
def at(typing_context, address):
    """Float pointer to an address."""

    def emit(context, builder, sig, args):
        return builder.inttoptr(args[0], context.get_value_type(pointer))

    return pointer(types.int64), emit


@emitted
def load(typing_context, p, i):
    """p[i : i + 16]"""

    def emit(context, builder, sig, args):
        return builder.load(element(builder, *args), align=4, typ=VECTOR)

    return f32x16(pointer, types.intp), emit


@emitted
def store(typing_context, p, i, v):
    """p[i : i + 16] = v"""

    def emit(context, builder, sig, args):
        builder.store(args[2], element(builder, args[0], args[1]), align=4)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, f32x16), emit


def _fetching(purpose: str, write: int):
    @emitted
    def fetching(typing_context, p, i):
        def emit(context, builder, sig, args):
            fetch(builder, args[0], args[1], write)
            return context.get_dummy_value()

        return types.void(pointer, types.intp), emit

    fetching.__doc__ = f"Ask for the line of the cache that holds p[i], {purpose}; it may lie outside what is there."
    return fetching


will_read, will_write = _fetching("to be read", 0), _fetching("to be written", 1)


@emitted
def load_between(typing_context, p, i, low, high):
    """p[i : i + 16] in the lanes low <= k < high, which alone are read; zero in the others."""

    def emit(context, builder, sig, args):
        place = element(builder, args[0], args[1])
        kind = ir.FunctionType(VECTOR, [place.type, _INT, ir.VectorType(_BIT, N), VECTOR])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v16f32.p0")
        mask = _between(builder, args[2], args[3])
        return builder.call(function, (place, _INT(4), mask, ir.Constant(VECTOR, [0.0] * N)))

    return f32x16(pointer, types.intp, types.intp, types.intp), emit


@emitted
def store_first(typing_context, p, i, v, n):
    """p[i : i + n] = v[:n]; all of v where n >= 16."""

    def emit(context, builder, sig, args):
        place = element(builder, args[0], args[1])
        kind = ir.FunctionType(ir.VoidType(), [VECTOR, place.type, _INT, ir.VectorType(_BIT, N)])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.store.v16f32.p0")
        zero = ir.Constant(args[3].type, 0)
        builder.call(function, (args[2], place, _INT(4), _between(builder, zero, args[3])))
        return context.get_dummy_value()

    return types.void(pointer, types.intp, f32x16, types.intp), emit


# --- arithmetic -----------------------------------------------------------------------------------------------------


@emitted
def splat(typing_context, x):
    """All sixteen lanes `x`."""

    def emit(context, builder, sig, args):
        return spread(builder, context.cast(builder, args[0], sig.args[0], types.float32))

    return f32x16(x), emit


@emitted
def fma(typing_context, u, v, w):
    """u v + w"""

    def emit(context, builder, sig, args):
        return multiply_add(builder, *args)

    return f32x16(f32x16, f32x16, f32x16), emit


def _chosen(relation: str):
    @emitted
    def choose(typing_context, u, v):
        def emit(context, builder, sig, args):
            return builder.select(builder.fcmp_ordered(relation, *args), *args)

        return f32x16(f32x16, f32x16), emit

    return choose


larger = _chosen(">")  # of u and v; v where either is NaN, as the processor's own instruction has it
smaller = _chosen("<")


@emitted
def first_lanes(typing_context, v, n):
    """v in its first n lanes, zero in the others."""

    def emit(context, builder, sig, args):
        mask = _between(builder, ir.Constant(args[1].type, 0), args[1])
        return builder.select(mask, args[0], ir.Constant(VECTOR, [0.0] * N))

    return f32x16(f32x16, types.intp), emit


@emitted
def total(typing_context, v):
    """Sum of the sixteen lanes."""

    def emit(context, builder, sig, args):
        v = args[0]
        for width in (8, 4, 2, 1):
            v = builder.fadd(v, lanes(builder, v, v, [(k + width) % N for k in range(N)]))
        return builder.extract_element(v, _INT(0))

    return types.float32(f32x16), emit


# --- order of lanes -------------------------------------------------------------------------------------------------


def _pair(first, second):
    @emitted
    def rearrange(typing_context, u, v):
        def emit(context, builder, sig, args):
            both = [lanes(builder, args[0], args[1], picks) for picks in (first, second)]
            return context.make_tuple(builder, sig.return_type, both)

        return types.UniTuple(f32x16, 2)(f32x16, f32x16), emit

    return rearrange


def _single(picks):
    @emitted
    def rearrange(typing_context, u, v):
        def emit(context, builder, sig, args):
            return lanes(builder, args[0], args[1], picks)

        return f32x16(f32x16, f32x16), emit

    return rearrange


def _triple(pick):
    """Three vectors from three: lane t of number k is lane `pick(k, t)` of the 48."""

    @emitted
    def rearrange(typing_context, u, v, w):
        def emit(context, builder, sig, args):
            made = []
            for k in range(3):
                picks = [pick(k, t) for t in range(N)]
                half = lanes(builder, args[0], args[1], [i if i < 2 * N else 0 for i in picks])
                made.append(lanes(builder, half, args[2], [t if i < 2 * N else i - N for t, i in enumerate(picks)]))
            return context.make_tuple(builder, sig.return_type, made)

        return types.UniTuple(f32x16, 3)(f32x16, f32x16, f32x16), emit

    return rearrange


thirds = _triple(lambda k, t: 3 * t + k)  # every third of the 48 lanes
threaded = _triple(lambda k, t: (N * k + t) // 3 + N * ((N * k + t) % 3))  # u[0], v[0], w[0], u[1] ...
zipped = _pair([k // 2 + N * (k % 2) for k in range(N)], [N // 2 + k // 2 + N * (k % 2) for k in range(N)])
unzipped = _pair(range(0, 2 * N, 2), range(1, 2 * N, 2))  # even and odd lanes of u followed by v
behind = _single(range(N - 1, 2 * N - 1))  # u[15], v[0], v[1] ... v[14]
ahead = _single(range(1, N + 1))  # u[1] ... u[15], v[0]
ahead_second = _single([*range(1, N), N + 1])  # u[1] ... u[15], v[1]
