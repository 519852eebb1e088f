"""Whether there is a screen: Dear PyGui ends the whole process where there is none, so it is asked for beforehand."""

import ctypes
import os
import sys

from engine.errors import StyleScopeError


def require(what: str) -> None:
    """StyleScopeError that says that `what` needs a display, where X11 is the way to one and cannot be reached."""
    if sys.platform != "linux" or _reachable():
        return
    found = os.environ.get("DISPLAY")
    why = f"nothing answers at DISPLAY={found}" if found else "DISPLAY is not set"
    raise StyleScopeError(f"{what} needs a display, found none ({why}); start it on a desktop or through ssh -X.")


def _reachable() -> bool:
    if not os.environ.get("DISPLAY"):
        return False
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return False
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if display:
        x11.XCloseDisplay(ctypes.c_void_p(display))
    return bool(display)
