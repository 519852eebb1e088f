"""Truncation: how far w is pulled to the average, and in how many layers."""

from app.live.ui import Ui
from engine.frame import Frame, ModelFacts
from engine.scene import Scene


class TruncationPanel:
    """Psi and cutoff."""

    title = "Truncation"
    hint = ""

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        facts = frame.model if frame else None
        scene = ui.row(scene, "truncation.psi")
        high = facts.num_ws if facts else None
        own = facts.default_cutoff if facts else None
        return ui.row(
            scene, "truncation.cutoff", high=high, unset=own, show=lambda cutoff: cutoff_text(cutoff, facts)
        )


def cutoff_text(cutoff: int | None, facts: ModelFacts | None) -> str:
    """How many layers are truncated, in words: "all 14", "8 of 18"; unset means the network's default."""
    if facts is None:
        return "all" if cutoff is None else str(cutoff)
    if cutoff is None:
        cutoff = facts.default_cutoff if facts.default_cutoff is not None else facts.num_ws
    return f"all {facts.num_ws}" if cutoff >= facts.num_ws else f"{cutoff} of {facts.num_ws}"
