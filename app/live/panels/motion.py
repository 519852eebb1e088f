"""Motion: the transform at the Fourier input of StyleGAN3."""

from app.live.ui import Ui
from engine.frame import Frame, ModelFacts
from engine.scene import Scene, Transform


class MotionPanel:
    """Translate, rotate and scale, by hand or by the clock."""

    title = "Motion"

    def __init__(self):
        self.hint = ""

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        facts = frame.model if frame else None
        if facts and not facts.has_input_transform:
            self.hint = ""
            ui.note(why_none(facts))
            ui.buttons([("Open a StyleGAN3…", "file.open", "Chooses another file.", True)])
            return scene
        self.hint = "at the Fourier input"
        for path in ("x", "y", "rotate", "scale", "travel", "spin"):
            scene = ui.row(scene, f"transform.{path}")
        scene = ui.toggles(scene, ["transform.snap", "transform.untransform", "transform.anchor"])
        t = scene.transform
        pressed = ui.segments(
            [
                ("Stop", "Ends travel and spin, and stays where it is.", bool(t.travel or t.spin), False),
                ("Reset", "Everything in this panel back to its default.", t != Transform(), False),
            ]
        )
        if pressed == "Stop":
            return scene.reset("transform.travel").reset("transform.spin")
        return scene.reset("transform") if pressed == "Reset" else scene


def why_none(facts: ModelFacts) -> str:
    """Why this network's content cannot be moved from inside, and what can be done instead."""
    name = {"stylegan1": "StyleGAN", "stylegan2": "StyleGAN2"}.get(facts.family, "This network")
    return (
        f"{name} has no input transform: its layers start from a learned constant, fixed to the pixels, so "
        "the content cannot be moved inside the network. Pan and zoom move the finished picture; "
        "to move what is in it, open a StyleGAN3 and compare."
    )
