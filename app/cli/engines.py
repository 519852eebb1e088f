"""A renderer for the commands: the device a person asked for, and a picture or a sentence."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import numpy as np

    from engine.frame import Frame
    from engine.renderer import Renderer
    from engine.scene import Scene

PATIENCE = 1.0  # seconds before a person is told what is waited for


def open_renderer(device: str) -> "Renderer":
    """A renderer on `auto`, `cpu`, `cuda` or `mps`; StyleScopeError when the machine lacks that device.

    On a GPU it is first learnt which kernels may serve, so that all pictures are computed alike.
    """
    from engine import devices
    from engine.renderer import Renderer

    device = devices.pick(device)
    if not devices.settle(device, PATIENCE):
        typer.echo("Checking the GPU's kernels, once on this machine; it may take a minute.", err=True)
        devices.settle(device)
    return Renderer(device=device)


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
