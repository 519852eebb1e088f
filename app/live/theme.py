"""The window's fonts, colours and sizes in terms of Dear ImGui; sizes are in ems of 13 px."""

from dataclasses import fields

from imgui_bundle import imgui

from app.tokens import BASE_PX, DARK, FONTS, LINE, MONO_LINE, Tokens

TEXT = 13.0 * LINE  # sizes to push a font with: words,
SMALL = 12.0 * LINE  # and numbers, segments, hints


def rgba(hex_colour: str, alpha: float = 1.0) -> imgui.ImVec4:
    """`#rrggbb` as the floats Dear ImGui wants."""
    r, g, b = (int(hex_colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return imgui.ImVec4(r, g, b, alpha)


class Theme:
    """Tokens as ImVec4 attributes (`theme.accent`), as packed integers (`theme.u32("accent")`), and the fonts."""

    def __init__(self, tokens: Tokens = DARK, scale: float = 1.0):
        self.scale = scale
        self.regular: imgui.ImFont | None = None
        self.semibold: imgui.ImFont | None = None
        self.mono: imgui.ImFont | None = None
        self.use(tokens)

    surround: imgui.ImVec4
    background: imgui.ImVec4
    panel: imgui.ImVec4
    raised: imgui.ImVec4
    fill: imgui.ImVec4
    line: imgui.ImVec4
    text: imgui.ImVec4
    bright: imgui.ImVec4
    dim: imgui.ImVec4
    accent: imgui.ImVec4
    teal: imgui.ImVec4
    violet: imgui.ImVec4
    red: imgui.ImVec4
    green: imgui.ImVec4

    def use(self, tokens: Tokens) -> None:
        """Switch the palette; `apply` puts it into the style."""
        self.tokens = tokens
        self._packed: dict[tuple[str, float], int] = {}
        for field in fields(tokens):
            setattr(self, field.name, rgba(getattr(tokens, field.name)))

    def u32(self, name: str, alpha: float = 1.0) -> int:
        """A token for the draw list."""
        key = (name, alpha)
        if key not in self._packed:
            colour = rgba(getattr(self.tokens, name), alpha)
            self._packed[key] = imgui.color_convert_float4_to_u32(colour)
        return self._packed[key]

    @property
    def em(self) -> float:
        """The unit of every size, in pixels."""
        return BASE_PX * self.scale

    @property
    def hair(self) -> float:
        """Width of a thin line in pixels: whole, so that it stays sharp."""
        return max(1.0, round(self.scale))

    def load_fonts(self) -> None:
        """Add the bundled fonts to the present Dear ImGui context; once per context."""
        atlas = imgui.get_io().fonts
        self.regular = atlas.add_font_from_file_ttf(str(FONTS / "Inter-Regular.otf"), TEXT)
        self.semibold = atlas.add_font_from_file_ttf(str(FONTS / "Inter-SemiBold.otf"), TEXT)
        same_em = imgui.ImFontConfig()
        same_em.extra_size_scale = MONO_LINE / LINE
        self.mono = atlas.add_font_from_file_ttf(str(FONTS / "JetBrainsMono-Regular.ttf"), TEXT, same_em)

    def apply(self, scale: float | None = None) -> None:
        """Write colours and sizes into the style of the present context."""
        self.scale = scale or self.scale
        style = imgui.get_style()
        style.font_size_base = TEXT
        style.font_scale_main = self.scale
        _sizes(style, self.em, self.hair)
        for name, (token, alpha) in _COLOURS.items():
            style.set_color_(getattr(imgui.Col_, name), rgba(getattr(self.tokens, token), alpha))


def _sizes(style: imgui.Style, em: float, hair: float) -> None:
    style.window_padding = imgui.ImVec2(round(0.92 * em), round(0.77 * em))
    style.frame_padding = imgui.ImVec2(round(0.54 * em), round(0.15 * em))
    style.item_spacing = imgui.ImVec2(round(0.46 * em), round(0.46 * em))
    style.item_inner_spacing = imgui.ImVec2(round(0.4 * em), round(0.3 * em))
    style.cell_padding = imgui.ImVec2(round(0.3 * em), round(0.15 * em))
    style.indent_spacing = round(em)
    style.scrollbar_size = round(0.7 * em)
    style.scrollbar_rounding = round(0.35 * em)
    style.grab_min_size = round(0.8 * em)
    style.window_min_size = imgui.ImVec2(round(4 * em), round(2 * em))
    style.display_safe_area_padding = imgui.ImVec2(0, 0)
    for name in ("window", "child", "popup", "frame", "grab", "tab"):
        setattr(style, f"{name}_rounding", round(0.18 * em))
    style.window_border_size = style.popup_border_size = hair
    style.child_border_size = style.frame_border_size = style.tab_border_size = 0
    style.separator_size = hair
    style.window_title_align = imgui.ImVec2(0, 0.5)
    style.window_menu_button_position = imgui.Dir.none
    style.docking_separator_size = hair
    style.tab_bar_border_size = hair
    style.tab_bar_overline_size = 2 * hair
    style.disabled_alpha = 0.45
    style.hover_delay_normal = 0.5
    style.curve_tessellation_max_error = 0.6


# Dear ImGui colour -> (token, alpha)
_COLOURS = {
    "text": ("text", 1.0),
    "text_disabled": ("dim", 1.0),
    "window_bg": ("panel", 1.0),
    "child_bg": ("panel", 0.0),
    "popup_bg": ("panel", 1.0),
    "border": ("line", 1.0),
    "border_shadow": ("line", 0.0),
    "frame_bg": ("background", 1.0),
    "frame_bg_hovered": ("background", 1.0),
    "frame_bg_active": ("background", 1.0),
    "title_bg": ("panel", 1.0),
    "title_bg_active": ("panel", 1.0),
    "title_bg_collapsed": ("panel", 1.0),
    "menu_bar_bg": ("panel", 1.0),
    "scrollbar_bg": ("panel", 0.0),
    "scrollbar_grab": ("line", 1.0),
    "scrollbar_grab_hovered": ("fill", 1.0),
    "scrollbar_grab_active": ("dim", 1.0),
    "check_mark": ("accent", 1.0),
    "slider_grab": ("accent", 1.0),
    "slider_grab_active": ("accent", 1.0),
    "button": ("raised", 1.0),
    "button_hovered": ("fill", 1.0),
    "button_active": ("line", 1.0),
    "header": ("fill", 0.6),
    "header_hovered": ("fill", 0.8),
    "header_active": ("fill", 1.0),
    "separator": ("line", 1.0),
    "separator_hovered": ("accent", 0.7),
    "separator_active": ("accent", 1.0),
    "resize_grip": ("line", 0.6),
    "resize_grip_hovered": ("fill", 1.0),
    "resize_grip_active": ("accent", 1.0),
    "input_text_cursor": ("accent", 1.0),
    "tab": ("panel", 1.0),
    "tab_hovered": ("fill", 1.0),
    "tab_selected": ("raised", 1.0),
    "tab_selected_overline": ("accent", 1.0),
    "tab_dimmed": ("panel", 1.0),
    "tab_dimmed_selected": ("raised", 1.0),
    "tab_dimmed_selected_overline": ("line", 1.0),
    "docking_preview": ("accent", 0.4),
    "docking_empty_bg": ("surround", 1.0),
    "plot_lines": ("teal", 1.0),
    "plot_histogram": ("teal", 1.0),
    "table_header_bg": ("panel", 1.0),
    "table_border_strong": ("line", 1.0),
    "table_border_light": ("line", 1.0),
    "table_row_bg": ("panel", 0.0),
    "table_row_bg_alt": ("raised", 0.4),
    "text_link": ("teal", 1.0),
    "text_selected_bg": ("accent", 0.35),
    "drag_drop_target": ("accent", 1.0),
    "nav_cursor": ("accent", 1.0),
    "modal_window_dim_bg": ("surround", 0.6),
}
