"""A line that opens and closes what is below it."""

from imgui_bundle import imgui

from app.live import icons
from app.live.ui import Ui

Vec = imgui.ImVec2


def fold(ui: Ui, label: str, hint: str, is_open: bool) -> bool:
    """A dim line with a chevron that opens and closes what is below it; True when it was clicked."""
    height = round(1.46 * ui.em)
    clicked = imgui.invisible_button(label, Vec(imgui.get_content_region_avail().x, height))
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    shade = ui.colour("text" if imgui.is_item_hovered() else "dim")
    draw = imgui.get_window_draw_list()
    top = round(low.y + (height - imgui.get_font_size()) / 2)
    label = label.split("##")[0]
    draw.add_text(Vec(low.x, top), shade, label)
    middle = Vec(low.x + imgui.calc_text_size(label).x + 0.8 * ui.em, (low.y + high.y) / 2)
    icons.chevron(draw, middle, 1.3 * ui.em, shade, ui.theme.hair, down=is_open)
    width = imgui.calc_text_size(hint).x
    draw.add_text(Vec(round(high.x - width - 1.9 * ui.em), top), ui.colour("dim"), hint)
    return clicked
