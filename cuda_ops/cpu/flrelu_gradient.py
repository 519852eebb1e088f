"""Filtered leaky ReLU for training: forward and gradient, once differentiable, compiled by numba.

Each filter is a band matrix, so with A for upsampling and B for downsampling the operation is B act(A x A') B', and
its gradient A^T (act'(A x A') * (B^T g B'^T)) A'. The activation's input is computed again rather than kept.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor

from cuda_ops.cpu import compile

GROUP = 6  # rows that are added up at a time; the filters of StyleGAN3 have 6 taps for each phase
Fast = Callable[[Tensor], Tensor | None]
RANK_TOLERANCE = 1e-6  # of the largest singular value; what is left out of a 2-D filter

# --- band matrices ------------------------------------------------------------------------------------------------


class Bands(NamedTuple):
    """A matrix [R, I] of which row r is zero but for weights[r] from column start[r] on."""

    start: np.ndarray  # [R]
    weights: np.ndarray  # [R, K], K a multiple of GROUP


class Plan(NamedTuple):
    """Up- and downsampling along an axis, and their transposes; one part for each product the down filter sums."""

    up: Bands
    up_back: Bands
    down: tuple[Bands, ...]
    down_back: tuple[Bands, ...]


def bands(matrix: np.ndarray) -> Bands:
    """Rows of a band matrix without their zeros. Bands that are cut off at an end are moved inwards."""
    R, I = matrix.shape
    used = matrix != 0.0
    first = np.where(used.any(axis=1), used.argmax(axis=1), 0)
    last = np.where(used.any(axis=1), I - used[:, ::-1].argmax(axis=1), 1)
    K = min(-(-int((last - first).max()) // GROUP) * GROUP, I)
    start = np.minimum(first, I - K)
    weights = matrix[np.arange(R)[:, None], start[:, None] + np.arange(K)]
    padded = np.zeros((R, -(-K // GROUP) * GROUP), np.float32)
    padded[:, :K] = weights
    return Bands(start.astype(np.int64), padded)


def up_matrix(taps: np.ndarray, size: int, up: int, before: int, after: int) -> np.ndarray:
    """[M, size]: zeros between samples, padding, convolution with `taps`, amplitude kept."""
    T = len(taps)
    matrix = np.zeros((size * up + before + after - T + 1, size))
    m, i = np.arange(len(matrix))[:, None], np.arange(size)
    t = i * up + before - m
    inside = (t >= 0) & (t < T)
    matrix[inside] = taps[::-1][t[inside]] * up
    return matrix


def down_matrix(taps: np.ndarray, size: int, down: int) -> np.ndarray:
    """[O, size]: convolution with `taps`, every `down`-th sample kept."""
    T = len(taps)
    matrix = np.zeros(((size - T) // down + 1, size))
    t = np.arange(size) - np.arange(len(matrix))[:, None] * down
    inside = (t >= 0) & (t < T)
    matrix[inside] = taps[::-1][t[inside]]
    return matrix


@lru_cache(maxsize=64)
def plan(
    size: int,
    up: int,
    down: int,
    before: int,
    after: int,
    fu: tuple[float, ...],
    fd: tuple[tuple[float, ...], ...],
) -> Plan:
    """Matrices for an axis of `size` samples; `fd` has one filter for each part."""
    A = up_matrix(np.asarray(fu), size, up, before, after)
    B = [down_matrix(np.asarray(taps), len(A), down) for taps in fd]
    return Plan(bands(A), bands(A.T), tuple(bands(b) for b in B), tuple(bands(b.T) for b in B))


def separated(f: Tensor) -> tuple[tuple[tuple[float, ...], ...], tuple[tuple[float, ...], ...]]:
    """Filters along y and along x whose products add up to `f`, [T] or [T, T]."""
    f = f.detach().double().cpu()
    if f.ndim == 1:
        return (tuple(f.tolist()),), (tuple(f.tolist()),)
    U, S, V = torch.linalg.svd(f)
    rank = int((S[0] * RANK_TOLERANCE < S).sum())
    roots = S.sqrt()
    ys = tuple(tuple((U[:, r] * roots[r]).tolist()) for r in range(rank))
    return ys, tuple(tuple((V[r] * roots[r]).tolist()) for r in range(rank))


# --- kernels on one plane -----------------------------------------------------------------------------------------


@njit(cache=True, fastmath=True, nogil=True)
def multiply(start, weights, x, y):
    """y [R, L] = matrix [R, I] x [I, L]."""
    L = x.shape[1]
    last = x.shape[0] - 1
    for r in range(len(start)):
        out = y[r]
        out[:] = 0
        for k in range(0, weights.shape[1], 6):
            s, w = start[r] + k, weights[r, k : k + 6]
            a, b, c = x[min(s, last)], x[min(s + 1, last)], x[min(s + 2, last)]
            d, e, f = x[min(s + 3, last)], x[min(s + 4, last)], x[min(s + 5, last)]
            for j in range(L):
                out[j] += w[0] * a[j] + w[1] * b[j] + w[2] * c[j] + w[3] * d[j] + w[4] * e[j] + w[5] * f[j]


@njit(cache=True, fastmath=True, nogil=True)
def turn(x, y):
    """y [L, R] = x [R, L] transposed, in blocks that fit the cache."""
    R, L = x.shape
    for i in range(0, R, 16):
        for j in range(0, L, 16):
            for a in range(i, min(i + 16, R)):
                for b in range(j, min(j + 16, L)):
                    y[b, a] = x[a, b]


@njit(cache=True, fastmath=True, nogil=True)
def raised(x, row_up, column_up):
    """x [H, W] at the higher rate, transposed [Mw, Mh]."""
    mid_h, mid_w = len(column_up.start), len(row_up.start)
    a, at = np.empty((mid_h, x.shape[1]), np.float32), np.empty((x.shape[1], mid_h), np.float32)
    multiply(column_up.start, column_up.weights, x, a)
    turn(a, at)
    u = np.empty((mid_w, mid_h), np.float32)
    multiply(row_up.start, row_up.weights, at, u)
    return u


@njit(cache=True, fastmath=True, nogil=True)
def forward_planes(x, y, first, last, column, row, gain, slope, clamp):
    """Planes first .. last-1 of the operation."""
    for p in range(first, last):
        u = raised(x[p], row.up, column.up)
        for i in range(u.shape[0]):
            for j in range(u.shape[1]):
                v = u[i, j] * gain
                v = v if v >= 0 else v * slope
                u[i, j] = min(max(v, -clamp), clamp)
        out = y[p]
        out[:] = 0
        part = np.empty(out.shape, np.float32)
        for r in range(len(row.down)):
            v = np.empty((len(row.down[r].start), u.shape[1]), np.float32)
            vt = np.empty((u.shape[1], len(row.down[r].start)), np.float32)
            multiply(row.down[r].start, row.down[r].weights, u, v)
            turn(v, vt)
            multiply(column.down[r].start, column.down[r].weights, vt, part)
            out += part


@njit(cache=True, fastmath=True, nogil=True)
def backward_planes(x, grad, dx, first, last, column, row, gain, slope, clamp):
    """Planes first .. last-1 of the gradient with respect to x."""
    for p in range(first, last):
        u = raised(x[p], row.up, column.up)
        total = np.zeros(u.shape, np.float32)
        part = np.empty(u.shape, np.float32)
        for r in range(len(row.down)):
            v = np.empty((u.shape[1], grad.shape[2]), np.float32)
            vt = np.empty((grad.shape[2], u.shape[1]), np.float32)
            multiply(column.down_back[r].start, column.down_back[r].weights, grad[p], v)
            turn(v, vt)
            multiply(row.down_back[r].start, row.down_back[r].weights, vt, part)
            total += part
        for i in range(u.shape[0]):
            for j in range(u.shape[1]):
                v = u[i, j] * gain
                s = gain if v >= 0 else gain * slope
                v = v if v >= 0 else v * slope
                total[i, j] = total[i, j] * s if -clamp < v < clamp else 0.0
        a = np.empty((x.shape[2], u.shape[1]), np.float32)
        at = np.empty((u.shape[1], x.shape[2]), np.float32)
        multiply(row.up_back.start, row.up_back.weights, total, a)
        turn(a, at)
        multiply(column.up_back.start, column.up_back.weights, at, dx[p])


# --- autograd -----------------------------------------------------------------------------------------------------


class FilteredLrelu(torch.autograd.Function):
    """The operation on `x` [N, C, H, W] with its bias already added; `fast` may compute it without gradients."""

    @staticmethod
    def forward(
        ctx, x: Tensor, plans: tuple[Plan, Plan], gain: float, slope: float, clamp: float, fast: Fast
    ) -> Tensor:  # type: ignore[override]
        x = x.contiguous()
        ctx.save_for_backward(x)
        ctx.rest = plans, gain, slope, clamp
        found = fast(x)
        if found is not None:
            return found
        N, C, H, W = x.shape
        column, row = plans
        y = x.new_empty(N, C, len(column.down[0].start), len(row.down[0].start))
        _in_threads(
            forward_planes,
            N * C,
            (x.reshape(N * C, H, W).numpy(), y.reshape(N * C, *y.shape[2:]).numpy()),
            ctx.rest,
        )
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad: Tensor):  # type: ignore[override]
        (x,) = ctx.saved_tensors
        N, C, H, W = x.shape
        dx = torch.empty_like(x)
        grad = grad.contiguous().reshape(N * C, *grad.shape[2:])
        planes = (x.reshape(N * C, H, W).numpy(), grad.numpy(), dx.reshape(N * C, H, W).numpy())
        _in_threads(backward_planes, N * C, planes, ctx.rest)
        return dx, None, None, None, None, None


def filtered_lrelu_once(
    x: Tensor, fu: Tensor, fd: Tensor, b: Tensor | None, up: int, down: int, padding: tuple[int, int, int, int],
    gain: float, slope: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """filtered_lrelu of `x` [N, C, H, W] float32 on the CPU, with a separable up filter; once differentiable."""
    x = x if b is None else x + b[:, None, None]
    ys, xs = separated(fd)
    taps = tuple(fu.detach().double().tolist())
    column = plan(x.shape[2], up, down, padding[2], padding[3], taps, ys)
    row = plan(x.shape[3], up, down, padding[0], padding[1], taps, xs)
    fast = partial(_streamed, fu=fu, fd=fd, up=up, down=down, padding=padding, gain=gain, slope=slope, clamp=clamp)
    limit = float("inf") if clamp is None else clamp
    return FilteredLrelu.apply(x, (column, row), gain, slope, limit, fast)  # type: ignore[return-value]


def _streamed(x: Tensor, **options: Any) -> Tensor | None:
    """The operation by the kernel for inference, where it suits. Waits for it: a run has one path from its start."""
    if compile.wait().stage != "ready":
        return None
    from cuda_ops.cpu import compiled

    return compiled.filtered_lrelu(x, b=None, **options)


def _in_threads(kernel, count: int, planes: tuple[np.ndarray, ...], rest: tuple) -> None:
    (column, row), gain, slope, clamp = rest
    numbers = np.float32(gain), np.float32(slope), np.float32(clamp)
    threads = min(torch.get_num_threads(), count)
    edges = [count * i // threads for i in range(threads + 1)]
    if threads == 1:
        kernel(*planes, 0, count, column, row, *numbers)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(
            pool.map(lambda i: kernel(*planes, edges[i], edges[i + 1], column, row, *numbers), range(threads))
        )
