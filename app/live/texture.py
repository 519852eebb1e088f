"""The picture on the graphics card: uploaded when it is a new one, sampled nearest or linear."""

import ctypes

import numpy as np
import OpenGL.GL as gl
from imgui_bundle import imgui


class Texture:
    """One RGBA8 texture that holds the newest picture. Needs a current GL context."""

    def __init__(self) -> None:
        self.id = int(gl.glGenTextures(1))
        self.ref = imgui.ImTextureRef(self.id)
        self.size = (0, 0)  # width, height
        self.uploads = 0
        self._shown: np.ndarray | None = None
        self._linear: bool | None = None
        self.largest = int(gl.glGetIntegerv(gl.GL_MAX_TEXTURE_SIZE))

    def show(self, picture: np.ndarray, linear: bool) -> imgui.ImTextureRef:
        """The texture with `picture` [H, W, 4] uint8 in it; nothing is sent if it is the one already there."""
        gl.glBindTexture(gl.GL_TEXTURE_2D, self.id)
        if linear != self._linear:
            self._sample(linear)
        if picture is not self._shown:
            self._upload(picture)
        return self.ref

    def delete(self) -> None:
        gl.glDeleteTextures([self.id])

    def _sample(self, linear: bool) -> None:
        mode = gl.GL_LINEAR if linear else gl.GL_NEAREST
        gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MIN_FILTER, mode)
        gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MAG_FILTER, mode)
        for side in (gl.GL_TEXTURE_WRAP_S, gl.GL_TEXTURE_WRAP_T):
            gl.glTexParameteri(gl.GL_TEXTURE_2D, side, gl.GL_CLAMP_TO_EDGE)
        self._linear = linear

    def _upload(self, picture: np.ndarray) -> None:
        self._shown = picture
        stride = -(-max(picture.shape[:2]) // self.largest)  # 1, or coarser for a picture beyond the card's limit
        pixels = np.ascontiguousarray(picture[::stride, ::stride])
        height, width, _ = pixels.shape
        gl.glPixelStorei(gl.GL_UNPACK_ALIGNMENT, 4)
        gl.glPixelStorei(gl.GL_UNPACK_ROW_LENGTH, 0)
        if (width, height) != self.size:
            self.size = (width, height)
            gl.glTexImage2D(
                gl.GL_TEXTURE_2D, 0, gl.GL_RGBA8, width, height, 0, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, None
            )  # fmt: skip
        data = ctypes.c_void_p(pixels.ctypes.data)
        gl.glTexSubImage2D(gl.GL_TEXTURE_2D, 0, 0, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, data)
        self.uploads += 1
