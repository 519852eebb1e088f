"""Filling a buffer of OpenGL through the fake driver: the order of calls, refusals, and what stays mapped."""

import ctypes

import pytest
import torch
from torch import Tensor

from cuda_ops.gpu.driver import CudaError
from cuda_ops.gpu.glbuffer import GLBuffer, open_buffer
from tests.cuda_ops.gpu.host import FakeGpu, fake_gpu, needs_gpp

pytestmark = needs_gpp


@pytest.fixture
def gpu():
    with fake_gpu() as gpu:
        yield gpu


def picture(height: int = 5, width: int = 7) -> Tensor:
    return torch.randint(0, 256, (height, width, 4), generator=torch.Generator().manual_seed(3)).to(torch.uint8)


def test_a_picture_reaches_the_buffer_in_the_right_order_of_calls(gpu: FakeGpu):
    buffer, why = open_buffer(7)
    assert buffer is not None and why == ""
    for rgba in (picture(), picture(7, 5).transpose(0, 1)):
        gpu.calls()
        buffer.fill(rgba)
        assert gpu.calls() == ["map", "copy", "unmap"]
        there = ctypes.string_at(gpu.lib.fake_gl_memory(), rgba.numel())
        assert there == rgba.contiguous().numpy().tobytes()
    buffer.close()
    assert gpu.calls() == ["unregister"]


@pytest.mark.parametrize(("code", "reason"), [(304, "WSL2"), (999, "error 999")])
def test_where_sharing_is_refused_it_says_so(gpu: FakeGpu, code: int, reason: str):
    gpu.lib.fake_refuse_gl(code)
    buffer, why = open_buffer(7)
    assert buffer is None
    assert why.startswith("Pictures go through pinned memory: ") and reason in why


def test_a_failure_leaves_nothing_mapped(gpu: FakeGpu):
    buffer = GLBuffer(7)
    with pytest.raises(ValueError, match="does not fit"):
        buffer.fill(picture(200, 200))
    buffer.fill(picture())
    assert gpu.calls()[-3:] == ["map", "copy", "unmap"]


def test_what_is_no_buffer_is_refused(gpu: FakeGpu):
    with pytest.raises(CudaError, match="cuGraphicsGLRegisterBuffer failed with error 1"):
        GLBuffer(0)
