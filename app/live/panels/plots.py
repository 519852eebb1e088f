"""Small drawings of data: legend, histogram, curves. One line each, quiet, read out under the pointer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from imgui_bundle import imgui, imgui_ctx

from app.live.theme import SMALL
from app.live.ui import Ui
from app.tokens import LINE
from engine.inspect import colours

Vec = imgui.ImVec2
TINY = 10.0 * LINE
LEGEND_CELLS = 64


@dataclass(frozen=True)
class Curve:
    """A line of a plot: rising `x`, `y`, a theme colour and its name in the read-out; `pale` for what is compared."""

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    pale: bool = False


def legend(ui: Ui, name: str, colour_map: str, low: str, high: str) -> None:
    """The colour map as a thin bar with its ends written below."""
    size = Vec(max(1.0, imgui.get_content_region_avail().x), round(0.6 * ui.em))
    imgui.invisible_button(name, size)
    at, draw = imgui.get_item_rect_min(), imgui.get_window_draw_list()
    table = colours.table(colour_map if colour_map in ("grey", "heat", "signed") else "grey")
    cells = table[np.linspace(0, len(table) - 1, LEGEND_CELLS).astype(int)] / 255
    for i, (r, g, b, _) in enumerate(cells):
        left, right = (round(at.x + size.x * k / LEGEND_CELLS) for k in (i, i + 1))
        packed = imgui.color_convert_float4_to_u32(imgui.ImVec4(float(r), float(g), float(b), imgui.get_style().alpha))
        draw.add_rect_filled(Vec(left, at.y), Vec(right, at.y + size.y), packed)
    ends(ui, low, high)


def ends(ui: Ui, low: str, high: str) -> None:
    """Two small texts at the ends of a line."""
    with imgui_ctx.push_font(ui.theme.mono, TINY):
        start, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        draw = imgui.get_window_draw_list()
        top = start.y - round(0.3 * ui.em)
        draw.add_text(Vec(start.x, top), ui.colour("dim"), low)
        draw.add_text(Vec(round(start.x + room - imgui.calc_text_size(high).x), top), ui.colour("dim"), high)
        imgui.dummy(Vec(1, round(imgui.get_font_size() - 0.3 * ui.em)))


def histogram(ui: Ui, name: str, counts: np.ndarray, low: float, high: float, height: float = 2.8) -> None:
    """Bars on a logarithmic scale, so that a few outliers show."""
    low_corner, high_corner = well(ui, name, height)
    draw, width = imgui.get_window_draw_list(), high_corner.x - low_corner.x
    tall = np.log1p(counts) / max(1e-9, float(np.log1p(counts).max()))
    for i, part in enumerate(tall):
        if part > 0:
            left, right = low_corner.x + width * i / len(tall), low_corner.x + width * (i + 1) / len(tall)
            top = high_corner.y - part * (high_corner.y - low_corner.y)
            draw.add_rect_filled(Vec(left, top), Vec(right, high_corner.y), ui.colour("teal", 0.8))
    at = int((imgui.get_mouse_pos().x - low_corner.x) / max(1.0, width) * len(counts))
    if imgui.is_item_hovered() and 0 <= at < len(counts):
        step = (high - low) / len(counts)
        ui.tooltip(f"{counts[at]} values from {low + at * step:.4g} to {low + (at + 1) * step:.4g}")
    ends(ui, f"{low:.4g}", f"{high:.4g}")


def curves(
    ui: Ui, name: str, lines: Sequence[Curve], x_span: tuple[float, float], y_span: tuple[float, float],
    marks: Sequence[tuple[float, str, str]] = (), height: float = 8.0, unit: tuple[str, str] = ("", ""),
    zero: bool = False,
) -> None:  # fmt: skip
    """Curves over each other in one well; `marks` are upright lines: (x, name, colour), `zero` a level one at 0."""
    low, high = well(ui, name, height)
    hovered, mouse = imgui.is_item_hovered(), imgui.get_mouse_pos()
    draw = imgui.get_window_draw_list()
    (x0, x1), (y0, y1) = x_span, y_span
    across, up = (high.x - low.x) / max(x1 - x0, 1e-12), (high.y - low.y) / max(y1 - y0, 1e-12)
    with imgui_ctx.push_clip_rect(low, high, True):
        for x, _, colour in marks:
            at = round(low.x + (x - x0) * across)
            draw.add_line(Vec(at, low.y), Vec(at, high.y), ui.colour(colour, 0.7), ui.theme.hair)
        if zero:
            middle = round(high.y + y0 * up)
            draw.add_line(Vec(low.x, middle), Vec(high.x, middle), ui.colour("line"), ui.theme.hair)
        for curve in lines:
            points: list[Any] = [
                Vec(low.x + (x - x0) * across, high.y - (min(max(y, y0 - 1e3), y1 + 1e3) - y0) * up)
                for x, y in zip(curve.x.tolist(), curve.y.tolist())
            ]
            shade, width = ui.colour(curve.colour, 0.5 if curve.pale else 1.0), 1.0 if curve.pale else 1.3
            draw.add_polyline(points, shade, width * ui.theme.hair, 0)
        with imgui_ctx.push_font(ui.theme.mono, TINY):
            draw.add_text(Vec(low.x + 0.4 * ui.em, low.y + 0.15 * ui.em), ui.colour("dim"), f"{y1:.4g} {unit[1]}")
            bottom = high.y - imgui.get_font_size() - 0.15 * ui.em
            draw.add_text(Vec(low.x + 0.4 * ui.em, bottom), ui.colour("dim"), f"{y0:.4g}")
    if hovered:
        x = x0 + (mouse.x - low.x) / across
        said = [f"{x:.4g} {unit[0]}"]
        said += [f"{c.name} {np.interp(x, c.x, c.y):.4g} {unit[1]}" for c in lines if len(c.x)]
        said += [f"{words} at {at:.4g}" for at, words, _ in marks if words]
        ui.tooltip("\n".join(said))
    ends(ui, f"{x0:.4g}", f"{x1:.4g} {unit[0]}")


def keys(ui: Ui, items: Sequence[tuple[str, str]]) -> None:
    """What colours mean, in one line that wraps: (words, theme colour)."""
    with imgui_ctx.push_font(None, SMALL):
        right = imgui.get_cursor_screen_pos().x + imgui.get_content_region_avail().x
        for i, (words, colour) in enumerate(items):
            if i:
                imgui.same_line(0, 0.8 * ui.em)
                if imgui.get_cursor_screen_pos().x + imgui.calc_text_size(words).x > right:
                    imgui.new_line()
            with imgui_ctx.push_style_color(imgui.Col_.text, getattr(ui.theme, colour)):
                imgui.text_unformatted(words)


def bars(ui: Ui, rows: Sequence[tuple[str, float, str]], top: float, colour: str = "teal") -> None:
    """Horizontal bars: (name, value, text), full at `top`."""
    with imgui_ctx.push_font(ui.theme.mono, TINY):
        widest = max((imgui.calc_text_size(name).x for name, *_ in rows), default=0.0)
        number = max((imgui.calc_text_size(words).x for *_, words in rows), default=0.0)
        height, draw = round(1.2 * ui.em), imgui.get_window_draw_list()
        for name, value, words in rows:
            at, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
            imgui.dummy(Vec(room, height - imgui.get_style().item_spacing.y / 2))
            y = round(at.y + (height - imgui.get_font_size()) / 2 - 0.1 * ui.em)
            draw.add_text(Vec(at.x, y), ui.colour("dim"), name)
            left, right = at.x + widest + 0.6 * ui.em, at.x + room - number - 0.6 * ui.em
            low, high = at.y + 0.2 * ui.em, at.y + height - 0.3 * ui.em
            draw.add_rect_filled(Vec(left, low), Vec(right, high), ui.colour("background"))
            part = min(1.0, max(0.0, abs(value) / top)) if top > 0 else 0.0
            draw.add_rect_filled(Vec(left, low), Vec(left + part * (right - left), high), ui.colour(colour))
            draw.add_text(Vec(round(at.x + room - imgui.calc_text_size(words).x), y), ui.colour("text"), words)


def well(ui: Ui, name: str, height: float) -> tuple[Any, Any]:
    """An empty dark field of `height` ems over the full width; its corners, inside a thin edge."""
    size = Vec(max(8.0, imgui.get_content_region_avail().x), round(height * ui.em))
    imgui.invisible_button(name, size)
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    imgui.get_window_draw_list().add_rect_filled(low, high, ui.colour("background"), 0.18 * ui.em)
    edge = round(0.25 * ui.em)
    return Vec(low.x + edge, low.y + edge), Vec(high.x - edge, high.y - edge)
