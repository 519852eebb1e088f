"""Resampling against its definition written as loops, and the path without zeros against the reference."""

import numpy as np
import pytest
import torch
from torch import Tensor

from cuda_ops.upfirdn import setup_filter, upfirdn2d, upfirdn2d_plain, upfirdn2d_reference, upsample2d
from tests.cuda_ops.paths import PATHS, check, randn


def by_definition(x: Tensor, f: Tensor, up: int, down: int, pad: tuple[int, int, int, int]) -> np.ndarray:
    """One channel [H, W], each output summed tap by tap over the zero-stuffed, padded picture."""
    H, W, T = *x.shape, f.shape[-1]
    x0, x1, y0, y1 = pad
    f = f.double()
    taps = (f if f.ndim == 2 else torch.outer(f, f)).numpy()
    out = np.zeros(((H * up + y0 + y1 - T) // down + 1, (W * up + x0 + x1 - T) // down + 1))
    for r, c in np.ndindex(*out.shape):
        for i, j in np.ndindex(T, T):
            y, x_ = r * down + i - y0, c * down + j - x0
            if 0 <= y < H * up and 0 <= x_ < W * up and y % up == 0 and x_ % up == 0:
                out[r, c] += taps[T - 1 - i, T - 1 - j] * float(x[y // up, x_ // up])
    return out


@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize(
    ("up", "down", "pad"), [(1, 1, (2, 1, 0, 3)), (1, 2, (2, 2, 2, 2)), (2, 1, (2, 1, 2, 1)), (3, 2, (-1, 4, 2, -2))]
)
def test_the_reference_is_the_definition(up: int, down: int, pad: tuple[int, int, int, int], ndim: int):
    x, f = randn(5, 6), randn(*[3] * ndim)
    for resample in (upfirdn2d_reference, upfirdn2d_plain):
        got = resample(x[None, None].double(), f.double(), up=up, down=down, padding=pad)
        np.testing.assert_allclose(got[0, 0].numpy(), by_definition(x, f, up, down, pad), atol=1e-12)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize("taps", [1, 4, 5, 12])
@pytest.mark.parametrize("up", [1, 2, 3, 4])
@pytest.mark.parametrize("pad", [(2, 1, 2, 1), (3, 3, 3, 3), (6, 5, 9, 14), (-1, 5, 6, -2)])
def test_fast_paths(path: str, up: int, taps: int, ndim: int, pad: tuple[int, int, int, int]):
    x, f = randn(2, 3, 11, 13), randn(*[taps] * ndim)
    check(path, upfirdn2d, x, f, up=up, padding=pad, gain=up**2)
    check(path, upfirdn2d, x.transpose(2, 3), f, up=up, padding=pad, flip=True)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 16), (9, 33), (40, 70)])
@pytest.mark.parametrize("taps", [[1, 3, 3, 1], [1, 2, 5, -1]])
def test_upsampling_a_picture(path: str, size: tuple[int, int], taps: list[float]):
    x, more = randn(2, 3, *size), randn(2, 3, 2 * size[0], 2 * size[1])
    check(path, upsample2d, x, setup_filter(taps))
    check(path, upsample2d, x, setup_filter(taps), add=more)
    if size == (9, 33):
        x[0, 1, 0, 32], x[1, 2, 8, 0] = float("nan"), float("inf")
        check(path, upsample2d, x, setup_filter(taps), add=more)
