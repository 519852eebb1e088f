"""The panels, one file each, and the column in which each one starts."""

from typing import Protocol

from app.live.panels.bends import BendsPanel
from app.live.panels.capture import CapturePanel
from app.live.panels.filters import FiltersPanel
from app.live.panels.growing import GrowingPanel
from app.live.panels.label import LabelPanel
from app.live.panels.latent import LatentPanel
from app.live.panels.layers import LayersPanel
from app.live.panels.mixing import MixingPanel
from app.live.panels.model import ModelPanel
from app.live.panels.motion import MotionPanel
from app.live.panels.noise import NoisePanel
from app.live.panels.performance import PerformancePanel
from app.live.panels.probe import ProbePanel
from app.live.panels.sheet import SheetPanel
from app.live.panels.spectrum import SpectrumPanel
from app.live.panels.stylespace import StyleSpacePanel
from app.live.panels.truncation import TruncationPanel
from app.live.panels.view import ViewPanel
from app.live.panels.wspace import WPlanePanel
from app.live.ui import Ui
from engine.frame import Frame
from engine.scene import Scene


class Panel(Protocol):
    """A section of the window: from what the person does to a new scene. It keeps nothing that a scene could hold.

    With `workspaces` it stands in those alone, else in all.
    """

    title: str
    hint: str

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene: ...


PANELS: tuple[tuple[type[Panel], str], ...] = (
    (ModelPanel, "left"),
    (LatentPanel, "left"),
    (LabelPanel, "left"),
    (TruncationPanel, "left"),
    (MixingPanel, "left"),
    (NoisePanel, "left"),
    (MotionPanel, "left"),
    (GrowingPanel, "left"),
    (ViewPanel, "left"),
    (BendsPanel, "left"),
    (LayersPanel, "right"),
    (SheetPanel, "right"),
    (ProbePanel, "right"),
    (SpectrumPanel, "right"),
    (FiltersPanel, "right"),
    (StyleSpacePanel, "right"),
    (WPlanePanel, "right"),
    (PerformancePanel, "right"),
    (CapturePanel, "right"),
)


def panels() -> list[tuple[Panel, str]]:
    """New panels with their home columns, in order."""
    return [(panel(), column) for panel, column in PANELS]
