"""The dense layer on every path against its formula."""

import pytest
import torch

from cuda_ops.dense import dense
from tests.cuda_ops.paths import PATHS, check, forced, randn


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 15, 7), (1, 64, 3), (1, 200, 130), (3, 33, 20)])
@pytest.mark.parametrize("act", ["linear", "lrelu", "tanh"])
def test_fast_paths(path: str, shape: tuple[int, int, int], act: str):
    N, I, O = shape
    x, weight, b = randn(N, I), randn(O, I, seed=1), randn(O, seed=2)
    check(path, dense, x, weight, b, gain=0.3, bias_gain=2.0, act=act)
    check(path, dense, x, weight.t().contiguous().t(), act=act)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_not_finite_is_seen(path: str):
    x, weight = randn(1, 40), randn(5, 40)
    x[0, 3], weight[2, 3] = float("inf"), 0.0
    check(path, dense, x, weight, act="lrelu")


def test_the_formula():
    x, weight, b = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 1.0], [0.0, 2.0]]), torch.tensor([1.0, 1.0])
    with forced("reference"):
        y = dense(x, weight, b, gain=2.0, bias_gain=0.5, act="lrelu")
    torch.testing.assert_close(y, torch.tensor([[2.5, -7.5 * 0.2]]) * 2**0.5)
