"""StyleSpace: sliders over the style channels that the shown step reads, those with the largest effect first."""

from app.live.panels import bending
from app.live.ui import Ui
from engine.frame import Frame
from engine.scene import Scene

PAGE = 8  # sliders at once


class StyleSpacePanel:
    """Each slider adds to one style channel (Wu et al. 2020); together they are bends of the kind style."""

    title = "Stylespace"
    workspaces = ("Inspect",)

    def __init__(self):
        self.hint = ""
        self.page = 0

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        step, facts = scene.view.step, frame.model if frame else None
        order = facts.style_order.get(step, ()) if facts else ()
        self.hint = ""
        if not order:
            ui.note("Choose a layer that reads styles to move single channels of them: most convolutions do.")
            return scene
        pages = -(-len(order) // PAGE)
        self.page = min(self.page, pages - 1)
        shown = order[self.page * PAGE : (self.page + 1) * PAGE]
        self.hint = f"{step} · {self.page * PAGE + 1} to {self.page * PAGE + len(shown)} by effect"
        full, rest = bending.with_sliders(scene, step, shown)
        edited = full
        for i, channel in enumerate(shown):
            edited = ui.row(edited, f"bends.{i}.amount", label=named(frame, step, channel))
        if edited != full:
            scene = bending.kept_sliders(edited, rest, len(shown))
        clicked = ui.segments(
            [
                ("Stronger", "Channels with more effect.", self.page > 0, False),
                ("Weaker", "Channels with less effect.", self.page + 1 < pages, False),
                ("Reset", "Every slider of this layer at zero.", any(
                    bending.is_slider(b, step) for b in scene.bends), False),
            ]
        )  # fmt: skip
        if clicked == "Reset":
            return scene.set("bends", tuple(b for b in scene.bends if not bending.is_slider(b, step)))
        self.page += {"Stronger": -1, "Weaker": 1}.get(clicked or "", 0)
        return scene


def named(frame: Frame | None, step: str, channel: int) -> str:
    """A style channel in words; StyleGAN's are the scales of a layer's channels, then their shifts."""
    if frame is None or frame.model is None or frame.model.family != "stylegan1":
        return f"Style {channel}"
    count = next(report.shape[0] for report in frame.steps if report.name == step)
    return f"Scale {channel}" if channel < count else f"Shift {channel - count}"
