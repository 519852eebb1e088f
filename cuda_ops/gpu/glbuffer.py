"""A pixel buffer of OpenGL that the GPU fills by itself, so that a picture need not go through the host."""

import ctypes

from torch import Tensor

from cuda_ops.gpu import device
from cuda_ops.gpu.driver import CudaError, Handle, Size, call, make_current, primary_context

WRITE_DISCARD = 2  # what was in the buffer does not matter
REFUSED = {
    304: "OpenGL and CUDA do not share memory here, as under WSL2, with software OpenGL, or on another GPU's screen",
}


class GLBuffer:
    """One OpenGL buffer registered with CUDA. To be made, filled and closed where its OpenGL context is current."""

    def __init__(self, buffer: int, index: int = 0):
        """Register OpenGL's buffer number `buffer` with GPU `index`. Raises CudaError where that is refused."""
        self._index, self._context, self._resource = index, primary_context(index), Handle()
        make_current(self._context)
        call("cuGraphicsGLRegisterBuffer", ctypes.byref(self._resource), buffer, WRITE_DISCARD)

    def fill(self, rgba: Tensor) -> None:
        """Queue a copy of `rgba` [H, W, 4] uint8; OpenGL's next use of the buffer waits for it, the host does not.

        Raises CudaError, and ValueError for a picture that the buffer is too small for.
        """
        rgba = rgba.contiguous()
        stream = device.here.stream(self._index)
        make_current(self._context)
        call("cuGraphicsMapResources", 1, ctypes.byref(self._resource), stream)
        try:
            address, size = Handle(), Size()
            call("cuGraphicsResourceGetMappedPointer_v2", ctypes.byref(address), ctypes.byref(size), self._resource)
            if rgba.numel() > size.value:
                raise ValueError(f"a picture of {rgba.numel()} bytes does not fit a buffer of {size.value}")
            call("cuMemcpyDtoDAsync_v2", address, rgba.data_ptr(), rgba.numel(), stream)
        finally:
            call("cuGraphicsUnmapResources", 1, ctypes.byref(self._resource), stream)

    def close(self) -> None:
        make_current(self._context)
        call("cuGraphicsUnregisterResource", self._resource)


def open_buffer(buffer: int, index: int = 0) -> tuple[GLBuffer | None, str]:
    """The buffer, or None and a sentence that says why pictures go through the host's memory instead."""
    try:
        return GLBuffer(buffer, index), ""
    except CudaError as error:
        why = REFUSED.get(error.code, str(error))
    except OSError:  # ROCm, which calls itself cuda
        why = "OpenGL takes them from NVIDIA's GPUs alone"
    return None, f"Pictures go through pinned memory: {why}."
