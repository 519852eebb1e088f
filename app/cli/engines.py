"""A renderer for the commands: the device a person asked for, and a picture or a sentence."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from engine.frame import Frame
    from engine.renderer import Renderer
    from engine.scene import Scene


def open_renderer(device: str) -> "Renderer":
    """A renderer on `auto`, `cpu`, `cuda` or `mps`; StyleScopeError when the machine lacks that device."""
    from engine.renderer import Renderer

    return Renderer(device=pick_device(device))


def pick_device(name: str) -> str:
    """The device for `name`; `auto` is CUDA, else Apple's MPS, else the CPU."""
    import torch

    from engine.errors import StyleScopeError

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(kind for kind, there in present.items() if there)
    if not present.get(name.partition(":")[0], False):
        found = ", ".join(kind for kind, there in present.items() if there)
        raise StyleScopeError(f"--device: expected one that this machine has ({found}), found {name!r}.")
    return name


def frame_of(renderer: "Renderer", scene: "Scene") -> "Frame":
    """The frame of a scene; RenderError with its sentence when there is none."""
    from engine.errors import RenderError

    frame = renderer.render(scene)
    if frame.error is not None:
        raise RenderError(frame.error)
    return frame


def picture_of(renderer: "Renderer", scene: "Scene") -> "np.ndarray":
    """[H, W, 4] uint8 of a scene."""
    picture = frame_of(renderer, scene).picture
    assert picture is not None  # a frame without an error has one
    return picture
