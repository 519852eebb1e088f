"""Progressive growing: watch a StyleGAN at the resolutions it grew through."""

from app.live.ui import Ui
from engine.frame import Frame
from engine.scene import Scene


class GrowingPanel:
    """One row, the level of detail. Networks that did not grow do not show it."""

    title = "Growing"

    def __init__(self):
        self.hint = ""

    def shown(self, frame: Frame | None) -> bool:
        """Whether the network has levels of detail."""
        return frame is not None and frame.model is not None and frame.model.max_lod > 0

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        if frame is None or frame.model is None or frame.model.max_lod == 0:
            self.hint = ""
            ui.note("This network was not grown from a small picture; StyleGAN, the first, was.")
            return scene
        facts, size = frame.model, min(frame.model.resolution)
        lod = facts.lod if scene.growing.lod is None else scene.growing.lod
        coarse, fade = size >> int(lod), lod % 1
        self.hint = f"{coarse} px" if fade == 0 else f"{coarse >> 1} to {coarse} px"
        return ui.row(
            scene,
            "growing.lod",
            low=0,
            high=facts.max_lod,
            unset=facts.lod,
            show=lambda v: f"{facts.lod if v is None else v:.2f}",
        )
