"""The widgets that panels draw with. A row is one parameter: label, value bar, reset mark."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from imgui_bundle import imgui, imgui_ctx

from app.live import icons, valuebar
from app.live.theme import SMALL, Theme
from engine import parameters
from engine.frame import ModelFacts
from engine.scene import Scene

Vec = imgui.ImVec2
ROW = 1.46  # height of a bar or segment, in ems
FACT = 1.25  # height of a line of facts
LABEL = 7.1  # width of a row's label
MARK = 1.9  # width of the reset mark's column


@dataclass
class Host:
    """What a panel may know of the window around it; the app fills it in before the panels draw."""

    playing: bool = True
    fps: float = 0.0
    window_ms: float = 0.0
    loading: Any = None  # the running engine.models.Loading, or None
    load_error: str = ""  # sentence of the last file that could not be opened
    run_words: str = ""  # the run that is followed, and which snapshot plays; empty when none is
    run_trouble: str = ""  # why its newest snapshot does not play
    run_folder: str = ""  # of the run that made the present network, if one did
    recent: tuple[str, ...] = ()
    preview_ms: float = 0.0  # budget of a picture while something is dragged
    picture_note: str = ""  # why pictures made on a GPU take a detour to the screen
    capture_folder: str = ""
    last_capture: str = ""
    vector_error: str = ""  # sentence of the last vector file that could not be used
    spectrum: Any = None  # the newest engine.inspect.average.AverageSpectrum, or None
    spectra: Any = None  # app.live.spectra.Spectra, for what it is compared with
    w_plane: Any = None  # engine.inspect.wspace.Plane of the network that plays, once sampled
    w_plane_error: str = ""
    base_w: Callable[[Scene], tuple[float, ...]] | None = (
        None  # the w of a scene's base latent, once a network plays
    )


class Ui:
    """One per window. Every method draws at the cursor; those that take a scene return the scene to go on with."""

    def __init__(self, theme: Theme):
        self.theme = theme
        self.host = Host()
        self.model: ModelFacts | None = None
        self.requests: list[tuple[str, tuple]] = []  # actions asked for; the app runs them after the panels
        self.gesture_began = self.gesture_ended = False
        self.bars = valuebar.Bars()
        self.pictures: Any = None  # app.live.texture.Pictures, or None without GL

    @property
    def em(self) -> float:
        """The unit of every size, in pixels: 13 at scale 1."""
        return self.theme.em

    def act(self, name: str, *args: Any) -> None:
        """Ask for a named action, e.g. `ui.act("capture.picture")` or `ui.act("file.open", path)`."""
        self.requests.append((name, args))

    def begin_gesture(self) -> None:
        """From here on every change belongs to one undo entry, until `end_gesture`."""
        self.gesture_began = True

    def end_gesture(self) -> None:
        self.gesture_ended = True

    # --- parameters ---------------------------------------------------------------------------------------------

    def row(
        self,
        scene: Scene,
        path: str,
        *,
        label: str | None = None,
        low: float | None = None,
        high: float | None = None,
        fmt: str | None = None,
        enabled: bool = True,
        show: Callable[[Any], str] | None = None,
        unset: float | None = None,
    ) -> Scene:
        """One parameter. `low..high` narrows the bar, `fmt` ("%.2f") or `show` (value -> text) writes the number.
        `unset` is what a parameter without a value stands for.

        Its id is the declared label ("Psi"); an element of a list has its path ("mixing.sources.0.amount").
        """
        p = parameters.describe(path)
        name = item_id(p)
        with self.disabled(not enabled):
            self._label(label or p.label)
            self._tooltip_of(p)
            width = max(2 * self.em, imgui.get_content_region_avail().x - MARK * self.em)
            if p.kind == "bool":
                scene = self._switch(scene, p, name, width)
            elif p.kind == "choice":
                scene = self._choice_cells(scene, p, None, width)
            else:
                bar = valuebar.Bar(p, name, width, ROW * self.em, low, high, fmt, show, unset)
                scene = self.bars.draw(self, scene, bar)
            scene = self._reset_mark(scene, p, name)
        self.bars.draw_error(self, path)
        return scene

    def choice(self, scene: Scene, path: str, labels: dict[str, str] | None = None) -> Scene:
        """Segments for up to five choices over the full width, a combo box for more; ids are the labels."""
        return self._choice_cells(
            scene, parameters.describe(path), labels, imgui.get_content_region_avail().x
        )

    def toggle(self, scene: Scene, path: str, label: str | None = None, width: float | None = None) -> Scene:
        """A bool as one segment; its id is the label."""
        p = parameters.describe(path)
        width = imgui.get_content_region_avail().x if width is None else width
        if self.segment(label or p.label, bool(scene.get(path)), width):
            scene = scene.set(path, not scene.get(path))
        self._tooltip_of(p)
        return scene

    def toggles(self, scene: Scene, paths: Sequence[str | tuple[str, str]], enabled: bool = True) -> Scene:
        """Several bools side by side; each a path, or (path, label)."""
        pairs = [(item, None) if isinstance(item, str) else item for item in paths]
        with self.disabled(not enabled):
            for (path, label), width in zip(pairs, self.cells(len(pairs)), strict=True):
                scene = self.toggle(scene, path, label, width)
        return scene

    # --- buttons ------------------------------------------------------------------------------------------------

    def buttons(self, items: Iterable[tuple[str, str | Callable[[], None], str, bool]]) -> None:
        """Equal small buttons in a row: (label, action name or callable, tooltip, enabled)."""
        items = list(items)
        clicked = self.segments((label, tip, enabled, False) for label, _, tip, enabled in items)
        for label, action, _, _ in items:
            if label == clicked:
                self.act(action) if isinstance(action, str) else action()

    def segments(self, items: Iterable[tuple[str, str, bool, bool]]) -> str | None:
        """Equal segments in a row: (label, tooltip, enabled, on); the label that was clicked, or None."""
        items, clicked = list(items), None
        for (label, tip, enabled, on), width in zip(items, self.cells(len(items)), strict=True):
            with self.disabled(not enabled):
                if self.segment(label, on, width):
                    clicked = label
            self.tooltip(tip)
        return clicked

    def cells(self, count: int, total: float | None = None) -> Iterable[float]:
        """Widths of `count` cells that fill the line; keeps the cursor on the line between them."""
        gap = round(0.23 * self.em)
        total = imgui.get_content_region_avail().x if total is None else total
        edges = [round(i * (total + gap) / count) for i in range(count + 1)]
        for i in range(count):
            if i:
                imgui.same_line(0, gap)
            yield max(1.0, edges[i + 1] - edges[i] - gap)

    def segment(self, label: str, on: bool, width: float, height: float = ROW, raised: bool = False) -> bool:
        """A flat button of `width` pixels; `on` lifts and underlines it. True when clicked."""
        size = Vec(width, round(height * self.em))
        clicked = imgui.invisible_button(label, size)
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        hovered, held = imgui.is_item_hovered(), imgui.is_item_active()
        draw, theme = imgui.get_window_draw_list(), self.theme
        ground = "fill" if held else "raised" if on or raised or hovered else "background"
        rounding = 0.18 * self.em
        draw.add_rect_filled(low, high, self.colour(ground), rounding)
        if hovered and (on or raised):
            draw.add_rect_filled(low, high, self.colour("fill", 0.5), rounding)
        if on:
            thick = 2 * theme.hair
            draw.add_rect_filled(Vec(low.x, high.y - thick), high, self.colour("accent"), thick / 2)
        self.centred(
            label.split("##")[0], low, high, "bright" if on else "text" if hovered or raised else "dim"
        )
        return clicked

    def mark(self, name: str, icon: Callable, colour: str, size: float, tip: str = "") -> bool:
        """A drawn icon that can be clicked; `size` in pixels."""
        clicked = imgui.invisible_button(name, Vec(size, size))
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        centre = Vec((low.x + high.x) / 2, (low.y + high.y) / 2)
        shade = "text" if imgui.is_item_hovered() and colour in ("fill", "dim") else colour
        icon(
            imgui.get_window_draw_list(),
            centre,
            min(size, 1.4 * self.em),
            self.colour(shade),
            self.theme.hair,
        )
        self.tooltip(tip)
        return clicked

    def fold(self, title: str, hint: str, open: bool) -> bool:
        """A line that opens and closes what follows; True when clicked, the caller keeps `open`."""
        size = Vec(max(1.0, imgui.get_content_region_avail().x), round(ROW * self.em))
        clicked = imgui.invisible_button(title, size)
        low, draw = imgui.get_item_rect_min(), imgui.get_window_draw_list()
        shade = self.colour("text" if imgui.is_item_hovered() else "dim")
        middle = low.y + size.y / 2
        icons.chevron(
            draw, Vec(low.x + 0.4 * self.em, middle), 1.2 * self.em, shade, self.theme.hair, down=open
        )
        with imgui_ctx.push_font(None, SMALL):
            words = fit(f"{title}  {hint}".rstrip(), size.x - 1.2 * self.em)
            draw.add_text(
                Vec(round(low.x + 1.1 * self.em), round(middle - imgui.get_font_size() / 2)), shade, words
            )
        return clicked

    # --- words --------------------------------------------------------------------------------------------------

    def heading(self, title: str, hint: str = "") -> None:
        """A heading, with dim words beside it."""
        with (
            imgui_ctx.push_font(self.theme.semibold, 0),
            imgui_ctx.push_style_color(imgui.Col_.text, self.theme.bright),
        ):
            imgui.text_unformatted(title)
        if hint:
            imgui.same_line(0, 0.6 * self.em)
            self.text(hint, dim=True, small=True)

    def text(
        self,
        words: str,
        dim: bool = False,
        mono: bool = False,
        color: imgui.ImVec4 | None = None,
        small: bool = False,
    ) -> None:
        """One line of text."""
        font = self.theme.mono if mono else self.theme.regular
        shade = color or (self.theme.dim if dim else self.theme.text)
        with (
            imgui_ctx.push_font(font, SMALL if small or mono else 0),
            imgui_ctx.push_style_color(imgui.Col_.text, shade),
        ):
            imgui.text_unformatted(words)

    def note(self, words: str, color: imgui.ImVec4 | None = None) -> None:
        """Wrapped dim text, for what is empty or not possible here and what one can do."""
        with (
            imgui_ctx.push_style_color(imgui.Col_.text, color or self.theme.dim),
            imgui_ctx.push_font(None, SMALL),
            imgui_ctx.push_text_wrap_pos(0.0),
        ):
            imgui.text_unformatted(words)

    def error(self, words: str, action: tuple[str, str] | None = None) -> None:
        """A sentence in red, with a button for the next step: (label, action name)."""
        self.note(words, self.theme.red)
        if action:
            label, name = action
            width = imgui.calc_text_size(label).x + 2 * self.em
            if self.segment(label, False, width, raised=True):
                self.act(name)

    def facts(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Names and values in two columns; a value that is too long ends in an ellipsis and has a tooltip."""
        for name, value in pairs:
            self._label(name, FACT)
            height = FACT * self.em
            with imgui_ctx.push_font(self.theme.mono, SMALL):
                shown = fit(value, imgui.get_content_region_avail().x)
                imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() + round((height - imgui.get_font_size()) / 2))
                imgui.text_unformatted(shown)
            if shown != value:
                self.tooltip(value)

    def picture(self, name: str, rgba: np.ndarray, most: float = 0.0) -> bool:
        """A picture [H, W, 4] over the full width, or `most` ems high where that is less, its pixels sharp; `name` is
        its id. True when clicked."""
        height, width, _ = rgba.shape
        room = max(1.0, imgui.get_content_region_avail().x)
        room = min(room, max(1.0, round(most * self.em * width / height))) if most else room
        clicked = imgui.invisible_button(name, Vec(room, max(1.0, round(room * height / width))))
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        draw = imgui.get_window_draw_list()
        if self.pictures is None:
            draw.add_rect_filled(low, high, self.colour("raised"))
        else:
            draw.add_image(self.pictures.texture(name, rgba, room), low, high)
        return clicked

    def tooltip(self, words: str) -> None:
        """Words for the item just drawn, after a short rest of the pointer; also over a disabled one."""
        flags = imgui.HoveredFlags_.for_tooltip | imgui.HoveredFlags_.allow_when_disabled
        if words and imgui.is_item_hovered(flags):
            with self._tip():
                imgui.text_unformatted(words)

    def centred(self, words: str, low: Vec, high: Vec, colour: str, small: bool = True) -> None:
        """Text in the middle of a rectangle, cut at its edges."""
        with imgui_ctx.push_font(None, SMALL if small else 0):
            words = fit(words, high.x - low.x)
            size = imgui.calc_text_size(words)
            at = Vec(round((low.x + high.x - size.x) / 2), round((low.y + high.y - size.y) / 2))
            imgui.get_window_draw_list().add_text(at, self.colour(colour), words)

    def colour(self, name: str, alpha: float = 1.0) -> int:
        """A token for the draw list, paler where the surrounding items are disabled."""
        return self.theme.u32(name, alpha * imgui.get_style().alpha)

    @contextmanager
    def disabled(self, yes: bool = True):
        """Items inside cannot be used while `yes`."""
        imgui.begin_disabled(yes)
        try:
            yield
        finally:
            imgui.end_disabled()

    # --- parts of a row -----------------------------------------------------------------------------------------

    def _label(self, words: str, height: float = ROW) -> None:
        em, at = self.em, imgui.get_cursor_screen_pos()
        words, height = fit(words, (LABEL - 0.4) * em), round(height * em)
        imgui.dummy(
            Vec(round(LABEL * em), height)
        )  # as high as the bar, so that the whole row stands on one line
        top = round(at.y + (height - imgui.get_font_size()) / 2)
        imgui.get_window_draw_list().add_text(Vec(at.x, top), self.colour("dim"), words)
        imgui.same_line(0, 0)

    def _switch(self, scene: Scene, p: parameters.Parameter, name: str, width: float) -> Scene:
        on = bool(scene.get(p.path))
        if self.segment(f"{'On' if on else 'Off'}###{name}", on, width):
            scene = scene.set(p.path, not on)
        self._tooltip_of(p)
        return scene

    def _choice_cells(
        self, scene: Scene, p: parameters.Parameter, labels: dict[str, str] | None, width: float
    ) -> Scene:
        present, names = scene.get(p.path), labels or {}
        shown = [names.get(c, c.capitalize() if len(c) > 1 else c.upper()) for c in p.choices]
        if len(p.choices) > 5:
            imgui.set_next_item_width(width)
            changed, index = imgui.combo(f"##{p.label}", p.choices.index(present), shown)
            return scene.set(p.path, p.choices[index]) if changed else scene
        for choice, label, cell in zip(p.choices, shown, self.cells(len(shown), width), strict=True):
            if self.segment(label, choice == present, cell) and choice != present:
                scene = scene.set(p.path, choice)
            self._tooltip_of(p)
        return scene

    def _reset_mark(self, scene: Scene, p: parameters.Parameter, name: str) -> Scene:
        touched = scene.get(p.path) != p.default
        imgui.same_line(0, 0)
        size = round(ROW * self.em)
        imgui.set_cursor_pos_x(
            imgui.get_cursor_pos_x() + round(MARK * self.em) - size + round(0.25 * self.em)
        )
        tip = "Back to the default" if touched else ""
        if self.mark(f"Reset {name}", icons.reset, "accent" if touched else "fill", size, tip) and touched:
            scene = scene.reset(p.path)
        return scene

    def _tooltip_of(self, p: parameters.Parameter) -> None:
        if not imgui.is_item_hovered(
            imgui.HoveredFlags_.for_tooltip | imgui.HoveredFlags_.allow_when_disabled
        ):
            return
        with self._tip():
            imgui.text_unformatted(p.help)
            self.text(valuebar.span_of(p), dim=True, small=True)
            self.text(p.path, dim=True, mono=True)

    @contextmanager
    def _tip(self):
        with imgui_ctx.begin_tooltip(), imgui_ctx.push_text_wrap_pos(24 * self.em):
            yield


def item_id(p: parameters.Parameter) -> str:
    """Stable id of a row: the declared label, or the path of a list's element."""
    return p.path if any(key.isdigit() for key in p.path.split(".")) else p.label


def fit(words: str, room: float) -> str:
    """`words`, shortened in the middle with an ellipsis so that the present font fits them into `room` pixels."""
    if imgui.calc_text_size(words).x <= room:
        return words
    low, high = 0, len(words)
    while low < high:  # most characters that still fit
        keep = (low + high + 1) // 2
        low, high = (
            (keep, high) if imgui.calc_text_size(_shortened(words, keep)).x <= room else (low, keep - 1)
        )
    return _shortened(words, low) if low else ""


def _shortened(words: str, keep: int) -> str:
    head = (keep + 1) // 2
    return words[:head].rstrip() + "…" + words[len(words) - (keep - head) :].lstrip() if keep else "…"
