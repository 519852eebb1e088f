"""The picture on screen: zoom, pan, read a pixel, and tools that change the scene by dragging on it."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgui_bundle import imgui, imgui_ctx

from app.live import looking
from app.live.panels import bending
from app.live.theme import SMALL
from engine.frame import Frame, ModelFacts
from engine.picture import Picture
from engine.scene import Scene

if TYPE_CHECKING:
    from app.live.session import Settings
    from app.live.ui import Ui

Vec = imgui.ImVec2
SEEDS_PER_EM = 0.05  # how far the walk tool goes
FINE, COARSE = 0.1, 10.0  # Ctrl, Shift
ZOOMS = (1 / 32, 64.0)
LOWEST = 14.0  # ems of height below which tools give way to the picture
TOOLBAR = 25.0  # ems of width that the tools take
NOTCH = 1.2  # zoom of one step of the wheel
TOOLS = {
    "Walk": "Drag on the picture to walk over the plane of seeds",
    "Move": "Drag on the picture to move its content",
    "Rotate": "Drag on the picture to turn its content about the centre",
    "Probe": "Click to list the strongest channels of every layer at a place; on a contact sheet, to pick a channel",
    "Paint": "Drag on the picture to paint where the newest bend acts: of the shown layer, else of all",
}
PREVIEW = "Preview at {1} x {0}; the whole picture follows"
UNTRAINED = "Untrained: random weights, shown until a trained network is opened"


@dataclass
class View:
    """How the picture lies in the window: `zoom` is framebuffer pixels per picture pixel, `pan` from the centre."""

    fit: bool = True
    zoom: float = 1.0
    pan: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Placed:
    """A picture laid out: its corner and its pixels' size, in window coordinates."""

    x: float
    y: float
    pixel: float
    width: int
    height: int

    @property
    def low(self) -> Vec:
        return Vec(self.x, self.y)

    @property
    def high(self) -> Vec:
        return Vec(self.x + self.width * self.pixel, self.y + self.height * self.pixel)

    @property
    def centre(self) -> Vec:
        return Vec(self.x + self.width * self.pixel / 2, self.y + self.height * self.pixel / 2)

    def at(self, x: float, y: float) -> tuple[int, int] | None:
        """The picture's pixel under a place of the window, or None outside."""
        column, row = math.floor((x - self.x) / self.pixel), math.floor((y - self.y) / self.pixel)
        return (column, row) if 0 <= column < self.width and 0 <= row < self.height else None


class Viewport:
    """Draws the newest picture between two corners and turns drags into scene changes."""

    def __init__(self, settings: "Settings", texture: Any = None):
        self.settings = settings
        self.texture = texture  # app.live.texture.Texture, or None without GL
        self.view = View()
        self.placed: Placed | None = None  # where the picture was drawn last
        self.space_used = False  # Space was held for panning: it is no play/pause then
        self._drag = ""  # "pan", a tool, or nothing
        self._framebuffer = 1.0

    def draw(
        self, ui: "Ui", scene: Scene, frame: Frame | None, controls: bool = True, quiet: bool = False
    ) -> Scene:
        """Fill the present window, which lets the colour around the picture show through.

        `controls` shows tools and read-out, `quiet` leaves out that it is untrained.
        """
        low, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
        if room.x < 2 or room.y < 2:
            return scene
        high = Vec(low.x + room.x, low.y + room.y)
        self._framebuffer = max(0.01, imgui.get_io().display_framebuffer_scale.x)
        draw = imgui.get_window_draw_list()
        if self.settings.checker:
            _checker(ui, draw, low, high)
        picture = frame.image if frame else None
        self.placed = self._place(ui, picture, low, high, controls) if picture is not None else None
        if picture is not None and self.placed:
            numbers = frame is not None and frame.looked is not None and frame.looked.shown.layout is not None
            soft = self.settings.linear and not numbers  # neighbouring weights have nothing to do with each other
            self._show(ui, draw, picture, self.placed, low, high, soft)
        imgui.set_next_item_allow_overlap()
        imgui.invisible_button("canvas", room, _BUTTONS)
        scene = self._interact(ui, scene, frame)
        if frame is not None and picture is not None and controls:
            self._mark_probe(ui, draw, scene, frame)
            self._read_out(ui, draw, frame, low, high)
        if controls and room.y > LOWEST * ui.em:
            scene = self._toolbar(ui, scene, frame.model if frame else None, low, high)
            self._foot(ui, frame, low, high, quiet)
        return scene

    # --- commands -----------------------------------------------------------------------------------------------

    def fit(self) -> None:
        self.view = View()

    def one_to_one(self) -> None:
        """One picture pixel is one pixel of the screen."""
        self.view = View(False, 1.0)

    def zoom_about(self, x: float, y: float, factor: float, low: Vec, high: Vec) -> None:
        """Zoom so that the place under `x, y` stays where it is."""
        if not self.placed:
            return
        before = self.placed.pixel * self._framebuffer
        zoom = min(ZOOMS[1], max(ZOOMS[0], before * factor))
        factor = zoom / before
        centre, middle = self.placed.centre, Vec((low.x + high.x) / 2, (low.y + high.y) / 2)
        moved = (x + (centre.x - x) * factor - middle.x, y + (centre.y - y) * factor - middle.y)
        self.view = View(False, zoom, moved)

    # --- drawing ------------------------------------------------------------------------------------------------

    def _place(self, ui: "Ui", picture: Picture, low: Vec, high: Vec, controls: bool) -> Placed:
        height, width, _ = picture.shape
        view, unit = self.view, 1 / self._framebuffer
        middle = Vec((low.x + high.x) / 2, (low.y + high.y) / 2)
        if view.fit:
            edge, bar = (0.9 * ui.em, 3.4 * ui.em) if controls else (0.0, 0.0)
            bar = min(bar, (high.y - low.y) / 8)
            room = max(1.0, high.x - low.x - 2 * edge), max(1.0, high.y - low.y - 2 * bar)
            view.zoom = max(ZOOMS[0] / 8, min(room[0] / width, room[1] / height) * self._framebuffer)
            view.pan = (0.0, 0.0)
        pixel = view.zoom * unit
        x, y = middle.x + view.pan[0] - width * pixel / 2, middle.y + view.pan[1] - height * pixel / 2
        whole = self._framebuffer  # whole pixels of the screen, so that 1:1 is exact
        return Placed(round(x * whole) / whole, round(y * whole) / whole, pixel, width, height)

    def _show(
        self, ui: "Ui", draw: imgui.ImDrawList, picture: Picture, placed: Placed, low: Vec, high: Vec, soft: bool
    ) -> None:
        """The picture, its pixels blended where `soft`."""
        if self.texture is None:
            draw.add_rect_filled(placed.low, placed.high, ui.colour("raised"))
        elif soft:
            draw.add_image(self.texture.smooth(picture), placed.low, placed.high)
        else:
            columns, x0, x1 = self._visible(placed.x, placed.width, low.x, high.x, placed.pixel)
            rows, y0, y1 = self._visible(placed.y, placed.height, low.y, high.y, placed.pixel)
            if x1 > x0 and y1 > y0:
                unit = self._framebuffer
                sharp = self.texture.sharp(picture, columns, rows, (x1 - x0, y1 - y0))
                draw.add_image(sharp, Vec(x0 / unit, y0 / unit), Vec(x1 / unit, y1 / unit))

    def _visible(
        self, start: float, count: int, low: float, high: float, pixel: float
    ) -> tuple[tuple[int, int], int, int]:
        """Along one axis: the picture's pixels that can be seen [first, last), and where they lie on the screen."""
        first = min(count, max(0, math.floor((low - start) / pixel)))
        last = max(first, min(count, math.ceil((high - start) / pixel)))
        unit = self._framebuffer
        return (first, last), round((start + first * pixel) * unit), round((start + last * pixel) * unit)

    def _mark_probe(self, ui: "Ui", draw: imgui.ImDrawList, scene: Scene, frame: Frame) -> None:
        """A small ring where the probe stands, readable on any picture."""
        at, placed = looking.probe_mark(scene, frame), self.placed
        if at and placed:
            centre = Vec(placed.x + at[0] * placed.pixel, placed.y + at[1] * placed.pixel)
            draw.add_circle(centre, 0.5 * ui.em, ui.colour("surround"), 0, 3 * ui.theme.hair)
            draw.add_circle(centre, 0.5 * ui.em, ui.colour("accent"), 0, 1.5 * ui.theme.hair)

    def _read_out(self, ui: "Ui", draw: imgui.ImDrawList, frame: Frame, low: Vec, high: Vec) -> None:
        mouse, placed = imgui.get_mouse_pos(), self.placed
        inside = low.x <= mouse.x < high.x and low.y <= mouse.y < high.y
        pixel = placed.at(mouse.x, mouse.y) if placed and inside and imgui.is_mouse_pos_valid() else None
        if pixel and (imgui.is_item_hovered() or imgui.is_item_active()):
            words = looking.words_at(frame, *pixel)
            _label(ui, draw, words, Vec(low.x + 0.92 * ui.em, high.y - 2.3 * ui.em), mono=True)

    def _foot(self, ui: "Ui", frame: Frame | None, low: Vec, high: Vec, quiet: bool) -> None:
        """The quiet line below the picture: that there is no network yet, that it is a preview, or not trained."""
        draw = imgui.get_window_draw_list()
        if frame is None or frame.model is None:
            ui.centred(
                "Opening the network …" if not (frame and frame.error) else "", low, high, "dim", small=False
            )
            return
        words = UNTRAINED if not (frame.model.trained or quiet) else ""
        if frame.preview:
            words = PREVIEW.format(*frame.preview)
        with imgui_ctx.push_font(None, SMALL):
            width = imgui.calc_text_size(words).x
        if words and width + 18 * ui.em < high.x - low.x:
            _label(ui, draw, words, Vec(high.x - width - 0.92 * ui.em, high.y - 2.3 * ui.em))

    def _toolbar(self, ui: "Ui", scene: Scene, model: ModelFacts | None, low: Vec, high: Vec) -> Scene:
        em, gap = ui.em, round(0.46 * ui.em)
        top = round(low.y + 0.92 * em)
        view_width = 2 * gap + 2 * round(3.4 * em) + round(5.2 * em) + round(0.92 * em)
        if high.x - low.x > TOOLBAR * em:
            imgui.set_cursor_screen_pos(Vec(low.x + round(0.92 * em), top))
            for tool, tip in TOOLS.items():
                why = self._why_not(tool, scene, model)
                with ui.disabled(bool(why)):
                    if ui.segment(
                        tool, tool == self.settings.tool and not why, round(4.1 * em), 1.6, raised=True
                    ):
                        self.settings.tool = tool
                ui.tooltip(why or tip)
                imgui.same_line(0, gap)
        if high.x - low.x > TOOLBAR * em + view_width:
            imgui.set_cursor_screen_pos(Vec(high.x - view_width, top))
            one = not self.view.fit and self.view.zoom == 1.0
            items = (
                ("Fit", self.view.fit, 3.4, "Show the whole picture", "F", self.fit),
                ("1:1", one, 3.4, "One picture pixel on one screen pixel", "1", self.one_to_one),
            )
            for label, on, width, tip, key, command in items:
                if ui.segment(label, on, round(width * em), 1.6, raised=True):
                    command()
                ui.tooltip(f"{tip}  ({key})")
                imgui.same_line(0, gap)
            word = "Linear" if self.settings.linear else "Nearest"
            if ui.segment(f"{word}###Filter", False, round(5.2 * em), 1.6, raised=True):
                self.settings.linear = not self.settings.linear
            ui.tooltip("How the picture is enlarged: nearest shows its pixels, linear blends them")
        return scene

    # --- dragging -----------------------------------------------------------------------------------------------

    def _why_not(self, tool: str, scene: Scene, model: ModelFacts | None) -> str:
        """The reason why a tool has nothing to act on, or nothing."""
        if tool == "Walk" and scene.latent.mode != "seeds":
            return "A stored vector plays; choose Seeds in the panel Latent to walk."
        if tool in ("Move", "Rotate") and not (model and model.has_input_transform):
            return "This network has no input transform; open a StyleGAN3 network."
        if tool == "Paint" and bending.brush(scene) is None:
            return "Nothing is bent; ablate or boost a channel in the contact sheet of Inspect first."
        return ""

    def _interact(self, ui: "Ui", scene: Scene, frame: Frame | None) -> Scene:
        model = frame.model if frame else None
        io, low, high = imgui.get_io(), imgui.get_item_rect_min(), imgui.get_item_rect_max()
        space = imgui.is_key_down(imgui.Key.space) and not io.want_text_input
        self.space_used = self.space_used and (space or imgui.is_key_released(imgui.Key.space))
        if imgui.is_item_hovered():
            turned = (io.mouse_wheel or io.mouse_wheel_h) if io.key_shift else 0.0  # some systems turn it sideways
            if turned and frame is not None and frame.looked is not None:
                ui.act("channel.next" if turned < 0 else "channel.back")
            elif io.mouse_wheel and not self._drag:
                self.zoom_about(io.mouse_pos.x, io.mouse_pos.y, NOTCH**io.mouse_wheel, low, high)
            if imgui.is_mouse_double_clicked(0):
                self.fit()
            self._drag = self._drag or self._begin(ui, scene, model, space)
        if not self._drag:
            return scene
        if not imgui.is_item_active():
            if self._drag != "pan":
                ui.end_gesture()
            self._drag = ""
        elif self._drag == "pan":
            self.space_used = self.space_used or space
            imgui.set_mouse_cursor(imgui.MouseCursor_.resize_all)
            pan = self.view.pan
            self.view = View(False, self.view.zoom, (pan[0] + io.mouse_delta.x, pan[1] + io.mouse_delta.y))
        elif self._drag in ("Probe", "Paint"):
            scene = self._touch(scene, frame, io)
        elif io.mouse_delta.x or io.mouse_delta.y:
            scene = self._apply(ui, scene, io)
        return scene

    def _begin(self, ui: "Ui", scene: Scene, model: ModelFacts | None, space: bool) -> str:
        if imgui.is_mouse_clicked(2) or (space and imgui.is_mouse_clicked(0)):
            return "pan"
        tool = self.settings.tool
        if not imgui.is_mouse_clicked(0) or self._why_not(tool, scene, model):
            return ""
        ui.begin_gesture()
        return tool

    def _apply(self, ui: "Ui", scene: Scene, io: imgui.IO) -> Scene:
        factor = FINE if io.key_ctrl else COARSE if io.key_shift else 1.0
        dx, dy = io.mouse_delta.x * factor, io.mouse_delta.y * factor
        if self._drag == "Walk":
            per_pixel = SEEDS_PER_EM / ui.em
            scene = _add(scene, "latent.x", dx * per_pixel)
            return _add(scene, "latent.y", dy * per_pixel)
        if self.placed is None:
            return scene
        if self._drag == "Move":
            size = self.placed.width * self.placed.pixel
            return _add(_add(scene, "transform.x", dx / size), "transform.y", dy / size)
        return _add(scene, "transform.rotate", factor * self._angle(io), 180.0)

    def _touch(self, scene: Scene, frame: Frame | None, io: imgui.IO) -> Scene:
        if frame is None or self.placed is None or not self.placed.at(io.mouse_pos.x, io.mouse_pos.y):
            return scene
        pixel, placed = self.placed.pixel, self.placed
        return looking.probed_at(
            scene, frame, (io.mouse_pos.x - placed.x) / pixel, (io.mouse_pos.y - placed.y) / pixel, self._drag
        )

    def _angle(self, io: imgui.IO) -> float:
        """Degrees, counter-clockwise, by which the pointer has just turned about the picture's centre."""
        assert self.placed is not None
        centre = self.placed.centre
        now = math.atan2(io.mouse_pos.y - centre.y, io.mouse_pos.x - centre.x)
        before = math.atan2(
            io.mouse_pos.y - io.mouse_delta.y - centre.y, io.mouse_pos.x - io.mouse_delta.x - centre.x
        )
        turned = math.degrees(before - now)
        return (turned + 180) % 360 - 180


_BUTTONS = (
    imgui.ButtonFlags_.mouse_button_left
    | imgui.ButtonFlags_.mouse_button_middle
    | imgui.ButtonFlags_.mouse_button_right
)


def _add(scene: Scene, path: str, amount: float, turn: float | None = None) -> Scene:
    """Add to a number, inside its declared limits; `turn` wraps it into -turn..turn."""
    from engine import parameters

    p, value = parameters.describe(path), scene.get(path) + amount
    if turn:
        value = (value + turn) % (2 * turn) - turn
    assert p.low is not None and p.high is not None
    return scene.set(path, round(min(p.high, max(p.low, value)), 6))


def _label(ui: "Ui", draw: imgui.ImDrawList, words: str, at: Vec, mono: bool = False) -> None:
    """Dim small words that stay readable over a picture."""
    with imgui_ctx.push_font(ui.theme.mono if mono else None, SMALL):
        size, pad = imgui.calc_text_size(words), round(0.35 * ui.em)
        low, high = (
            Vec(round(at.x) - pad, round(at.y) - pad),
            Vec(round(at.x) + size.x + pad, round(at.y) + size.y + pad),
        )
        draw.add_rect_filled(low, high, ui.colour("surround", 0.75), 0.18 * ui.em)
        draw.add_text(Vec(round(at.x), round(at.y)), ui.colour("dim"), words)


def _checker(ui: "Ui", draw: imgui.ImDrawList, low: Vec, high: Vec) -> None:
    side, shade = round(1.6 * ui.em), ui.colour("raised", 0.5)
    for j in range(math.ceil((high.y - low.y) / side)):
        for i in range(j % 2, math.ceil((high.x - low.x) / side), 2):
            x, y = low.x + i * side, low.y + j * side
            draw.add_rect_filled(Vec(x, y), Vec(min(x + side, high.x), min(y + side, high.y)), shade)
