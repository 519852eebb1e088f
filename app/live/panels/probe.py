"""Probe: the strongest channels of every layer at one place of the picture."""

import math

from imgui_bundle import imgui, imgui_ctx

from app.live.panels.layertable import short
from app.live.theme import SMALL
from app.live.ui import Ui, fit
from engine.frame import Frame
from engine.scene import Scene

Vec = imgui.ImVec2
NAME = 8.0  # ems for a layer's name
CELL = 7.6  # ems for one channel


class ProbePanel:
    """One line for each layer: channel and value, the strongest first; a click shows that channel."""

    title = "Probe"
    workspaces = ("Inspect",)

    def __init__(self):
        self.hint = ""

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        v = scene.view
        self.hint = f"x {v.probe_x:.3f} y {v.probe_y:.3f}" if v.probe else ""
        scene = ui.toggle(scene, "view.probe", "Probing" if v.probe else "Probe")
        if not v.probe:
            ui.note("Lists the strongest channels of every layer at a place that the tool Probe sets on the picture.")
            return scene
        for probed in frame.probed if frame else ():
            with imgui_ctx.push_font(ui.theme.mono, SMALL), imgui_ctx.push_id(probed.step):
                scene = self._line(ui, scene, probed)
        return scene

    def _line(self, ui: Ui, scene: Scene, probed) -> Scene:
        start, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        height, draw = round(1.3 * ui.em), imgui.get_window_draw_list()
        name = round(NAME * ui.em)
        draw.add_text(Vec(start.x, start.y), ui.colour("dim"), fit(probed.step, name - 0.5 * ui.em))
        count = max(1, int((room - name) / (CELL * ui.em)))
        width = (room - name) / count
        for i, (channel, value) in enumerate(list(zip(probed.channels, probed.values))[:count]):
            imgui.set_cursor_screen_pos(Vec(start.x + name + i * width, start.y))
            if imgui.invisible_button(f"Channel {channel}", Vec(max(1.0, width), height)):
                scene = scene.set("view.step", probed.step).set("view.channel", channel)
                scene = scene.set("view.mode", "channel")
            low, over = imgui.get_item_rect_min(), imgui.is_item_hovered()
            draw.add_text(low, ui.colour("bright" if over else "teal"), str(channel))
            sick = not math.isfinite(value)
            words = ("NaN" if math.isnan(value) else "Inf") if sick else short(value)
            right = low.x + width - 1.6 * ui.em - imgui.calc_text_size(words).x
            draw.add_text(Vec(round(right), low.y), ui.colour("red" if sick else "bright" if over else "text"), words)
        imgui.set_cursor_screen_pos(Vec(start.x, start.y + height))
        return scene
