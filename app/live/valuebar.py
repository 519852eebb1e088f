"""The value bar: drag to change, double-click to type, wheel to step, right-click for more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgui_bundle import imgui, imgui_ctx

from app.live.theme import SMALL
from engine import parameters
from engine.errors import SceneError
from engine.parameters import Parameter
from engine.scene import Scene

if TYPE_CHECKING:
    from app.live.ui import Ui

Vec = imgui.ImVec2
FINE, COARSE = 0.1, 10.0  # Ctrl, Shift
INT_PIXELS = 6.0  # pixels of drag, at scale 1, for one whole number where a bar has no range


@dataclass(frozen=True)
class Bar:
    """One bar to draw: the parameter, its item id, its size in pixels, and how the number is limited and written."""

    p: Parameter
    name: str
    width: float
    height: float
    low: float | None = None
    high: float | None = None
    fmt: str | None = None
    show: Callable[[Any], str] | None = None
    unset: float | None = None  # where a parameter without a value stands; the right end if not told

    @property
    def span(self) -> tuple[float, float] | None:
        """What the width of the bar stands for; None where a filled bar would say nothing (a seed)."""
        low, high = self.p.slider or (None, None)
        low, high = (low if self.low is None else self.low), (high if self.high is None else self.high)
        if self.p.kind not in ("float", "int") or low is None or high is None or high <= low:
            return None
        given = self.low is not None or self.high is not None
        hard = (self.p.high or 0.0) - (self.p.low or 0.0)
        if not given and hard > 100 * (high - low):
            return None
        return float(low), float(high)

    @property
    def step(self) -> float:
        return 1.0 if self.p.kind == "int" else self.p.step or 0.01

    def text(self, value: Any) -> str:
        if self.show:
            return self.show(value)
        if self.fmt and value is not None:
            return self.fmt % value
        return number(self.p, value)


@dataclass
class _Drag:
    id: int
    value: float
    moved: bool = False


@dataclass
class _Typing:
    id: int
    path: str
    text: str
    frames: int = 0
    error: str = ""


class Bars:
    """What bars keep between two frames: the drag, the half-typed number, the wheel's gesture."""

    def __init__(self) -> None:
        self._drag: _Drag | None = None
        self._typing: _Typing | None = None
        self._wheel = 0  # item id whose wheel gesture is open

    @property
    def wheeling(self) -> bool:
        """Whether steps of the wheel still belong to one gesture."""
        return self._wheel != 0

    def draw(self, ui: "Ui", scene: Scene, bar: Bar) -> Scene:
        """Draw the bar at the cursor and return the scene with what the person did to it."""
        if self._typing and self._typing.id == imgui.get_id(bar.name):
            return self._type(ui, scene, bar, self._typing)
        imgui.invisible_button(bar.name, Vec(bar.width, round(bar.height)))
        scene = self._handle(ui, scene, bar)
        _paint(ui, bar, scene.get(bar.p.path), bool(self._drag and self._drag.id == imgui.get_item_id()))
        ui._tooltip_of(bar.p)
        return self._menu(ui, scene, bar)

    def draw_error(self, ui: "Ui", path: str) -> None:
        """Below a row: why the text just typed was refused."""
        if self.error_at(path):
            ui.error(self.error_at(path))

    def error_at(self, path: str) -> str:
        """The sentence that the row of `path` shows, or nothing."""
        return self._typing.error if self._typing and self._typing.path == path else ""

    def _handle(self, ui: "Ui", scene: Scene, bar: Bar) -> Scene:
        item, io = imgui.get_item_id(), imgui.get_io()
        numeric = bar.p.kind in ("float", "int")
        if imgui.is_item_hovered() and numeric:
            imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
        if imgui.is_item_activated():
            ui.begin_gesture()
            self._drag = _Drag(item, self._start(scene, bar))
        if imgui.is_item_active() and self._drag and self._drag.id == item and numeric:
            scene = self._move(scene, bar, self._drag, io)
        wants_text = imgui.is_item_hovered() and imgui.is_mouse_double_clicked(0)
        if imgui.is_item_deactivated() and self._drag and self._drag.id == item:
            wants_text = wants_text or (not self._drag.moved and (io.key_ctrl or not numeric))
            self._drag = None
            ui.end_gesture()
        if wants_text:
            self._drag = None
            ui.end_gesture()
            self._typing = _Typing(item, bar.p.path, plain(scene.get(bar.p.path)))
            return scene
        return self._scroll(ui, scene, bar) if numeric else scene

    def _start(self, scene: Scene, bar: Bar) -> float:
        value = scene.get(bar.p.path)
        if value is None:
            return bar.unset if bar.unset is not None else bar.span[1] if bar.span else 0.0
        return float(value) if bar.p.kind in ("float", "int") else 0.0

    def _move(self, scene: Scene, bar: Bar, drag: _Drag, io: imgui.IO) -> Scene:
        if io.mouse_delta.x == 0 or not imgui.is_mouse_dragging(0):
            return scene
        factor = FINE if io.key_ctrl else COARSE if io.key_shift else 1.0
        per_pixel = bar.step / (INT_PIXELS if bar.p.kind == "int" else 1.0)
        if bar.span:
            per_pixel = (bar.span[1] - bar.span[0]) / bar.width
        before = drag.value
        drag.moved = True
        drag.value = _limited(bar, before + io.mouse_delta.x * per_pixel * factor, before)
        return _put(scene, bar, drag.value, bar.step * min(1.0, factor))

    def _scroll(self, ui: "Ui", scene: Scene, bar: Bar) -> Scene:
        """The wheel steps the value, but only under a resting pointer: scrolling past must change nothing."""
        item, io = imgui.get_item_id(), imgui.get_io()
        if self._wheel == item and not imgui.is_item_hovered():
            self._wheel = 0
            ui.end_gesture()
        if self._wheel != item:
            scrolling = imgui.get_current_context().wheeling_window is not None
            if scrolling or not imgui.is_item_hovered(imgui.HoveredFlags_.stationary):
                return scene
        imgui.set_item_key_owner(imgui.Key.mouse_wheel_y)
        notches = io.mouse_wheel if imgui.is_item_hovered() else 0.0
        if not notches:
            return scene
        if self._wheel != item:
            self._wheel = item
            ui.begin_gesture()
        factor = FINE if io.key_ctrl and bar.p.kind == "float" else COARSE if io.key_shift else 1.0
        value = self._start(scene, bar)
        return _put(
            scene, bar, _limited(bar, value + notches * bar.step * factor, value), bar.step * min(1.0, factor)
        )

    def _type(self, ui: "Ui", scene: Scene, bar: Bar, typing: _Typing) -> Scene:
        if typing.frames == 0:
            imgui.set_keyboard_focus_here()
        typing.frames += 1
        imgui.set_next_item_width(bar.width)
        padding = Vec(round(0.45 * ui.em), round((bar.height - SMALL * ui.theme.scale) / 2))
        flags = imgui.InputTextFlags_.auto_select_all | imgui.InputTextFlags_.enter_returns_true
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, padding),
            imgui_ctx.push_font(ui.theme.mono, SMALL),
        ):
            entered, typing.text = imgui.input_text(f"##typing {bar.name}", typing.text, flags)
        left = typing.frames > 2 and imgui.is_item_deactivated()
        if not (entered or left):
            return scene
        if imgui.is_key_pressed(imgui.Key.escape) or (left and not entered and typing.error):
            self._typing = None
            return scene
        try:
            scene = parameters.set_text(scene, bar.p.path, _without_unit(typing.text, bar.p))
            self._typing = None
        except SceneError as error:
            typing.error, typing.frames = str(error), 0
        return scene

    def _menu(self, ui: "Ui", scene: Scene, bar: Bar) -> Scene:
        imgui.open_popup_on_item_click(f"menu {bar.name}", imgui.PopupFlags_.mouse_button_right)
        with imgui_ctx.begin_popup(f"menu {bar.name}") as popup:
            if popup.visible:
                if imgui.menu_item_simple("Reset"):
                    scene = scene.reset(bar.p.path)
                if imgui.menu_item_simple("Copy path"):
                    imgui.set_clipboard_text(bar.p.path)
                if imgui.menu_item_simple("Copy value"):
                    imgui.set_clipboard_text(plain(scene.get(bar.p.path)))
        return scene


def _limited(bar: Bar, value: float, before: float) -> float:
    """`value` inside the hard range, and inside the bar unless the value already was beyond it."""
    low, high = bar.p.low, bar.p.high
    if bar.span:
        low, high = min(bar.span[0], before), max(bar.span[1], before)
    if low is not None:
        value = max(low, value)
    return min(high, value) if high is not None else value


def _put(scene: Scene, bar: Bar, value: float, step: float) -> Scene:
    """`value`, rounded to the step, in the scene."""
    if bar.p.kind == "int":
        return scene.set(bar.p.path, round(value))
    value = round(round(value / step) * step, 10)
    low, high = bar.p.low, bar.p.high
    value = value if low is None else max(low, value)
    return scene.set(bar.p.path, value if high is None else min(high, value))


def _paint(ui: "Ui", bar: Bar, value: Any, active: bool) -> None:
    draw, em = imgui.get_window_draw_list(), ui.em
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    rounding, hair = 0.18 * em, ui.theme.hair
    draw.add_rect_filled(low, high, ui.colour("background"), rounding)
    touched = value != bar.p.default
    if bar.span:
        first, last = bar.span
        at = (last if bar.unset is None else bar.unset) if value is None else value
        part = min(1.0, max(0.0, (at - first) / (last - first)))
        x = round(low.x + part * (high.x - low.x))
        draw.add_rect_filled(low, Vec(x, high.y), ui.colour("fill"), rounding)
        tick = max(low.x + 2 * hair, x)
        draw.add_rect_filled(
            Vec(tick - 2 * hair, low.y), Vec(tick, high.y), ui.colour("accent" if touched else "dim")
        )
    if active or imgui.is_item_hovered():
        draw.add_rect(low, high, ui.colour("accent" if active else "line"), rounding, hair)
    with imgui_ctx.push_font(ui.theme.mono, SMALL):
        text = bar.text(value)
        size = imgui.calc_text_size(text)
        at = Vec(round(high.x - size.x - 0.45 * em), round((low.y + high.y - size.y) / 2))
        with imgui_ctx.push_clip_rect(low, high, True):
            draw.add_text(at, ui.colour("text"), text)


def number(p: Parameter, value: Any) -> str:
    """A value as the bar writes it: fixed decimals from the step, its unit where that is short."""
    if value is None:
        return "default"
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if isinstance(value, bool) or p.kind in ("text", "choice"):
        return str(value)
    unit = p.unit if p.unit in ("°", "×") else f" {p.unit}" if p.unit.startswith(("/", "°")) else ""
    if p.kind == "int":
        return f"{value}{unit}"
    return f"{value:.{_decimals(p.step or 0.01)}f}{unit}"


def plain(value: Any) -> str:
    """A value as one types it."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, tuple):
        return "[" + ", ".join(plain(item) for item in value) + "]"
    return str(value)


def span_of(p: Parameter) -> str:
    """Range, unit and default in one dim line."""
    parts = []
    if p.low is not None and p.high is not None and p.kind in ("float", "int"):
        parts.append(f"{p.low:,g} to {p.high:,g} {p.unit}".strip().replace("e+06", ",000,000"))
    parts.append(f"default {plain(p.default) or 'empty'}" if p.kind != "list" else "default empty")
    return ", ".join(parts)


def _decimals(step: float) -> int:
    text = f"{step:.6f}".rstrip("0")
    return len(text.split(".")[1])


def _without_unit(text: str, p: Parameter) -> str:
    text = text.strip()
    return text.removesuffix(p.unit).strip() if p.unit and p.kind in ("float", "int") else text
