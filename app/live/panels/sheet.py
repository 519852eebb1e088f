"""Contact sheet: all channels of the shown step beside each other; a click picks one, to look at it or to change it."""

from imgui_bundle import imgui

from app.live.panels import bending
from app.live.ui import Ui
from engine.frame import Frame
from engine.inspect.sheet import Tiles
from engine.scene import Scene

Vec = imgui.ImVec2
HIGHEST = 20.0  # ems, of the sheet


class SheetPanel:
    """The sheet, its order, and what can be done with the channel that was picked."""

    title = "Contact sheet"
    workspaces = ("Inspect",)

    def __init__(self):
        self.hint = ""

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        looked = frame.looked if frame else None
        if looked is None or looked.shown.step != scene.view.step:
            self.hint = ""
            ui.note("Choose a layer to see all of its channels here.")
            return scene
        small, v = looked.thumbnails, scene.view
        what = "the styles" if small.part == "styles" else "weights" if small.part == "weight" else ""
        self.hint = f"{small.count} channel{'s' if small.count != 1 else ''} of {v.step}{what and f', {what}'}"
        assert small.tiles is not None
        if ui.picture("Channels", small.rgba, HIGHEST):
            channel = channel_under(small.tiles)
            if channel is not None:
                mode = "channel" if v.mode not in ("channel", "rgb") else v.mode
                scene = scene.set("view.channel", channel).set("view.mode", mode)
        _tip(ui, small.tiles)
        _outline(ui, small.tiles, v.channel % small.count, "accent")
        for channel in sorted(bending.named(scene, v.step)):
            if channel < small.count and small.part != "styles":
                _outline(ui, small.tiles, channel, "teal")
        scene = ui.choice(scene, "view.sort")
        scene = ui.toggle(scene, "view.each", "Each to its own scale")
        if small.part == "styles":
            ui.note("Styles are moved in the panel Stylespace.")
            return scene
        return self._changes(ui, scene, v.channel % small.count)

    def _changes(self, ui: Ui, scene: Scene, channel: int) -> Scene:
        step, kinds = scene.view.step, bending.kinds(scene, scene.view.step, channel)
        ui.text(f"Channel {channel}", dim=True, small=True)
        clicked = ui.segments(
            [
                ("Ablate", "Sets this channel to zero before the next layer reads it.", True, "ablate" in kinds),
                ("Boost", "Doubles this channel; the amount is in the panel Bends.", True, "boost" in kinds),
                ("Offset", "Adds to this channel; the amount is in the panel Bends.", True, "offset" in kinds),
                ("Restore", "Takes this channel out of every bend.", bool(kinds), False),
            ]
        )
        if clicked == "Restore":
            return bending.without(scene, step, channel)
        return bending.toggled(scene, step, clicked.lower(), channel) if clicked else scene


def channel_under(tiles: Tiles) -> int | None:
    """The channel of the sheet just drawn that is under the pointer."""
    low, high, mouse = imgui.get_item_rect_min(), imgui.get_item_rect_max(), imgui.get_mouse_pos()
    height, width = tiles.size
    x = int((mouse.x - low.x) / max(1.0, high.x - low.x) * width)
    y = int((mouse.y - low.y) / max(1.0, high.y - low.y) * height)
    return tiles.channel_at(x, y)


def _tip(ui: Ui, tiles: Tiles) -> None:
    channel = channel_under(tiles) if imgui.is_item_hovered() else None
    if channel is not None:
        ui.tooltip(f"Channel {channel}, number {tiles.order.index(channel) + 1} in this order")


def _outline(ui: Ui, tiles: Tiles, channel: int, colour: str) -> None:
    """A frame around one channel of the sheet just drawn."""
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    (h, w), g = tiles.cell, tiles.gap
    row, column = divmod(tiles.order.index(channel), tiles.columns)
    height, width = tiles.size
    across, down = (high.x - low.x) / width, (high.y - low.y) / height
    corner = Vec(low.x + column * (w + g) * across, low.y + row * (h + g) * down)
    end = Vec(corner.x + w * across, corner.y + h * down)
    imgui.get_window_draw_list().add_rect(corner, end, ui.colour(colour), 0.0, 1.5 * ui.theme.hair)
