"""Panels as sections stacked in two columns; a section folds, moves, changes sides, or pops out into its own window."""

import logging
from typing import TYPE_CHECKING, Any

from imgui_bundle import imgui, imgui_ctx

from app.live import icons
from app.live.session import Layout
from app.live.theme import SMALL
from engine.errors import StyleScopeError
from engine.frame import Frame
from engine.scene import Scene

if TYPE_CHECKING:
    from app.live.ui import Ui

log = logging.getLogger(__name__)
Vec = imgui.ImVec2
PLAIN = (
    imgui.WindowFlags_.no_title_bar | imgui.WindowFlags_.no_resize | imgui.WindowFlags_.no_move
    | imgui.WindowFlags_.no_collapse | imgui.WindowFlags_.no_docking | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_bring_to_front_on_focus | imgui.WindowFlags_.no_nav_focus
)  # fmt: skip
NARROWEST, WIDEST = 15.0, 45.0  # of a column, in ems
FIRST = ("View", "Bends")  # of the left column in Inspect, and what is folded there
FOLDED = ("Motion", "Capture", "Style mixing", "Noise", "Performance", "Model")
SIDES = {"left": "Left", "right": "Right"}


class Columns:
    """Draws sections by a `Layout`, and changes the layout when a person rearranges them."""

    def __init__(
        self, panels: list[tuple[Any, str]], layout: Layout, strict: bool = False, workspace: str = ""
    ):
        self.panels = {panel.title: panel for panel, _ in panels}
        self.homes = {panel.title: home for panel, home in panels}
        self.strict = strict  # a panel's mistake ends the program: for tests
        self._dragged = ""
        self.in_view: set[str] = (
            set()
        )  # sections that were drawn open, with their heading on screen, in this frame
        self.use(layout, workspace)

    def use(self, layout: Layout, workspace: str = "") -> None:
        """Take a workspace's layout; sections it does not know go to their home column, unknown names are dropped.

        Sections of other workspaces are hidden until someone asks for them.
        """
        for names in (layout.left, layout.right, layout.floating, layout.folded, layout.hidden):
            names[:] = [n for n in dict.fromkeys(names) if n in self.panels]
        placed = {*layout.left, *layout.right, *layout.floating, *layout.hidden}
        for title, home in self.homes.items():
            if title not in placed:
                belongs = stands_in(self.panels[title], workspace)
                getattr(layout, home if belongs else "hidden").append(title)
        layout.left_width = min(WIDEST, max(NARROWEST, layout.left_width))
        layout.right_width = min(WIDEST, max(NARROWEST, layout.right_width))
        self.layout = layout

    def draw(self, ui: "Ui", scene: Scene, frame: Frame | None, side: str, low: Vec, high: Vec) -> Scene:
        """One column between two corners in pixels."""
        imgui.set_next_window_pos(low)
        imgui.set_next_window_size(Vec(max(1.0, high.x - low.x), max(1.0, high.y - low.y)))
        border = imgui_ctx.push_style_var(imgui.StyleVar_.window_border_size, 0.0)
        rounding = imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, 0.0)
        with border, rounding, imgui_ctx.begin(SIDES[side], None, PLAIN):
            for title in list(getattr(self.layout, side)):
                scene = self._section(ui, scene, frame, title, side)
            self._rest(side)
            self._edge(ui, side, low, high)
        self._splitter(ui, side, low, high)
        return scene

    def draw_floating(self, ui: "Ui", scene: Scene, frame: Frame | None) -> Scene:
        """The sections that were popped out, each in a window that can be docked around the picture."""
        for i, title in enumerate(list(self.layout.floating)):
            panel, step = self.panels[title], 2.5 * ui.em * (i % 6)
            imgui.set_next_window_size(Vec(26 * ui.em, 24 * ui.em), imgui.Cond_.first_use_ever)
            imgui.set_next_window_pos(Vec(30 * ui.em + step, 8 * ui.em + step), imgui.Cond_.first_use_ever)
            with imgui_ctx.begin(title, True) as window:
                if window.expanded:
                    with imgui_ctx.push_id(title):
                        scene = self._content(ui, scene, frame, panel)
            if not window.opened:
                self.move(title, self.homes[title])
        return scene

    def move(self, title: str, to: str, before: str | None = None) -> None:
        """Put a section into "left", "right", "floating" or "hidden", before another one or at the end."""
        layout = self.layout
        for names in (layout.left, layout.right, layout.floating, layout.hidden):
            if title in names:
                names.remove(title)
        names = getattr(layout, to)
        names.insert(names.index(before) if before in names else len(names), title)

    def toggle(self, title: str) -> None:
        """Show a hidden section, unfolded, in its home column; hide one that is shown."""
        if title not in self.layout.hidden:
            self.move(title, "hidden")
            return
        self.move(title, self.homes[title])
        if title in self.layout.folded:
            self.layout.folded.remove(title)

    def fold(self, title: str) -> None:
        """Close an open section or open a closed one."""
        folded = self.layout.folded
        folded.remove(title) if title in folded else folded.append(title)

    # --- parts --------------------------------------------------------------------------------------------------

    def _section(self, ui: "Ui", scene: Scene, frame: Frame | None, title: str, side: str) -> Scene:
        panel = self.panels[title]
        if not is_shown(panel, frame):
            return scene
        with imgui_ctx.push_id(title):
            self._heading(ui, panel, side)
            if title not in self.layout.folded:
                if imgui.is_item_visible():
                    self.in_view.add(title)
                scene = self._content(ui, scene, frame, panel)
                imgui.dummy(Vec(0, round(0.1 * ui.em)))
        y = round(imgui.get_cursor_screen_pos().y)
        left, width = imgui.get_window_pos().x, imgui.get_window_width()
        draw = imgui.get_window_draw_list()
        draw.add_rect_filled(Vec(left, y), Vec(left + width, y + ui.theme.hair), ui.colour("line"))
        imgui.dummy(Vec(0, round(0.2 * ui.em)))
        return scene

    def _content(self, ui: "Ui", scene: Scene, frame: Frame | None, panel: Any) -> Scene:
        try:
            return panel.draw(ui, scene, frame)
        except StyleScopeError as error:
            ui.error(str(error))
        except Exception as error:  # one panel's mistake must not take the window down
            if self.strict:
                raise
            log.exception("drawing the panel %s", panel.title)
            ui.error(
                f"{panel.title}: this panel failed ({type(error).__name__}: {error}). The log has the details."
            )
        return scene

    def _heading(self, ui: "Ui", panel: Any, side: str) -> None:
        em, title = ui.em, panel.title
        start, grip = imgui.get_cursor_screen_pos(), round(1.5 * em)
        room = max(1.0, imgui.get_content_region_avail().x - grip)
        imgui.set_next_item_allow_overlap()
        if imgui.invisible_button("Heading", Vec(room, grip)):
            self.fold(title)
        over = imgui.is_item_hovered()
        self._drag_and_drop(ui, title, side)
        draw, y = imgui.get_window_draw_list(), round(start.y + (grip - imgui.get_font_size()) / 2)
        with imgui_ctx.push_font(ui.theme.semibold, 0):
            draw.add_text(Vec(start.x, y), ui.colour("bright"), title)
            x = start.x + imgui.calc_text_size(title).x + 0.75 * em
        folded = title in self.layout.folded
        hint = "" if folded else panel.hint
        if hint and x < start.x + room:
            with (
                imgui_ctx.push_font(None, SMALL),
                imgui_ctx.push_clip_rect(start, Vec(start.x + room, start.y + grip), True),
            ):
                draw.add_text(Vec(x, y + round(0.08 * em)), ui.colour("dim"), hint)
        elif folded or over:
            icons.chevron(
                draw, Vec(x, start.y + grip / 2), 1.3 * em, ui.colour("dim"), ui.theme.hair, down=not folded
            )
        imgui.same_line(0, 0)
        inside = imgui.is_mouse_hovering_rect(start, Vec(start.x + room + grip, start.y + grip))
        if ui.mark("Menu", icons.grip, "dim" if inside else "panel", grip):
            imgui.open_popup("section menu")
        imgui.open_popup_on_item_click("section menu", imgui.PopupFlags_.mouse_button_right)
        self._menu(title, side)

    def _menu(self, title: str, side: str) -> None:
        with imgui_ctx.begin_popup("section menu") as popup:
            if not popup.visible:
                return
            names, other = getattr(self.layout, side), "right" if side == "left" else "left"
            at = names.index(title)
            if imgui.menu_item_simple("Move up", enabled=at > 0):
                names[at - 1], names[at] = names[at], names[at - 1]
            if imgui.menu_item_simple("Move down", enabled=at + 1 < len(names)):
                names[at + 1], names[at] = names[at], names[at + 1]
            if imgui.menu_item_simple(f"To the {other} column"):
                self.move(title, other)
            if imgui.menu_item_simple("Own window"):
                self.move(title, "floating")
            if imgui.menu_item_simple("Unfold" if title in self.layout.folded else "Fold"):
                self.fold(title)
            if imgui.menu_item_simple("Hide"):
                self.move(title, "hidden")

    def _drag_and_drop(self, ui: "Ui", title: str, side: str) -> None:
        with imgui_ctx.begin_drag_drop_source() as source:
            if source.is_dragging:
                self._dragged = title
                imgui.set_drag_drop_payload_py_id("section", 0)
                ui.text(title)
        self._target(side, title)

    def _target(self, side: str, before: str | None) -> None:
        with imgui_ctx.begin_drag_drop_target() as target:
            if (
                target.is_receiving
                and imgui.accept_drag_drop_payload_py_id("section")
                and self._dragged != before
            ):
                self.move(self._dragged, side, before)

    def _rest(self, side: str) -> None:
        """The empty part of a column takes a section too."""
        room = imgui.get_content_region_avail()
        if imgui.get_drag_drop_payload_py_id() is not None:
            imgui.invisible_button("Rest", Vec(max(1.0, room.x), max(20.0, room.y)))
            self._target(side, None)

    def _edge(self, ui: "Ui", side: str, low: Vec, high: Vec) -> None:
        x = high.x - ui.theme.hair if side == "left" else low.x
        imgui.get_window_draw_list().add_rect_filled(
            Vec(x, low.y), Vec(x + ui.theme.hair, high.y), ui.colour("line")
        )

    def _splitter(self, ui: "Ui", side: str, low: Vec, high: Vec) -> None:
        """A thin strip at the column's inner edge that changes its width."""
        half = max(2.0, round(0.2 * ui.em))
        x = high.x if side == "left" else low.x
        imgui.set_next_window_pos(Vec(x - half, low.y))
        imgui.set_next_window_size(Vec(2 * half, max(1.0, high.y - low.y)))
        flags = PLAIN & ~imgui.WindowFlags_.no_bring_to_front_on_focus | imgui.WindowFlags_.no_background
        padding = imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, Vec(0, 0))
        smallest = imgui_ctx.push_style_var(imgui.StyleVar_.window_min_size, Vec(1, 1))
        border = imgui_ctx.push_style_var(imgui.StyleVar_.window_border_size, 0.0)
        with padding, smallest, border, imgui_ctx.begin(f"{SIDES[side]} edge", None, flags):
            imgui.invisible_button("Width", Vec(2 * half, max(1.0, high.y - low.y)))
            active = imgui.is_item_active()
            if active or imgui.is_item_hovered():
                imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
                shade = ui.colour("accent", 1.0 if active else 0.5)
                imgui.get_window_draw_list().add_rect_filled(Vec(x - 1, low.y), Vec(x + 1, high.y), shade)
            if active:
                moved = imgui.get_io().mouse_delta.x / ui.em * (1 if side == "left" else -1)
                width = getattr(self.layout, f"{side}_width") + moved
                setattr(self.layout, f"{side}_width", min(WIDEST, max(NARROWEST, width)))


def is_shown(panel: Any, frame: Frame | None) -> bool:
    """Whether a panel has something to say about this frame; panels without `shown` always have."""
    shown = getattr(panel, "shown", None)
    return True if shown is None else bool(shown(frame))


def stands_in(panel: Any, workspace: str) -> bool:
    """Whether a panel belongs into a workspace; panels that name none belong into all."""
    return not workspace or workspace in getattr(panel, "workspaces", (workspace,))


def default_layout(panels: list[tuple[Any, str]], workspace: str) -> Layout:
    """Where everything stands at first: Play as the panels say, Inspect with wide layers and facts to the right."""
    here = [(panel.title, home) for panel, home in panels if stands_in(panel, workspace)]
    left = [title for title, home in here if home == "left"]
    right = [title for title, home in here if home == "right"]
    hidden = [panel.title for panel, _ in panels if not stands_in(panel, workspace)]
    if workspace != "Inspect":
        return Layout(left, right, hidden=hidden)
    first = [title for title in FIRST if title in left]
    facts = [title for title in left if title == "Model"]
    left = [*first, *(title for title in left if title not in facts + first)]
    folded = [title for title in FOLDED if title in left + right]
    return Layout(left, right + facts, folded=folded, hidden=hidden, left_width=22.0, right_width=34.0)
