"""The FIR kernel: filtered leaky ReLU, up-FIR-down, and StyleGAN2's filter with the end of its layer."""

import ctypes
import functools
import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from cuda_ops.cpu.prepared import prepared
from cuda_ops.gpu import device, program

Padding = tuple[int, int, int, int]

FACTORS = (1, 2, 4)
MAX_TAPS, MAX_RANK = 32, 4
RANK_TOLERANCE = {torch.float32: 1e-6, torch.float16: 1e-4}  # of the largest singular value
SHARED_BYTES = 48 << 10  # what every GPU gives a block without being asked
TILE_WIDTH = 64
MAX_PLANES = 65535  # of a grid's third dimension


class Unserved(Exception):
    """There is no specialisation of the kernel for this call; the torch path is meant to serve it."""


@dataclass(frozen=True)
class End:
    """Gain, slope and clamp of the activation; `scale` [N, C], `noise` [N or 1, 1, H, W] or [H, W] and `bias` [C]."""

    gain: float = 1.0
    slope: float = 1.0
    clamp: float | None = None
    scale: Tensor | None = None
    noise: Tensor | None = None
    bias: Tensor | None = None


@dataclass(frozen=True)
class Terms:
    """A filter as a sum of separable ones, oriented for correlation; taps [rank][T] along columns and rows."""

    rank: int
    taps: int
    columns: tuple[tuple[float, ...], ...]
    rows: tuple[tuple[float, ...], ...]


ONE = Terms(1, 1, ((1.0,),), ((1.0,),))


@dataclass(frozen=True)
class Shape:
    """Everything that a specialisation is made for."""

    dtype: torch.dtype
    up: int
    down: int
    up_taps: int
    down_taps: int
    rank: int
    phase_x: int
    phase_y: int
    post: bool


def filtered_lrelu(
    x: Tensor, fu: Tensor | None, fd: Tensor | None, up: int, down: int, padding: Padding, end: End
) -> Tensor:
    """FIR_down(act(FIR_up(pad(x scale + bias)))) of `x` [N, C, H, W]. Raises Unserved."""
    up_terms = terms(fu, gain=float(up**2), tolerance=RANK_TOLERANCE[x.dtype])
    down_terms = terms(fd, tolerance=RANK_TOLERANCE[x.dtype])
    return _run(x, up_terms, down_terms, up, down, padding, end, post=False)


def upfirdn(
    x: Tensor, f: Tensor | None, up: int, down: int, padding: Padding, gain: float, flip: bool, end: End | None = None
) -> Tensor:
    """The filter alone, or with what follows it: act(scale FIR(x) + noise + bias). Raises Unserved."""
    filter_ = terms(f, gain=gain, flip=flip, tolerance=RANK_TOLERANCE[x.dtype])
    up_terms, down_terms = (filter_, ONE) if up > 1 else (ONE, filter_)
    return _run(x, up_terms, down_terms, up, down, padding, end or End(), post=end is not None)


def terms(f: Tensor | None, gain: float = 1.0, flip: bool = False, tolerance: float = 1e-6) -> Terms:
    """The separable terms of a filter [T] or [T, T], remembered with it: they are read from the GPU only once."""
    if f is None:
        root = math.sqrt(abs(gain))
        return ONE if gain == 1 else Terms(1, 1, ((math.copysign(root, gain),),), ((root,),))
    make = partial(_terms, gain=gain, flip=flip, tolerance=tolerance)
    return prepared(f, ("terms", gain, flip, tolerance), make)


def _terms(f: Tensor, gain: float, flip: bool, tolerance: float) -> Terms:
    f = f.double().cpu() if f.ndim == 2 else torch.outer(f.double().cpu(), f.double().cpu())
    f = f * gain if flip else f.flip([0, 1]) * gain
    U, S, V = torch.linalg.svd(f)
    rank = max(int((tolerance * S[0] < S).sum()), 1)
    root = S[:rank].sqrt()[:, None]
    columns, rows = U[:, :rank].t() * root, V[:rank] * root  # [rank, T]
    return Terms(rank, f.shape[0], _tuples(columns), _tuples(rows))


def _tuples(t: Tensor) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in t.tolist())


def key(
    x: Tensor, fu: Tensor | None, fd: Tensor | None, up: int, down: int, padding: Padding, post: bool
) -> tuple[Hashable, ...]:
    """What tells one specialisation from another, as long as flips and gains do not matter."""
    tolerance = RANK_TOLERANCE[x.dtype]
    ranks = tuple(None if f is None else (tuple(f.shape), terms(f, tolerance=tolerance).rank) for f in (fu, fd))
    return (x.dtype, up, down, padding, ranks, post, channels_last(x), x.device)


def out_size(size: int, up: int, down: int, before: int, after: int, taps: int) -> int:
    """Length of an axis after padding, valid filtering with `taps` taps in all, and decimation."""
    return (size * up + before + after - taps) // down + 1


@functools.lru_cache(maxsize=1024)
def constants(shape: Shape) -> program.Defines:
    """The constants that specialise the kernel. Raises Unserved where it would not fit."""
    if shape.up not in FACTORS or shape.down not in FACTORS or shape.rank > MAX_RANK:
        raise Unserved(f"up {shape.up}, down {shape.down}, rank {shape.rank}")
    if max(shape.up_taps, shape.down_taps) > MAX_TAPS:
        raise Unserved(f"{shape.up_taps} and {shape.down_taps} taps")
    for height in (16, 8):
        if shared_bytes(shape, height) <= SHARED_BYTES:
            width = shape.phase_x + (TILE_WIDTH - 1) * shape.down + shape.down_taps  # columns streamed
            return program.defines(
                T="half_t" if shape.dtype == torch.float16 else "float", UP=shape.up, DOWN=shape.down,
                FU=shape.up_taps, FD=shape.down_taps, RANK=shape.rank, PHX=shape.phase_x, PHY=shape.phase_y,
                TW=TILE_WIDTH, TH=height, NT=-(-width // 32) * 32, POST=int(shape.post),
            )  # fmt: skip
    raise Unserved(f"a tile needs {shared_bytes(shape, 8)} bytes of shared memory")


def shared_bytes(shape: Shape, height: int) -> int:
    """Shared memory of a block with tiles of this height; the arithmetic of fir.cu."""
    up, down, taps = shape.up, shape.down, shape.down_taps
    groups_x = -(-(shape.phase_x + (TILE_WIDTH - 1) * down + taps) // up)
    groups_y = -(-(shape.phase_y + (height - 1) * down + taps) // up)
    span = -(-shape.up_taps // up) + 1 if up > 1 else shape.up_taps
    rows, pitch = groups_y + span - 1, (groups_x * up) | 1
    first = max(rows * ((groups_x + span - 1) | 1), shape.rank * height * pitch)
    return 4 * (first + max(rows * pitch, height * (TILE_WIDTH | 1)))


@functools.lru_cache(maxsize=256)
def params_type(up_taps: int, down_taps: int, rank: int) -> type[ctypes.Structure]:
    """The struct `Params` of fir.cu."""
    f, i, ll, p = ctypes.c_float, ctypes.c_int, ctypes.c_longlong, ctypes.c_void_p
    fields = [
        ("x", p), ("y", p), ("scale", p), ("bias", p), ("noise", p), ("xs", ll * 4), ("ys", ll * 4), ("noise_step", ll),
        *((name, i) for name in ("C", "H", "W", "OH", "OW", "padx", "pady", "planes", "planes_first")),
        *((name, f) for name in ("gain", "slope", "clamp")),
        ("ux", f * up_taps), ("uy", f * up_taps), ("dx", f * (rank * down_taps)), ("dy", f * (rank * down_taps)),
    ]  # fmt: skip
    return type("Params", (ctypes.Structure,), {"_fields_": fields})


def _run(x: Tensor, u: Terms, d: Terms, up: int, down: int, padding: Padding, end: End, post: bool) -> Tensor:
    N, C, H, W = x.shape
    x0, x1, y0, y1 = padding
    if u.rank != 1:
        raise Unserved("an up filter that is not separable")
    taps = u.taps + d.taps - 1
    OH, OW = out_size(H, up, down, y0, y1, taps), out_size(W, up, down, x0, x1, taps)
    if min(OH, OW) < 1:
        raise Unserved("an empty result")
    shape = Shape(x.dtype, up, down, u.taps, d.taps, d.rank, -x0 % up, -y0 % up, post)
    kernel = program.kernel("fir", constants(shape), device.index_of(x))
    last = channels_last(x)
    layout = torch.channels_last if last else torch.contiguous_format
    y = torch.empty((N, C, OH, OW), dtype=x.dtype, device=x.device, memory_format=layout)
    p, keep = _params(x, y, u, d, padding, end)
    kernel.launch(_grid(constants(shape), y, last), p, device.here.stream(device.index_of(x)))
    del keep  # the kernel is queued: memory freed from here on is reused only after it, on this very stream
    return y


def _params(
    x: Tensor, y: Tensor, u: Terms, d: Terms, padding: Padding, end: End
) -> tuple[ctypes.Structure, list[Tensor]]:
    """The filled struct, and the tensors that must live until the launch."""
    p, keep = _taps(u, d), []
    p.x, p.y, p.xs, p.ys = x.data_ptr(), y.data_ptr(), x.stride(), y.stride()
    p.scale, p.bias = pointer(end.scale, keep), pointer(end.bias, keep)
    p.noise, p.noise_step = noise_pointer(end.noise, y, keep)
    p.C, p.H, p.W, p.OH, p.OW = *x.shape[1:], *y.shape[2:]
    p.padx, p.pady, p.planes, p.planes_first = padding[0], padding[2], x.shape[0] * x.shape[1], channels_last(x)
    p.gain, p.slope, p.clamp = end.gain, end.slope, math.inf if end.clamp is None else end.clamp
    return p, keep


def _taps(u: Terms, d: Terms) -> ctypes.Structure:
    p = params_type(u.taps, d.taps, d.rank)()
    p.ux[:], p.uy[:] = u.rows[0], u.columns[0]
    p.dx[:] = [tap for row in d.rows for tap in row]
    p.dy[:] = [tap for column in d.columns for tap in column]
    return p


def _grid(constants_: program.Defines, y: Tensor, planes_first: bool) -> tuple[int, int, int]:
    values = dict(constants_)
    across, down = -(-y.shape[3] // int(values["TW"])), -(-y.shape[2] // int(values["TH"]))
    planes = y.shape[0] * y.shape[1]
    return (planes, across, down) if planes_first else (across, down, min(planes, MAX_PLANES))


# --- what all kernels share -----------------------------------------------------------------------------------------


def channels_last(x: Tensor) -> bool:
    """Whether neighbours in memory are channels."""
    return x.ndim == 4 and x.stride(1) == 1 and x.shape[1] > 1 and x.stride(3) >= x.shape[1]


def pointer(t: Tensor | None, keep: list[Tensor]) -> int | None:
    """Address of `t` as dense floats; whatever had to be made for that goes into `keep`."""
    if t is None:
        return None
    t = t.detach().float().contiguous()
    keep.append(t)
    return t.data_ptr()


def noise_pointer(noise: Tensor | None, y: Tensor, keep: list[Tensor]) -> tuple[int | None, int]:
    """Address of the noise and its step from sample to sample; it must have the size of `y`. Raises Unserved."""
    if noise is None:
        return None, 0
    if noise.shape[-2:] != y.shape[-2:] or (noise.ndim == 4 and noise.shape[1] != 1) or noise.ndim not in (2, 4):
        raise Unserved(f"noise of shape {tuple(noise.shape)}")
    each = noise.ndim == 4 and noise.shape[0] > 1
    return pointer(noise, keep), y.shape[2] * y.shape[3] if each else 0
