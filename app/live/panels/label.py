"""The class of a conditional network."""

from app.live.ui import Ui
from engine.frame import Frame
from engine.scene import Scene


class LabelPanel:
    """One row, and the zero label. Networks without classes do not show it."""

    title = "Class"

    def __init__(self):
        self.hint = ""

    def shown(self, frame: Frame | None) -> bool:
        """Whether there is a class to choose."""
        return frame is not None and frame.model is not None and frame.model.c_dim > 0

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        if frame is None or frame.model is None or frame.model.c_dim == 0:
            self.hint = ""
            ui.note("This network was trained without labels, so there is no class to choose.")
            return scene
        last = frame.model.c_dim - 1
        self.hint = f"0 to {last}"
        scene = ui.row(scene, "label.index", low=-1, high=last, show=lambda i: "zero label" if i == -1 else str(i))
        pressed = ui.segments(
            [
                ("Previous", "The class before.", scene.label.index > 0, False),
                ("Next", "The class after.", scene.label.index < last, False),
                ("Zero label", "A label of zeros: no class, which was never trained.", True, scene.label.index == -1),
            ]
        )
        if scene.label.index > last:
            ui.error(f"This network has classes 0 to {last}, the scene asks for {scene.label.index}.")
        step = {"Previous": min(scene.label.index, last + 1) - 1, "Next": scene.label.index + 1, "Zero label": -1}
        return scene.set("label.index", step[pressed]) if pressed else scene
