"""What follows a convolution, sixteen numbers at a time: noise, activation, clamp, and a look for NaN and infinity."""

from numba import njit

from cuda_ops.cpu.gemm import OPTIONS
from cuda_ops.cpu.simd import first_lanes, fma, larger, load, load_between, smaller, splat, store, store_first

INLINE = {**OPTIONS, "forceinline": True}


@njit(**INLINE)
def finish(y, i, v, n, noise, j, noise_gain, slope, clamp, seen):
    """y[i : i + n] = clamp(lrelu(v + noise_gain noise[j : j + n])); `seen` stays zero while every number is finite."""
    if n >= 16:
        if noise_gain != 0.0:
            v = fma(load(noise, j), splat(noise_gain), v)
        seen = fma(v, splat(0.0), seen)
        store(y, i, smaller(splat(clamp), larger(splat(-clamp), larger(v * splat(slope), v))))
    elif n > 0:
        if noise_gain != 0.0:
            v = fma(load_between(noise, j, 0, n), splat(noise_gain), v)
        seen = fma(first_lanes(v, n), splat(0.0), seen)
        store_first(y, i, smaller(splat(clamp), larger(splat(-clamp), larger(v * splat(slope), v))), n)
    return seen


@njit(**INLINE)
def get(p, i, n):
    """p[i : i + n], then zeros"""
    if n >= 16:
        return load(p, i)
    return load_between(p, i, 0, n)


@njit(**INLINE)
def put(p, i, v, n):
    """p[i : i + n] = v[:n]"""
    if n >= 16:
        store(p, i, v)
    else:
        store_first(p, i, v, n)
