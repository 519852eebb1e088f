"""Matrix times vector, bias and activation in one call: what styles, demodulation and the mapping come down to."""

from numba import float64, int64, njit, void

from cuda_ops.cpu.gemm import OPTIONS
from cuda_ops.cpu.simd import at, fma, load, load_between, splat, total

ENTRY = {**OPTIONS, "cache": True}


@njit(**ENTRY)
def matvec(first, last, scratch, W_, x_, b_, y_, K, gain, bias_gain, slope, act_gain):
    """y[first .. last) = act_gain lrelu(gain W x + bias_gain b), W [N, K]; an address of 0 means no bias."""
    W, x, b, y = at(W_), at(x_), at(b_), at(y_)
    whole = K // 64 * 64
    for n in range(first, last):
        row = n * K
        s0, s1, s2, s3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
        for k in range(0, whole, 64):
            s0 = fma(load(W, row + k), load(x, k), s0)
            s1 = fma(load(W, row + k + 16), load(x, k + 16), s1)
            s2 = fma(load(W, row + k + 32), load(x, k + 32), s2)
            s3 = fma(load(W, row + k + 48), load(x, k + 48), s3)
        for k in range(whole, K, 16):
            s0 = fma(load_between(W, row + k, 0, K - k), load_between(x, k, 0, K - k), s0)
        v = total((s0 + s1) + (s2 + s3)) * gain
        if b_ != 0:
            v += b[n] * bias_gain
        if v < 0.0:
            v *= slope
        y[n] = v * act_gain


SIGNATURES = {matvec: void(*[int64] * 8, *[float64] * 4)}
