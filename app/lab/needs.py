"""What the lab needs before it can open a window, as sentences. Imports nothing that could be missing."""

import sys
from importlib.util import find_spec

from app.lab import display
from engine.errors import StyleScopeError


def check() -> None:
    """StyleScopeError when there is no Dear PyGui or no screen."""
    if find_spec("dearpygui") is None:
        raise StyleScopeError(
            "The lab needs Dear PyGui, not found; install it with: "
            f"{sys.executable} -m pip install dearpygui (the window works without it)."
        )
    display.require("The lab")
