"""Bytes for a screen: the rounding of the published tools, and what becomes of numbers outside the range."""

import pytest
import torch

from cuda_ops.rgba import to_rgba8
from tests.cuda_ops.paths import PATHS, forced, randn


@pytest.mark.parametrize("path", ["reference", *PATHS])
def test_every_byte_comes_from_its_interval(path: str):
    levels = torch.arange(256.0)
    with forced(path), torch.no_grad():
        low = to_rgba8(((levels + 1e-3 - 128) / 127.5).reshape(1, 16, 16))
        high = to_rgba8(((levels + 1 - 1e-3 - 128) / 127.5).reshape(1, 16, 16))
    for picture in (low, high):
        assert torch.equal(picture[..., 0].flatten(), levels.to(torch.uint8))
        assert torch.equal(picture[..., 0], picture[..., 1]) and torch.equal(picture[..., 0], picture[..., 2])
        assert (picture[..., 3] == 255).all()


@pytest.mark.parametrize("path", ["reference", *PATHS])
def test_numbers_outside_the_range(path: str):
    img = torch.tensor([float("nan"), float("inf"), -float("inf"), 7.0, -7.0]).reshape(1, 1, 5)
    with forced(path), torch.no_grad():
        assert to_rgba8(img)[0, :, 0].tolist() == [0, 255, 0, 255, 0]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_paths_agree_on_any_picture(path: str, channels: int):
    img = randn(2, channels, 13, 37)[1].transpose(1, 2)
    with torch.no_grad():
        with forced(path):
            got = to_rgba8(img)
        with forced("reference"):
            assert torch.equal(got, to_rgba8(img))
