"""The picture on the graphics card: taken over when it is a new one, enlarged with sharp or with soft pixels."""

import ctypes
import logging

import numpy as np
import OpenGL.GL as gl
from imgui_bundle import imgui
from torch import Tensor

from cuda_ops.gpu import glbuffer
from cuda_ops.gpu.driver import CudaError
from engine import picture as pictures
from engine.picture import Picture

log = logging.getLogger(__name__)


class Bridge:
    """A pixel buffer that CUDA fills and OpenGL reads, so that a picture made on a GPU stays there.

    Where that is refused, `why` says so, and pictures come through pinned memory, copied as they are made.
    """

    def __init__(self) -> None:
        self.why = ""
        self._id = int(gl.glGenBuffers(1))
        self._buffer: glbuffer.GLBuffer | None = None
        self._bytes = 0

    def bind(self, rgba: Tensor) -> bool:
        """Put `rgba` [H, W, 4] into the buffer and bind it for the next upload; whether that was possible."""
        if self.why:
            return False
        try:
            if self._buffer is None or rgba.numel() != self._bytes:
                self._open(rgba)
            if self._buffer is not None:
                self._buffer.fill(rgba)
        except CudaError as error:
            self._refuse(f"Pictures go through pinned memory: {error}.")
        if self._buffer is None:
            return False
        gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, self._id)
        return True

    def close(self) -> None:
        self._unregister()
        gl.glDeleteBuffers(1, [self._id])

    def _open(self, rgba: Tensor) -> None:
        """Make the buffer as large as the picture, and register it, once for each size."""
        self._unregister()
        self._bytes = rgba.numel()
        gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, self._id)
        gl.glBufferData(gl.GL_PIXEL_UNPACK_BUFFER, self._bytes, None, gl.GL_STREAM_DRAW)
        gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, 0)
        self._buffer, why = glbuffer.open_buffer(self._id, rgba.device.index or 0)
        if self._buffer is None:
            self._refuse(why)

    def _refuse(self, why: str) -> None:
        log.warning("%s", why)
        self.why, self._buffer = why, None
        pictures.fetch_always(True)

    def _unregister(self) -> None:
        if self._buffer is not None:
            try:
                self._buffer.close()
            except CudaError as error:  # a GPU that is gone takes its registrations with it
                log.warning("%s", error)
            self._buffer = None


class Texture:
    """One RGBA8 texture with the newest picture, and one with its visible part enlarged. Needs a current GL context.

    Dear ImGui samples every texture linearly. Sharp pixels are therefore enlarged here, to the very size that they have
    on screen, where sampling no longer matters.
    """

    def __init__(self) -> None:
        self.id, self._large = (int(i) for i in gl.glGenTextures(2))
        self._read, self._draw = (int(i) for i in gl.glGenFramebuffers(2))
        self.ref, self._large_ref = imgui.ImTextureRef(self.id), imgui.ImTextureRef(self._large)
        for texture in (self.id, self._large):
            _plain(texture)
        self.size = (0, 0)  # width, height of what was uploaded
        self.uploads = 0
        self._large_size = (0, 0)
        self.bridge: Bridge | None = None  # made for the first picture from a GPU
        self._shown: Picture | None = None
        self._enlarged: tuple | None = None
        self.largest = int(gl.glGetIntegerv(gl.GL_MAX_TEXTURE_SIZE))

    @property
    def note(self) -> str:
        """Why pictures made on a GPU go through the program's memory; nothing where they do not, or there are none."""
        return self.bridge.why if self.bridge else ""

    def smooth(self, picture: Picture) -> imgui.ImTextureRef:
        """The texture with `picture` in it; nothing is sent if it is the one already there."""
        if picture is not self._shown:
            self._upload(picture)
        return self.ref

    def sharp(
        self, picture: Picture, columns: tuple[int, int], rows: tuple[int, int], size: tuple[int, int]
    ) -> imgui.ImTextureRef:
        """A texture of `size` (width, height) with the picture's pixels of columns and rows [first, last) in it."""
        self.smooth(picture)
        wanted = (self.uploads, columns, rows, size)
        if wanted != self._enlarged:
            self._enlarge(picture, columns, rows, size)
            self._enlarged = wanted
        return self._large_ref

    def delete(self) -> None:
        if self.bridge is not None:
            self.bridge.close()
        gl.glDeleteTextures([self.id, self._large])
        gl.glDeleteFramebuffers(2, [self._read, self._draw])

    def _upload(self, picture: Picture) -> None:
        self._shown = picture
        stride = -(-max(picture.shape[:2]) // self.largest)  # 1, or coarser for a picture beyond the card's limit
        height, width = (-(-n // stride) for n in picture.shape[:2])
        gl.glBindTexture(gl.GL_TEXTURE_2D, self.id)
        gl.glPixelStorei(gl.GL_UNPACK_ALIGNMENT, 4)
        gl.glPixelStorei(gl.GL_UNPACK_ROW_LENGTH, 0)
        if (width, height) != self.size:
            self.size = (width, height)
            _storage(width, height)
        there = picture.rgba if isinstance(picture.rgba, Tensor) and picture.on_gpu else None
        if there is not None and self._bridge().bind(there[::stride, ::stride]):
            _fill(width, height, ctypes.c_void_p(0))  # from the start of the buffer
            gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, 0)
        else:
            pixels = np.ascontiguousarray(picture.numpy()[::stride, ::stride])
            _fill(width, height, ctypes.c_void_p(pixels.ctypes.data))
        self.uploads += 1

    def _bridge(self) -> Bridge:
        self.bridge = self.bridge or Bridge()
        return self.bridge

    def _enlarge(
        self, picture: Picture, columns: tuple[int, int], rows: tuple[int, int], size: tuple[int, int]
    ) -> None:
        gl.glBindTexture(gl.GL_TEXTURE_2D, self._large)
        if size != self._large_size:
            self._large_size = size
            _storage(*size)
        for target, framebuffer, texture in (
            (gl.GL_READ_FRAMEBUFFER, self._read, self.id),
            (gl.GL_DRAW_FRAMEBUFFER, self._draw, self._large),
        ):
            gl.glBindFramebuffer(target, framebuffer)
            gl.glFramebufferTexture2D(target, gl.GL_COLOR_ATTACHMENT0, gl.GL_TEXTURE_2D, texture, 0)
        across, down = self.size[0] / picture.shape[1], self.size[1] / picture.shape[0]
        left, right = (round(c * across) for c in columns)
        top, bottom = (round(r * down) for r in rows)
        gl.glDisable(gl.GL_SCISSOR_TEST)  # Dear ImGui's of the last frame would cut the copy
        gl.glBlitFramebuffer(left, top, right, bottom, 0, 0, *size, gl.GL_COLOR_BUFFER_BIT, gl.GL_NEAREST)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, 0)


class Pictures:
    """Small pictures inside panels, a texture for each name. Needs a current GL context."""

    def __init__(self) -> None:
        self._textures: dict[str, Texture] = {}
        self._enlarged: dict[str, tuple[np.ndarray, int, Picture]] = {}

    def texture(self, name: str, rgba: np.ndarray, width: float) -> imgui.ImTextureRef:
        """`rgba` [H, W, 4] on the card, each pixel repeated as often as fits into `width`, so that it stays sharp."""
        times = max(1, round(width / rgba.shape[1]))
        known = self._enlarged.get(name)
        if known is None or known[0] is not rgba or known[1] != times:
            known = (rgba, times, Picture(rgba.repeat(times, axis=0).repeat(times, axis=1)))
            self._enlarged[name] = known
        if name not in self._textures:
            self._textures[name] = Texture()
        return self._textures[name].smooth(known[2])

    def delete(self) -> None:
        for texture in self._textures.values():
            texture.delete()


def _plain(texture: int) -> None:
    gl.glBindTexture(gl.GL_TEXTURE_2D, texture)
    for name, value in (
        (gl.GL_TEXTURE_MIN_FILTER, gl.GL_LINEAR), (gl.GL_TEXTURE_MAG_FILTER, gl.GL_LINEAR),
        (gl.GL_TEXTURE_WRAP_S, gl.GL_CLAMP_TO_EDGE), (gl.GL_TEXTURE_WRAP_T, gl.GL_CLAMP_TO_EDGE),
    ):  # fmt: skip
        gl.glTexParameteri(gl.GL_TEXTURE_2D, name, value)


def _storage(width: int, height: int) -> None:
    gl.glTexImage2D(gl.GL_TEXTURE_2D, 0, gl.GL_RGBA8, width, height, 0, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, None)


def _fill(width: int, height: int, source: ctypes.c_void_p) -> None:
    """The bound texture from `source`: an address, or a place in the bound pixel buffer."""
    gl.glTexSubImage2D(gl.GL_TEXTURE_2D, 0, 0, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, source)
