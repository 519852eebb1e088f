"""The thin bars above and below: the name, menus, workspaces, undo and play; how fast and on what it runs."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import imgui, imgui_ctx

from app.live import icons
from app.live.actions import system_key
from app.live.theme import SMALL
from app.live.ui import fit
from engine import parameters
from engine.animate import advance
from engine.models import DEFAULT_MODEL, starters
from engine.scene import Scene

if TYPE_CHECKING:
    from app.live.app import App
    from app.live.ui import Ui

Vec = imgui.ImVec2
FIXED = (
    imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_saved_settings | imgui.WindowFlags_.no_bring_to_front_on_focus
    | imgui.WindowFlags_.no_nav_focus | imgui.WindowFlags_.no_scroll_with_mouse
)  # fmt: skip
PICTURE = (
    imgui.WindowFlags_.no_title_bar | imgui.WindowFlags_.no_collapse | imgui.WindowFlags_.no_scrollbar
    | imgui.WindowFlags_.no_scroll_with_mouse | imgui.WindowFlags_.no_background | imgui.WindowFlags_.no_move
)  # fmt: skip
TOP, STATUS = 2.62, 2.0  # heights in ems
WORKSPACES = ("Play", "Inspect")
MENUS = {
    "File": (
        "file.open", "recent", "starters", "run.follow", "run.stop", "", "scene.save", "scene.save_as", "",
        "capture.picture", "capture.window", "capture.folder", "capture.show", "", "export.step", "", "quit",
    ),
    "Edit": ("undo", "redo", "", "latent.random", "noise.next", "reset"),
    "View": (
        "view.fit", "view.one", "view.linear", "view.checker", "", "sections", "panels", "fullscreen", "lab.open",
        "layout.reset", "", "theme.dark", "theme.light", "theme.auto", "scale", "", "help",
    ),
}  # fmt: skip


def heights(ui: "Ui", room: float) -> tuple[float, float]:
    """Pixels of the bar above and below; none in a window too low for them."""
    if room < 8 * ui.em:
        return 0.0, 0.0
    return round(TOP * ui.em), round(STATUS * ui.em)


@contextmanager
def bare():
    """Windows without padding, border, rounding or smallest size."""
    padding = imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, Vec(0, 0))
    border = imgui_ctx.push_style_var(imgui.StyleVar_.window_border_size, 0.0)
    smallest = imgui_ctx.push_style_var(imgui.StyleVar_.window_min_size, Vec(1, 1))
    with padding, border, smallest, imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, 0.0):
        yield


def draw_top(app: "App", width: float, height: float) -> None:
    """The bar above: name, menus and workspaces to the left, the file and the commands to the right."""
    if height <= 0:
        return
    ui, em = app.ui, app.ui.em
    imgui.set_next_window_pos(Vec(0, 0))
    imgui.set_next_window_size(Vec(max(1.0, width), height))
    with bare(), imgui_ctx.begin("Top", None, FIXED):
        _line(ui, Vec(0, height - ui.theme.hair), width)
        x = _name(ui, height)
        for menu in MENUS:
            x = _menu_button(app, menu, x, height)
        x += 1.2 * em
        for workspace in WORKSPACES:
            x = _workspace(app, workspace, x, height)
        _commands(app, x, width, height)


def draw_status(app: "App", size: imgui.ImVec2, height: float) -> None:
    """The bar below: whether it plays, how fast, on what; the scene's file to the right."""
    if height <= 0:
        return
    ui, em = app.ui, app.ui.em
    imgui.set_next_window_pos(Vec(0, size.y - height))
    imgui.set_next_window_size(Vec(max(1.0, size.x), height))
    with bare(), imgui_ctx.begin("Status", None, FIXED):
        _line(ui, Vec(0, size.y - height), size.x)
        draw, y = imgui.get_window_draw_list(), size.y - height / 2
        shade, words = _state(app)
        draw.add_circle_filled(Vec(0.92 * em + 0.3 * em, y), 0.27 * em, ui.colour(shade))
        with imgui_ctx.push_font(ui.theme.mono, SMALL):
            x = _words(ui, words, 2.0 * em, y, shade)
            if app.follower.run is not None:
                x = _words(ui, "following", x + 1.4 * em, y, "accent" if app.follower.trouble else "teal")
            for fact in _facts(app):
                x = _words(ui, fact, x + 1.4 * em, y, "dim")
            _scene_name(app, x + 2 * em, size.x - 0.92 * em, y)


# --- above ------------------------------------------------------------------------------------------------------


def _name(ui: "Ui", height: float) -> float:
    with imgui_ctx.push_font(ui.theme.semibold, 0):
        size = imgui.calc_text_size("StyleScope")
        at = Vec(round(0.92 * ui.em), round((height - size.y) / 2))
        imgui.get_window_draw_list().add_text(at, ui.colour("bright"), "StyleScope")
    return at.x + size.x + 1.2 * ui.em


def _tab(ui: "Ui", label: str, x: float, height: float, on: bool) -> tuple[bool, float]:
    """A word in the bar that can be clicked, underlined while `on`; and where the next one starts."""
    words = imgui.calc_text_size(label)
    pad = round(0.55 * ui.em)
    imgui.set_cursor_pos(Vec(round(x), 0))
    clicked = imgui.invisible_button(label, Vec(words.x + 2 * pad, height))
    shade = "bright" if on else "text" if imgui.is_item_hovered() else "dim"
    draw = imgui.get_window_draw_list()
    draw.add_text(Vec(round(x) + pad, round((height - words.y) / 2)), ui.colour(shade), label)
    if on:
        thick = 2 * ui.theme.hair
        draw.add_rect_filled(
            Vec(round(x) + pad, height - thick), Vec(round(x) + pad + words.x, height), ui.colour("accent")
        )
    return clicked, x + words.x + 2 * pad


def _workspace(app: "App", name: str, x: float, height: float) -> float:
    clicked, after = _tab(app.ui, name, x, height, app.settings.workspace == name)
    app.ui.tooltip(f"{name}  ({app.actions[f'workspace.{name.lower()}'].shown_key})")
    if clicked:
        app.ui.act(f"workspace.{name.lower()}")
    return after


def _menu_button(app: "App", menu: str, x: float, height: float) -> float:
    clicked, after = _tab(app.ui, menu, x, height, False)
    if clicked:
        imgui.open_popup(f"{menu} menu")
    imgui.set_next_window_pos(Vec(round(x), height))
    em = app.ui.em  # what `bare` took away
    padding = imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, Vec(round(0.7 * em), round(0.55 * em)))
    border = imgui_ctx.push_style_var(imgui.StyleVar_.window_border_size, app.ui.theme.hair)
    with padding, border, imgui_ctx.begin_popup(f"{menu} menu") as popup:
        if popup.visible:
            for entry in MENUS[menu]:
                _entry(app, entry)
    return after


def _entry(app: "App", entry: str) -> None:
    if entry == "":
        imgui.separator()
    elif entry == "recent":
        _recent(app)
    elif entry == "starters":
        _starters(app)
    elif entry == "sections":
        _sections(app)
    elif entry == "scale":
        with imgui_ctx.begin_menu("Interface scale") as menu:
            if menu.visible:
                for name in app.actions:
                    if name.startswith("scale."):
                        _entry(app, name)
    else:
        action = app.actions[entry]
        checked = action.checked(app) if action.checked else False
        if imgui.menu_item_simple(action.label, action.shown_key, checked, action.enabled(app)):
            app.ui.act(entry)


def _sections(app: "App") -> None:
    """Every panel with a tick; a click shows a hidden one, or hides it."""
    with imgui_ctx.begin_menu("Panels") as menu:
        if menu.visible:
            hidden = app.columns.layout.hidden
            for title in app.columns.panels:
                if imgui.menu_item_simple(title, "", title not in hidden):
                    app.ui.act("panel.toggle", title)


def _recent(app: "App") -> None:
    with imgui_ctx.begin_menu("Open recent", bool(app.settings.recent)) as menu:
        if menu.visible:
            for path in app.settings.recent:
                if imgui.menu_item_simple(f"{fit(Path(path).name, 30 * app.ui.em)}###{path}"):
                    app.ui.act("file.open", path)
                app.ui.tooltip(path)


def _starters(app: "App") -> None:
    """The networks that StyleScope brings along; the one that plays at the start has no path of its own in a scene."""
    playing = app.history.present.model.path
    with imgui_ctx.begin_menu("Starter networks") as menu:
        if menu.visible:
            for path in starters():
                default = path == DEFAULT_MODEL
                chosen = not playing if default else playing == str(path)
                if imgui.menu_item_simple(path.stem, "at the start" if default else "", chosen):
                    app.ui.act(*(("file.bundled",) if default else ("file.open", str(path))))


def _commands(app: "App", left: float, width: float, height: float) -> None:
    """Undo, Redo, play and help at the right end; the file's name where there is room."""
    ui, em = app.ui, app.ui.em
    gap, tall = round(0.46 * em), 1.6
    y = round((height - round(tall * em)) / 2)
    x = width - round(0.92 * em)
    for name, label, wide in (
        ("help", "?", 1.9),
        ("play", "", 1.9),
        ("redo", "Redo", 3.6),
        ("undo", "Undo", 3.6),
    ):
        x -= round(wide * em)
        if x < left:
            return
        action = app.actions[name]
        imgui.set_cursor_pos(Vec(x, y))
        with ui.disabled(not action.enabled(app)):
            if ui.segment(label or "##Play", False, round(wide * em), tall, raised=True):
                ui.act(name)
        if not label:
            _play_icon(app)
        ui.tooltip(f"{action.label}  ({system_key(action.key.split(', ')[0])})")
        x -= gap
    name = app.ui.model.name if app.ui.model else ""
    name = Path(app.ui.model.path).name if app.ui.model and app.ui.model.path else name
    name = app.follower.words or name
    shown = fit(name, max(0.0, x - left - 2 * em))
    words = imgui.calc_text_size(shown)
    imgui.set_cursor_pos(Vec(round(x - words.x - 0.6 * em), round((height - words.y) / 2)))
    with imgui_ctx.push_style_color(imgui.Col_.text, ui.theme.dim):
        imgui.text_unformatted(shown)
    ui.tooltip(app.ui.model.path if app.ui.model else "")


def _play_icon(app: "App") -> None:
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    centre = Vec((low.x + high.x) / 2, (low.y + high.y) / 2)
    icon = icons.pause if app.playing else icons.play
    icon(imgui.get_window_draw_list(), centre, app.ui.em, app.ui.colour("text"), app.ui.theme.hair)


# --- below ------------------------------------------------------------------------------------------------------


def _state(app: "App") -> tuple[str, str]:
    if app.opener.loading is not None:
        return "teal", f"opening {app.opener.loading.progress:3.0%}"
    if app.shown is not None and app.shown.error:
        return "red", "error"
    return ("green", "playing") if app.playing else ("dim", "paused")


def _facts(app: "App") -> list[str]:
    frame = app.shown
    if frame is None or frame.image is None:
        return []
    rate = f"{app.fps:3.0f} fps" if app.fps else "  – fps"
    return [rate, f"{app.engine_ms:5.1f} ms", f"{frame.device.upper()} {frame.precision}"]


def _words(ui: "Ui", words: str, x: float, y: float, shade: str) -> float:
    size = imgui.calc_text_size(words)
    imgui.get_window_draw_list().add_text(Vec(round(x), round(y - size.y / 2)), ui.colour(shade), words)
    return x + size.x


def _scene_name(app: "App", left: float, right: float, y: float) -> None:
    saved = is_saved(app.history.present, app.saved_scene)
    name = f"scene: {Path(app.scene_path).stem}" if app.scene_path else ""
    state = "saved" if saved and app.scene_path else "" if saved else "not saved"
    words = fit("   ".join(filter(None, (name, state))), max(0.0, right - left))
    _words(app.ui, words, right - imgui.calc_text_size(words).x, y, "dim")


def is_saved(present: Scene, saved: Scene) -> bool:
    """Whether a person changed nothing since the scene was saved; what the clock moves does not count."""
    if present == saved:
        return True
    moving = set(parameters.diff(present, advance(present, 1.0)))
    return set(parameters.diff(present, saved)) <= moving | {"time"}


def _line(ui: "Ui", at: imgui.ImVec2, width: float) -> None:
    imgui.get_window_draw_list().add_rect_filled(
        at, Vec(at.x + width, at.y + ui.theme.hair), ui.colour("line")
    )
