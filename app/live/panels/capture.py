"""Pictures of the picture and of the window, numbered, into a folder."""

from pathlib import Path

from app.live.ui import Ui
from engine.frame import Frame
from engine.scene import Scene


class CapturePanel:
    """Three buttons; where files go; which was the last."""

    title = "Capture"
    hint = ""

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        shown = frame is not None and frame.image is not None
        ui.buttons(
            [
                ("Picture", "capture.picture", "Saves the picture as PNG, with the scene inside (P).", shown),
                ("Window", "capture.window", "Saves the whole window as PNG.", True),
                ("Folder…", "capture.folder", "Chooses where captures go.", True),
            ]
        )
        host = ui.host
        if host.capture_folder:
            ui.facts([("Folder", Path(host.capture_folder).name or host.capture_folder)])
            ui.tooltip(host.capture_folder)
        if host.last_capture:
            ui.facts([("Last", Path(host.last_capture).name)])
            ui.tooltip(host.last_capture)
        return scene
