"""Opens a hidden OpenGL window and prints what it got, as JSON: `python -m app.cli.glprobe screen|headless [share]`.

With `share` it also tries whether GPU 0 may fill the window's pictures by itself. A process of its own, because a
broken driver may crash it.
"""

import json
import os
import sys
from types import ModuleType


def probe(headless: bool, share: bool = False) -> dict[str, str]:
    """OpenGL version and renderer of a 3.3 core context; RuntimeError with GLFW's reason when there is none."""
    if sys.platform == "linux":
        os.environ["PYOPENGL_PLATFORM"] = "egl" if headless else "x11"
    from imgui_bundle import imgui  # noqa: F401, I001  (first: glfw then shares the bundle's libglfw)
    import glfw
    import OpenGL.GL as gl

    if headless:
        glfw.init_hint(glfw.PLATFORM, glfw.PLATFORM_NULL)
    if not glfw.init():
        raise RuntimeError(reason(glfw))
    if headless:
        glfw.window_hint(glfw.CONTEXT_CREATION_API, glfw.EGL_CONTEXT_API)
    glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
    glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
    glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
    glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
    glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, glfw.TRUE)
    window = glfw.create_window(64, 64, "StyleScope", None, None)
    if not window:
        raise RuntimeError(reason(glfw))
    glfw.make_context_current(window)
    names = {"version": gl.GL_VERSION, "renderer": gl.GL_RENDERER, "vendor": gl.GL_VENDOR}
    facts = {name: (gl.glGetString(value) or b"").decode(errors="replace") for name, value in names.items()}
    if share:
        facts["sharing"] = sharing(gl)
    glfw.terminate()
    return facts


def sharing(gl: ModuleType) -> str:
    """How pictures come from GPU 0 into the window."""
    from cuda_ops.gpu import glbuffer

    number = int(gl.glGenBuffers(1))
    gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, number)
    gl.glBufferData(gl.GL_PIXEL_UNPACK_BUFFER, 64, None, gl.GL_STREAM_DRAW)
    buffer, why = glbuffer.open_buffer(number)
    if buffer is not None:
        buffer.close()
    return why or "Pictures stay on the GPU."


def reason(glfw: ModuleType) -> str:
    """GLFW's last complaint."""
    text = glfw.get_error()[1] or "no reason given"
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def main() -> int:
    import warnings

    warnings.simplefilter("ignore")  # glfw's Python layer warns of what get_error returns as well
    try:
        print(json.dumps(probe("headless" in sys.argv, "share" in sys.argv)))
    except Exception as error:  # noqa: BLE001  (whatever a driver does wrong is this program's result)
        print(json.dumps({"error": str(error).strip() or type(error).__name__}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
