"""Sizes without a filter, against indices and means written out."""

import pytest
import torch

from cuda_ops.resize import average2d, repeat2d
from tests.cuda_ops.paths import randn


@pytest.mark.parametrize("times", [1, 2, 4])
def test_every_pixel_is_repeated(times: int):
    x = randn(2, 3, 4, 5)
    rows, columns = (torch.arange(n * times) // times for n in (4, 5))
    assert repeat2d(x, times).equal(x[:, :, rows][:, :, :, columns])


@pytest.mark.parametrize("times", [2, 4])
def test_blocks_are_averaged(times: int):
    x = randn(2, 3, 8, 12)
    blocks = x.unflatten(3, (-1, times)).unflatten(2, (-1, times))
    torch.testing.assert_close(average2d(x, times), blocks.mean(dim=(3, 5)))
