"""Bends: what is changed between two layers, and where."""

from imgui_bundle import imgui

from app.live import icons
from app.live.panels import bending
from app.live.panels.fold import fold
from app.live.ui import Ui
from engine.frame import Frame
from engine.looking import Bend
from engine.scene import Scene


class BendsPanel:
    """One line for each bend, with its amount; unfolded, the round place it is limited to."""

    title = "Bends"
    workspaces = ("Inspect",)

    def __init__(self):
        self.hint = ""
        self.open: set[int] = set()  # bends whose place is unfolded

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        steps = {step.name for step in frame.steps} if frame else set()
        acting = sum(b.on and b.step in steps for b in scene.bends)
        self.hint = f"{acting} of {len(scene.bends)} act" if scene.bends else ""
        if not scene.bends:
            ui.note(
                "Nothing is changed between layers. Ablate or boost a channel in the contact sheet, or add a bend. The "
                "tool Paint limits a bend to places."
            )
        for i in range(len(scene.bends)):
            if i < len(scene.bends):
                scene = self._bend(ui, scene, i, steps)
        step = scene.view.step
        clicked = ui.segments(
            [
                ("+ Bend", f"Changes all channels of {step or 'a layer; choose one first'}.", bool(step), False),
                ("Remove all", "The network as it is.", bool(scene.bends), False),
            ]
        )
        if clicked == "+ Bend":
            return scene.set("bends", (*scene.bends, Bend(step, "boost")))
        return scene.reset("bends") if clicked == "Remove all" else scene

    def _bend(self, ui: Ui, scene: Scene, i: int, steps: set[str]) -> Scene:
        bend = scene.bends[i]
        with_id = f"##bend {i}"
        line, size = imgui.get_cursor_screen_pos(), round(1.46 * ui.em)
        width = imgui.get_content_region_avail().x - size
        unknown = "" if bend.step in steps else "  (not in this network)"
        if ui.segment(f"{bend.step}  {spelled(bend.channels)}{unknown}{with_id}", bend.on, width):
            scene = scene.set(f"bends.{i}.on", not bend.on)
        ui.tooltip("Switches this bend on or off.")
        imgui.set_cursor_screen_pos(imgui.ImVec2(line.x + width, line.y))
        if ui.mark(f"Remove {i}", icons.close, "dim", size, "Removes this bend."):
            self.open.discard(i)
            return bending.removed(scene, i)
        scene = ui.choice(scene, f"bends.{i}.kind") if i == 0 else _kind(ui, scene, i)
        if scene.bends[i].kind != "ablate":
            scene = ui.row(scene, f"bends.{i}.amount")
        if scene.bends[i].kind == "style":
            return scene
        places = 1 + len(bend.stroke)
        where = "everywhere" if bend.radius == 0 else f"{bend.radius:.2f}" + (f" × {places}" if places > 1 else "")
        if fold(ui, f"Place{with_id}", where, i in self.open):
            self.open ^= {i}
        if i in self.open:
            for name in ("radius", "x", "y"):
                scene = ui.row(scene, f"bends.{i}.{name}")
            if ui.segments([("Everywhere" + with_id, "Takes away the place and all that was painted.", True, False)]):
                scene = bending.everywhere(scene, i)
        return scene


def _kind(ui: Ui, scene: Scene, i: int) -> Scene:
    """The segments of the kind, with ids of their own for each bend."""
    imgui.push_id(i)
    scene = ui.choice(scene, f"bends.{i}.kind")
    imgui.pop_id()
    return scene


def spelled(channels: tuple[int, ...]) -> str:
    """Channels as people write them: "all", "3, 5-7"."""
    if not channels:
        return "all"
    runs: list[list[int]] = []
    for channel in sorted(set(channels)):
        if runs and channel == runs[-1][1] + 1:
            runs[-1][1] = channel
        else:
            runs.append([channel, channel])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
