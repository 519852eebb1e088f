"""The window itself: GLFW, OpenGL, the Dear ImGui context, and the loop that sleeps when nothing happens."""

import contextlib
import ctypes
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

# OpenGL looks for this when it is imported; the window's library has no Wayland, so X11 is meant wherever there is one.
if sys.platform == "linux":
    os.environ.setdefault("PYOPENGL_PLATFORM", "x11")

# imgui_bundle comes before glfw: it brings the GLFW library that both then use.
from imgui_bundle import imgui  # isort: skip
import glfw  # isort: skip
import numpy as np
import OpenGL.GL as gl

from engine.errors import StyleScopeError

log = logging.getLogger(__name__)
IDLE_SECONDS = (
    0.25,
    1.0,
)  # between two frames when nothing happens: at first, for tooltips; after RESTLESS frames
RESTLESS = 6
SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software")  # in the names of OpenGL implementations without a card
SETTLE_FRAMES = 3  # Dear ImGui wants a few frames after an event


class Window:
    """An OpenGL 3.3 window with a Dear ImGui context; `headless` needs EGL but no screen.

    `size` is in units of 1x: a window at scale 2 has twice as many pixels. StyleScopeError if it cannot be opened.
    """

    def __init__(self, title: str, size: tuple[int, int], scale: float | None, headless: bool):
        self.headless = headless
        self._screenless = (
            headless and sys.platform == "linux"
        )  # elsewhere, headless is a window that is not shown
        self._fixed_scale = scale
        self._start_glfw()
        factor = scale or (1.0 if headless else self._monitor_scale())
        if sys.platform == "darwin" and not headless:
            factor = 1.0  # macOS counts in points already
        self.handle = self._create(title, (round(size[0] * factor), round(size[1] * factor)))
        glfw.make_context_current(self.handle)
        glfw.swap_interval(0 if headless else 1)
        glfw.set_drop_callback(self.handle, self._dropped)  # pyright: ignore[reportArgumentType]
        glfw.set_window_content_scale_callback(self.handle, lambda *_: self._scale_changed())
        glfw.set_window_refresh_callback(self.handle, lambda _: self._refresh())
        self.dropped: list[str] = []
        self.on_scale: Callable[[float], None] | None = None
        self.background = (0.0, 0.0, 0.0)  # red, green, blue where nothing else is drawn
        self._draw: Callable[[], None] | None = None
        self._drawing = False
        self._place: tuple[int, int, int, int] | None = None  # before full screen
        self._busy_until = self._idle = 0  # frames
        self._context = self._start_imgui()

    @property
    def scale(self) -> float:
        """Size of text and controls: 1 on a plain screen, 2 on one with twice as many pixels."""
        if self._fixed_scale:
            return self._fixed_scale
        content = glfw.get_window_content_scale(self.handle)[0]
        width, _ = glfw.get_window_size(self.handle)
        pixels, _ = glfw.get_framebuffer_size(self.handle)
        return max(0.5, content / (pixels / width if width and pixels else 1.0))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height at scale 1, as `__init__` takes them."""
        width, height = glfw.get_window_size(self.handle)
        return max(1, round(width / self.scale)), max(1, round(height / self.scale))

    @property
    def drawn_by_cpu(self) -> bool:
        """Whether OpenGL has no graphics card to draw with."""
        name = (gl.glGetString(gl.GL_RENDERER) or b"").decode(errors="replace").lower()
        return any(word in name for word in SOFTWARE)

    @property
    def open(self) -> bool:
        return not glfw.window_should_close(self.handle)

    def show(self) -> None:
        glfw.show_window(self.handle)

    def name(self, title: str) -> None:
        glfw.set_window_title(self.handle, title)

    def frame(self, draw: Callable[[], None], render: Callable[[], None] = imgui.render) -> bool:
        """One frame: events come before it. False when the window has no pixels to draw on."""
        self._draw = draw
        self._drawing = True
        try:
            return self._frame(draw, render)
        finally:
            self._drawing = False

    def _frame(self, draw: Callable[[], None], render: Callable[[], None]) -> bool:
        width, height = glfw.get_framebuffer_size(self.handle)
        if width < 1 or height < 1:
            return False
        imgui.backends.opengl3_new_frame()
        imgui.backends.glfw_new_frame()
        imgui.new_frame()
        draw()
        render()
        gl.glViewport(0, 0, width, height)
        gl.glClearColor(*self.background, 1)
        gl.glClear(gl.GL_COLOR_BUFFER_BIT)
        imgui.backends.opengl3_render_draw_data(imgui.get_draw_data())
        return True

    def pixels(self) -> np.ndarray:
        """What was drawn last, [H, W, 3] uint8; before `swap`."""
        width, height = glfw.get_framebuffer_size(self.handle)
        gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 1)
        data = np.empty((height, width, 3), np.uint8)
        gl.glReadPixels(0, 0, width, height, gl.GL_RGB, gl.GL_UNSIGNED_BYTE, data)
        return data[::-1].copy()  # OpenGL counts rows from below

    def swap(self) -> None:
        glfw.swap_buffers(self.handle)

    def wait(self, busy: bool, started: float) -> None:
        """Events until the next frame is due: at the screen's rate while `busy`, else until something happens."""
        if self.headless:
            glfw.poll_events()
            return
        due = started + 1 / self._rate()
        if busy or self._busy_until > 0:
            self._busy_until, self._idle = max(0, self._busy_until - 1), 0
            glfw.poll_events()
            while (left := due - time.perf_counter()) > 0.0005:
                self._sleep(left)
            return
        self._idle += 1
        self._sleep(IDLE_SECONDS[self._idle > RESTLESS and not imgui.get_io().want_text_input])

    def _sleep(self, seconds: float) -> None:
        """Wait for an event, but not longer; an event is followed by some frames."""
        before = time.perf_counter()
        glfw.wait_events_timeout(seconds)
        if time.perf_counter() - before < 0.9 * seconds:
            self._busy_until = SETTLE_FRAMES

    def wake(self) -> None:
        """End a sleep, from any thread."""
        glfw.post_empty_event()

    def toggle_fullscreen(self) -> None:
        """Between a window and the whole of the screen it is on."""
        if self.headless:
            return
        if self._place:
            x, y, width, height = self._place
            window = None  # no monitor: a window again
            glfw.set_window_monitor(self.handle, window, x, y, width, height, 0)  # pyright: ignore[reportArgumentType]
            self._place = None
            return
        self._place = (*glfw.get_window_pos(self.handle), *glfw.get_window_size(self.handle))
        monitor = self._monitor()
        if monitor is None:
            self._place = None
            return
        mode = glfw.get_video_mode(monitor)
        glfw.set_window_monitor(
            self.handle, monitor, 0, 0, mode.size.width, mode.size.height, mode.refresh_rate
        )

    def close(self) -> None:
        """Give everything back; the last thing to call."""
        imgui.backends.opengl3_shutdown()
        imgui.backends.glfw_shutdown()
        imgui.destroy_context(self._context)
        glfw.destroy_window(self.handle)
        glfw.terminate()

    # --- parts --------------------------------------------------------------------------------------------------

    def _start_glfw(self) -> None:
        glfw.ERROR_REPORTING = {None: "log", glfw.NOT_INITIALIZED: "exception"}
        glfw.init_hint(glfw.PLATFORM, glfw.PLATFORM_NULL if self._screenless else glfw.ANY_PLATFORM)
        if not glfw.init():
            raise StyleScopeError(_no_window("GLFW could not start", self._screenless))

    def _create(self, title: str, size: tuple[int, int]) -> Any:
        hints = {
            glfw.CONTEXT_VERSION_MAJOR: 3, glfw.CONTEXT_VERSION_MINOR: 3,
            glfw.OPENGL_PROFILE: glfw.OPENGL_CORE_PROFILE, glfw.OPENGL_FORWARD_COMPAT: True,
            glfw.VISIBLE: False, glfw.SCALE_TO_MONITOR: False,
        }  # fmt: skip
        if self._screenless:
            hints[glfw.CONTEXT_CREATION_API] = glfw.EGL_CONTEXT_API
        for hint, value in hints.items():
            glfw.window_hint(hint, value)
        handle = glfw.create_window(max(1, size[0]), max(1, size[1]), title, None, None)
        if not handle:
            why: Any = glfw.get_error()[1]
            glfw.terminate()
            raise StyleScopeError(_no_window(why.decode() if why else "no OpenGL 3.3", self._screenless))
        return handle

    def _start_imgui(self) -> Any:
        context = imgui.create_context()
        io = imgui.get_io()
        io.set_ini_filename("")  # the layout is kept with the settings
        io.config_flags |= imgui.ConfigFlags_.docking_enable
        io.config_windows_move_from_title_bar_only = True
        imgui.backends.glfw_init_for_opengl(ctypes.cast(self.handle, ctypes.c_void_p).value or 0, True)
        imgui.backends.opengl3_init("#version 330")
        return context

    def _monitor(self) -> Any:
        """The monitor under the middle of the window."""
        x, y = glfw.get_window_pos(self.handle)
        width, height = glfw.get_window_size(self.handle)
        for monitor in glfw.get_monitors() or ():
            left, top = glfw.get_monitor_pos(monitor)
            mode = glfw.get_video_mode(monitor)
            if (
                left <= x + width / 2 < left + mode.size.width
                and top <= y + height / 2 < top + mode.size.height
            ):
                return monitor
        return glfw.get_primary_monitor()

    def _monitor_scale(self) -> float:
        monitor = glfw.get_primary_monitor()
        return glfw.get_monitor_content_scale(monitor)[0] if monitor else 1.0

    def _rate(self) -> float:
        """Frames a second that the screen can show."""
        monitor = glfw.get_primary_monitor()
        mode = glfw.get_video_mode(monitor) if monitor else None
        return float(min(240, max(30, mode.refresh_rate))) if mode and mode.refresh_rate else 60.0

    def _dropped(self, _: Any, paths: list[str]) -> None:
        self.dropped += list(paths)

    def _scale_changed(self) -> None:
        if self.on_scale and not self._fixed_scale:
            self.on_scale(self.scale)

    def _refresh(self) -> None:
        """Some systems hold the loop while a window is being resized; what it shows is drawn from here meanwhile."""
        if self._draw is not None and not self._drawing:
            with contextlib.suppress(RuntimeError):  # Dear ImGui refuses where a frame is half done
                if self.frame(self._draw):
                    self.swap()


def _no_window(why: str, screenless: bool) -> str:
    need = "EGL (libegl1 and libegl-mesa0 on Debian)" if screenless else "a display with OpenGL 3.3"
    return (
        f"The window needs {need}, found none ({why}); run `main.py doctor` to see what is missing, "
        "or render without a window: `main.py render --out FILE.png`."
    )
