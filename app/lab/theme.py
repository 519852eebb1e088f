"""The live window's colours, fonts and sizes in terms of Dear PyGui. Everything is bound by tags, so that any room of
the lab can use it: `bind_item_font(item, MONO)`, `bind_item_theme(series, line("teal"))`."""

import dearpygui.dearpygui as dpg

from app.tokens import BASE_PX, DARK, FONTS, LINE, MONO_LINE

WORDS, SMALL, HEADING, MONO = "font words", "font small", "font heading", "font mono"
FLAT, DIM, ERROR, CHOSEN = "theme flat", "theme dim", "theme error", "theme chosen"
SCALE = "lab scale"
DATA = ("teal", "accent", "violet", "green", "red", "text", "dim")  # colours that series may have


def apply(scale: float = 1.0) -> None:
    """Make fonts and themes in the present context and bind them to everything; once per context."""
    with dpg.value_registry():
        dpg.add_float_value(tag=SCALE, default_value=scale)
    _fonts()
    with dpg.theme() as everything, dpg.theme_component(dpg.mvAll):
        _colours(dpg.mvThemeCat_Core, "mvThemeCol_", _CORE)
        _colours(dpg.mvThemeCat_Plots, "mvPlotCol_", _PLOTS)
        _colours(dpg.mvThemeCat_Nodes, "mvNode", _NODES)
        _sizes(dpg.mvThemeCat_Core, "mvStyleVar_", _CORE_SIZES)
        _sizes(dpg.mvThemeCat_Plots, "mvPlotStyleVar_", _PLOT_SIZES)
        _sizes(dpg.mvThemeCat_Nodes, "mvNode", _NODE_SIZES)
    dpg.bind_theme(everything)
    _item_themes()


def em(ems: float = 1.0) -> int:
    """Pixels of a length in ems."""
    return round(ems * BASE_PX * dpg.get_value(SCALE))


def colour(token: str, alpha: float = 1.0) -> tuple[int, int, int, int]:
    """A token of the palette as Dear PyGui wants it: bytes of red, green, blue and alpha."""
    hex_colour = getattr(DARK, token)
    r, g, b = (int(hex_colour[i : i + 2], 16) for i in (1, 3, 5))
    return r, g, b, round(255 * alpha)


def line(token: str) -> str:
    """Tag of the theme that draws a series of a plot in one of the colours DATA."""
    return f"line {token}"


def _fonts() -> None:
    pixels = BASE_PX * dpg.get_value(SCALE)
    with dpg.font_registry():
        for tag, file, height in (
            (WORDS, "Inter-Regular.otf", LINE),
            (SMALL, "Inter-Regular.otf", LINE * 12 / 13),
            (HEADING, "Inter-SemiBold.otf", LINE),
            (MONO, "JetBrainsMono-Regular.ttf", MONO_LINE * 12 / 13),
        ):
            dpg.add_font(str(FONTS / file), round(pixels * height), tag=tag)
    dpg.bind_font(WORDS)


def _item_themes() -> None:
    """Themes for single items: flat buttons, dim words, errors, what is chosen, and lines of plots."""
    with dpg.theme(tag=FLAT), dpg.theme_component(dpg.mvAll):
        dpg.add_theme_color(dpg.mvThemeCol_Button, colour("panel", 0.0))
    for tag, token in ((DIM, "dim"), (ERROR, "red"), (CHOSEN, "accent")):
        with dpg.theme(tag=tag), dpg.theme_component(dpg.mvAll):
            dpg.add_theme_color(dpg.mvThemeCol_Text, colour(token))
    for token in DATA:
        with dpg.theme(tag=line(token)), dpg.theme_component(dpg.mvAll):
            for part, alpha in (("Line", 1.0), ("Fill", 0.35), ("MarkerFill", 1.0), ("MarkerOutline", 1.0)):
                shade = colour(token, alpha)
                dpg.add_theme_color(getattr(dpg, f"mvPlotCol_{part}"), shade, category=dpg.mvThemeCat_Plots)


def _colours(category: int, prefix: str, table: dict[str, tuple[str, float]]) -> None:
    for name, (token, alpha) in table.items():
        dpg.add_theme_color(getattr(dpg, prefix + name), colour(token, alpha), category=category)


def _sizes(category: int, prefix: str, table: dict[str, tuple[float, ...]]) -> None:
    """Sizes in ems; what is smaller than a pixel stays one."""
    for name, ems in table.items():
        x, *y = (max(1, em(v)) if v else 0 for v in ems)
        dpg.add_theme_style(getattr(dpg, prefix + name), x, *(y or (-1,)), category=category)


_CORE = {
    "Text": ("text", 1.0), "TextDisabled": ("dim", 1.0), "WindowBg": ("panel", 1.0), "ChildBg": ("panel", 0.0),
    "PopupBg": ("panel", 1.0), "Border": ("line", 1.0), "BorderShadow": ("line", 0.0),
    "FrameBg": ("background", 1.0), "FrameBgHovered": ("raised", 1.0), "FrameBgActive": ("raised", 1.0),
    "TitleBg": ("panel", 1.0), "TitleBgActive": ("panel", 1.0), "TitleBgCollapsed": ("panel", 1.0),
    "MenuBarBg": ("panel", 1.0), "ScrollbarBg": ("panel", 0.0), "ScrollbarGrab": ("line", 1.0),
    "ScrollbarGrabHovered": ("fill", 1.0), "ScrollbarGrabActive": ("dim", 1.0), "CheckMark": ("accent", 1.0),
    "SliderGrab": ("accent", 1.0), "SliderGrabActive": ("accent", 1.0), "Button": ("raised", 1.0),
    "ButtonHovered": ("fill", 1.0), "ButtonActive": ("line", 1.0), "Header": ("fill", 0.6),
    "HeaderHovered": ("fill", 0.8), "HeaderActive": ("fill", 1.0), "Separator": ("line", 1.0),
    "SeparatorHovered": ("accent", 0.7), "SeparatorActive": ("accent", 1.0), "ResizeGrip": ("line", 0.6),
    "ResizeGripHovered": ("fill", 1.0), "ResizeGripActive": ("accent", 1.0), "InputTextCursor": ("accent", 1.0),
    "Tab": ("panel", 1.0), "TabHovered": ("fill", 1.0), "TabSelected": ("raised", 1.0),
    "TabDimmed": ("panel", 1.0), "TabDimmedSelected": ("raised", 1.0), "DockingPreview": ("accent", 0.4),
    "DockingEmptyBg": ("surround", 1.0), "PlotLines": ("teal", 1.0), "PlotHistogram": ("teal", 1.0),
    "TableHeaderBg": ("panel", 1.0), "TableBorderStrong": ("line", 1.0), "TableBorderLight": ("line", 0.6),
    "TableRowBg": ("panel", 0.0), "TableRowBgAlt": ("raised", 0.4), "TextSelectedBg": ("accent", 0.35),
    "DragDropTarget": ("accent", 1.0), "NavCursor": ("accent", 1.0), "ModalWindowDimBg": ("surround", 0.6),
}  # fmt: skip
_PLOTS = {
    "FrameBg": ("panel", 0.0), "PlotBg": ("background", 1.0), "PlotBorder": ("line", 1.0),
    "LegendBg": ("panel", 0.85), "LegendBorder": ("line", 0.0), "LegendText": ("text", 1.0),
    "TitleText": ("bright", 1.0), "InlayText": ("text", 1.0), "AxisText": ("dim", 1.0), "AxisGrid": ("line", 0.7),
    "AxisTick": ("line", 1.0), "AxisBg": ("panel", 0.0), "AxisBgHovered": ("raised", 1.0),
    "AxisBgActive": ("fill", 1.0), "Selection": ("accent", 1.0), "Crosshairs": ("dim", 1.0),
    "Line": ("teal", 1.0), "Fill": ("teal", 0.35), "MarkerFill": ("teal", 1.0), "MarkerOutline": ("teal", 1.0),
}  # fmt: skip
_NODES = {
    "Col_GridBackground": ("surround", 1.0), "Col_GridLine": ("panel", 1.0), "Col_Link": ("dim", 0.8),
    "Col_LinkHovered": ("accent", 1.0), "Col_LinkSelected": ("accent", 1.0), "Col_NodeBackground": ("panel", 1.0),
    "Col_NodeBackgroundHovered": ("raised", 1.0), "Col_NodeBackgroundSelected": ("raised", 1.0),
    "Col_NodeOutline": ("line", 1.0), "Col_Pin": ("dim", 1.0), "Col_PinHovered": ("accent", 1.0),
    "Col_TitleBar": ("raised", 1.0), "Col_TitleBarHovered": ("fill", 1.0), "Col_TitleBarSelected": ("fill", 1.0),
    "Col_BoxSelector": ("accent", 0.2), "Col_BoxSelectorOutline": ("accent", 1.0),
    "sCol_MiniMapBackground": ("background", 0.9), "sCol_MiniMapCanvasOutline": ("line", 1.0),
    "sCol_MiniMapOutline": ("line", 1.0), "sCol_MiniMapNodeBackground": ("fill", 1.0),
    "sCol_MiniMapNodeBackgroundSelected": ("accent", 1.0), "sCol_MiniMapNodeOutline": ("fill", 1.0),
    "sCol_MiniMapLink": ("dim", 0.5), "sCol_MiniMapCanvas": ("line", 0.2),
}  # fmt: skip
_CORE_SIZES: dict[str, tuple[float, ...]] = {
    "WindowPadding": (0.77, 0.62), "FramePadding": (0.54, 0.15), "ItemSpacing": (0.46, 0.38),
    "ItemInnerSpacing": (0.4, 0.3), "CellPadding": (0.4, 0.12), "IndentSpacing": (1.0,), "ScrollbarSize": (0.7,),
    "ScrollbarRounding": (0.35,), "GrabMinSize": (0.8,), "WindowRounding": (0.18,), "ChildRounding": (0.18,),
    "PopupRounding": (0.18,), "FrameRounding": (0.18,), "GrabRounding": (0.18,), "TabRounding": (0.18,),
    "WindowBorderSize": (0.0,), "ChildBorderSize": (0.0,), "PopupBorderSize": (0.077,), "FrameBorderSize": (0.0,),
    "TabBorderSize": (0.0,), "TabBarBorderSize": (0.077,),
}  # fmt: skip
_PLOT_SIZES: dict[str, tuple[float, ...]] = {
    "LineWeight": (0.115,), "PlotPadding": (0.5, 0.5), "LabelPadding": (0.3, 0.3), "LegendPadding": (0.5, 0.4),
    "LegendInnerPadding": (0.4, 0.3), "MajorTickLen": (0.0, 0.0), "MinorTickLen": (0.0, 0.0),
    "PlotBorderSize": (0.0,), "MarkerSize": (0.23,),
}  # fmt: skip
_NODE_SIZES: dict[str, tuple[float, ...]] = {
    "StyleVar_GridSpacing": (2.5,), "StyleVar_NodePadding": (0.5, 0.3), "StyleVar_NodeCornerRounding": (0.2,),
    "StyleVar_LinkThickness": (0.1,), "StyleVar_PinCircleRadius": (0.22,), "StyleVar_NodeBorderThickness": (0.077,),
}  # fmt: skip
