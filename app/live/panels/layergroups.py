"""Groups of the layer table: what has one size stands under a line that says so, sums its time and folds."""

from collections.abc import Iterator

from imgui_bundle import imgui

from app.live import icons
from app.live.panels.layertable import PITCH, Columns, Line
from app.live.ui import Ui

Vec = imgui.ImVec2


def grouped(lines: list[Line]) -> Iterator[tuple[str, list[Line]]]:
    """Neighbours of one size, with their size as the table writes it."""
    size, group = "", []
    for line in lines:
        if group and line.cells["size"] != size:
            yield size, group
            group = []
        size = line.cells["size"]
        group.append(line)
    if group:
        yield size, group


def paint_group(ui: Ui, size: str, group: list[Line], columns: Columns, is_open: bool) -> bool:
    """The line above a group; True when it was clicked. It is red where something in it is wrong."""
    start, height = imgui.get_cursor_screen_pos(), round(PITCH * ui.em)
    clicked = imgui.invisible_button(f"Group {group[0].name}", Vec(imgui.get_content_region_avail().x, height))
    draw, low, high = imgui.get_window_draw_list(), imgui.get_item_rect_min(), imgui.get_item_rect_max()
    shade = "red" if any(line.sick for line in group) else "text" if imgui.is_item_hovered() else "dim"
    draw.add_rect_filled(Vec(low.x, low.y), Vec(high.x, low.y + ui.theme.hair), ui.colour("line"))
    top = round(start.y + (height - imgui.get_font_size()) / 2)
    icons.chevron(
        draw, Vec(start.x + 0.35 * ui.em, start.y + height / 2), 1.1 * ui.em, ui.colour(shade), ui.theme.hair,
        down=is_open,
    )  # fmt: skip
    count = f"{size}  {len(group)} layer{'s' if len(group) > 1 else ''}"
    draw.add_text(Vec(start.x + round(0.9 * ui.em), top), ui.colour(shade), count)
    total = f"{sum(line.keys.get('ms', 0.0) for line in group):.1f}"
    right = columns.edges.get("ms")
    if right is not None:
        at = Vec(round(start.x + right - imgui.calc_text_size(total).x), top)
        draw.add_text(at, ui.colour(shade), total)
    ui.tooltip("Folds these layers, or shows them again; the number is the time of all of them.")
    imgui.set_cursor_screen_pos(Vec(start.x, start.y + height))
    return clicked
