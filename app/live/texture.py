"""The picture on the graphics card: uploaded when it is a new one, enlarged with sharp or with soft pixels."""

import ctypes

import numpy as np
import OpenGL.GL as gl
from imgui_bundle import imgui


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
        self._shown: np.ndarray | None = None
        self._enlarged: tuple | None = None
        self.largest = int(gl.glGetIntegerv(gl.GL_MAX_TEXTURE_SIZE))

    def smooth(self, picture: np.ndarray) -> imgui.ImTextureRef:
        """The texture with `picture` [H, W, 4] uint8 in it; nothing is sent if it is the one already there."""
        if picture is not self._shown:
            self._upload(picture)
        return self.ref

    def sharp(
        self, picture: np.ndarray, columns: tuple[int, int], rows: tuple[int, int], size: tuple[int, int]
    ) -> imgui.ImTextureRef:
        """A texture of `size` (width, height) with the picture's pixels of columns and rows [first, last) in it."""
        self.smooth(picture)
        wanted = (self.uploads, columns, rows, size)
        if wanted != self._enlarged:
            self._enlarge(picture, columns, rows, size)
            self._enlarged = wanted
        return self._large_ref

    def delete(self) -> None:
        gl.glDeleteTextures([self.id, self._large])
        gl.glDeleteFramebuffers(2, [self._read, self._draw])

    def _upload(self, picture: np.ndarray) -> None:
        self._shown = picture
        stride = -(
            -max(picture.shape[:2]) // self.largest
        )  # 1, or coarser for a picture beyond the card's limit
        pixels = np.ascontiguousarray(picture[::stride, ::stride])
        height, width, _ = pixels.shape
        gl.glBindTexture(gl.GL_TEXTURE_2D, self.id)
        gl.glPixelStorei(gl.GL_UNPACK_ALIGNMENT, 4)
        gl.glPixelStorei(gl.GL_UNPACK_ROW_LENGTH, 0)
        if (width, height) != self.size:
            self.size = (width, height)
            _storage(width, height)
        data = ctypes.c_void_p(pixels.ctypes.data)
        gl.glTexSubImage2D(gl.GL_TEXTURE_2D, 0, 0, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, data)
        self.uploads += 1

    def _enlarge(
        self, picture: np.ndarray, columns: tuple[int, int], rows: tuple[int, int], size: tuple[int, int]
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
        self._enlarged: dict[str, tuple[np.ndarray, int, np.ndarray]] = {}

    def texture(self, name: str, rgba: np.ndarray, width: float) -> imgui.ImTextureRef:
        """`rgba` [H, W, 4] on the card, each pixel repeated as often as fits into `width`, so that it stays sharp."""
        times = max(1, round(width / rgba.shape[1]))
        known = self._enlarged.get(name)
        if known is None or known[0] is not rgba or known[1] != times:
            known = (rgba, times, rgba.repeat(times, axis=0).repeat(times, axis=1))
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
