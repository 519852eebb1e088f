"""Every command once: menus, shortcuts, buttons and the help overlay all read this list."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from imgui_bundle import imgui

from engine import parameters
from engine.scene import Scene

if TYPE_CHECKING:
    from app.live.app import App

PLANE_STEP, PLANE_LEAP = 0.1, 1.0  # seeds by an arrow key, with Shift


def _always(app: "App") -> bool:
    return True


@dataclass(frozen=True)
class Action:
    """A command. `key` is what people read, alternatives separated by a comma; `checked` makes it a menu's tick."""

    name: str
    label: str
    run: Callable[..., None]
    key: str = ""
    help: str = ""
    enabled: Callable[["App"], bool] = _always
    checked: Callable[["App"], bool] | None = None
    repeat: bool = False
    group: str = "Window"

    @property
    def shown_key(self) -> str:
        """The first key as this system writes it."""
        return system_key(self.key.split(", ")[0])


def actions() -> dict[str, Action]:
    """Name -> action, in the order of the help overlay."""
    return {a.name: a for a in (*_files(), *_edits(), *_latents(), *_views(), *_window())}


def run(app: "App", name: str, *args: Any) -> None:
    """Run a named action if it is enabled."""
    action = app.actions[name]
    if action.enabled(app):
        action.run(app, *args)


def shortcuts(app: "App") -> None:
    """Request the actions whose keys were pressed, unless someone is typing or a dialog is open."""
    io = imgui.get_io()
    if imgui.is_key_pressed(imgui.Key.escape) and not io.want_text_input:
        app.ui.act("close")
    if io.want_text_input or app.dialogs.blocks_keys:
        return
    if imgui.is_key_released(imgui.Key.space) and not app.viewport.space_used:
        app.ui.act("play")
    for action in app.actions.values():
        for chord in chords(action.key):
            flags = int(imgui.InputFlags_.repeat) if action.repeat else 0
            if imgui.internal.is_key_chord_pressed(chord, flags, 0):
                app.ui.act(action.name)


@cache
def chords(key: str) -> tuple[int, ...]:
    """Key chords of Dear ImGui for "Ctrl+Shift+Z, Ctrl+Y"; Space and Esc are handled apart."""
    found = []
    for one in filter(None, key.split(", ")):
        if one in ("Space", "Esc"):
            continue
        *mods, last = one.split("+")
        chord = getattr(imgui.Key, _KEYS.get(last, f"_{last}" if last.isdigit() else last.lower()))
        for mod in mods:
            chord |= getattr(imgui.Key, f"mod_{mod.lower()}")
        found.append(int(chord))
    return tuple(found)


def system_key(key: str) -> str:
    """A key's name on this system: Cmd is what Ctrl is elsewhere on a Mac."""
    return key.replace("Ctrl", "Cmd") if sys.platform == "darwin" else key


_KEYS = {"PageDown": "page_down", "PageUp": "page_up", "Left": "left_arrow", "Right": "right_arrow",
         "Up": "up_arrow", "Down": "down_arrow", "?": "slash"}  # fmt: skip


# --- the list ---------------------------------------------------------------------------------------------------


def _files() -> tuple[Action, ...]:
    return (
        Action("file.open", "Open…", lambda app, path=None: app.opener.open(path) if path else app.dialogs.open_file(),
               "Ctrl+O", "A checkpoint, a scene, or a PNG that carries a scene", group="File"),
        Action("file.bundled", "Open the bundled network", lambda app: app.opener.open_model(""), group="File"),
        Action("run.follow", "Follow run…",
               lambda app, path=None: app.follower.follow(path) if path else app.dialogs.choose_run(),
               help="Plays the newest snapshot of a training run, and each newer one once it is there", group="File"),
        Action("run.stop", "Stop following", lambda app: app.follower.stop(),
               enabled=lambda app: app.follower.run is not None, help="What plays goes on playing", group="File"),
        Action("model.network", "Choose a network of the file", lambda app, network: app.opener.open_network(network),
               group="File"),
        Action("file.cancel", "Cancel opening", lambda app: app.opener.cancel(),
               enabled=lambda app: app.opener.loading is not None, group="File"),
        Action("scene.save", "Save scene", lambda app: app.saver.save_scene(), "Ctrl+S",
               "Everything that makes this picture, as JSON", group="File"),
        Action("scene.save_as", "Save scene as…", lambda app: app.dialogs.save_scene(), "Ctrl+Shift+S", group="File"),
        Action("capture.picture", "Capture picture", lambda app: app.saver.capture_picture(), "P, F12",
               "PNG with the scene inside", enabled=lambda app: app.has_picture, group="File"),
        Action("capture.window", "Capture window", lambda app: app.saver.capture_window(), "Shift+P",
               "PNG of this window", group="File"),
        Action("capture.folder", "Capture folder…", lambda app: app.dialogs.choose_folder(), group="File"),
        Action("capture.show", "Show capture folder", lambda app: app.saver.show_folder(), group="File"),
        Action("export.step", "Export the shown layer…", lambda app, ending=".npy": app.dialogs.export_step(ending),
               help="An array with the scene that made it, a table of statistics, or the view as a picture",
               enabled=_is_looking, group="File"),
        Action("vector.open", "Load vector…", lambda app: app.dialogs.open_vector(), group="File"),
        Action("vector.save", "Save vector…", lambda app: app.dialogs.save_vector(), group="File"),
        Action("quit", "Quit", lambda app: app.quit(), "Ctrl+Q", group="File"),
    )  # fmt: skip


def _edits() -> tuple[Action, ...]:
    return (
        Action("undo", "Undo", lambda app: app.undo(), "Ctrl+Z", enabled=lambda app: app.history.can_undo,
               repeat=True, group="Edit"),
        Action("redo", "Redo", lambda app: app.redo(), "Ctrl+Shift+Z, Ctrl+Y",
               enabled=lambda app: app.history.can_redo, repeat=True, group="Edit"),
        Action("reset", "Reset all parameters", lambda app: app.edit(Scene(model=app.history.present.model)),
               help="The network stays", group="Edit"),
    )  # fmt: skip


def _latents() -> tuple[Action, ...]:
    def step(dx: float, dy: float) -> Callable[["App"], None]:
        def run(app: "App") -> None:
            scene = app.history.present
            scene = scene.set("latent.x", round(scene.latent.x + dx, 6))
            app.edit(scene.set("latent.y", round(scene.latent.y + dy, 6)))

        return run

    def seeds(app: "App") -> bool:
        return app.history.present.latent.mode == "seeds"

    arrows = (("left", -1, 0), ("right", 1, 0), ("up", 0, -1), ("down", 0, 1))
    walks = [
        Action(f"walk.{name}{'.far' if leap else ''}", f"Step {name}" + (" far" if leap else ""),
               step(dx * size, dy * size), ("Shift+" if leap else "") + name.capitalize(),
               enabled=seeds, repeat=True, group="")
        for leap, size in ((False, PLANE_STEP), (True, PLANE_LEAP)) for name, dx, dy in arrows
    ]  # fmt: skip
    return (
        Action("play", "Play or pause", lambda app: app.toggle_play(), "Space",
               "Walks, travels, spins and animated noise", group="Latent"),
        Action("spectrum.start", "Measure the average spectrum", lambda app, count=64: app.spectra.start(count),
               group=""),
        Action("spectrum.stop", "Stop measuring", lambda app: app.spectra.stop(), group=""),
        Action("spectrum.against", "Compare spectra with", lambda app, against: app.spectra.compare(against), group=""),
        Action("spectrum.zip", "Compare with a zip of pictures…", lambda app: app.dialogs.open_data(), group=""),
        Action("spectrum.folder", "Compare with a folder of pictures…", lambda app: app.dialogs.open_data(True),
               group=""),
        Action("spectrum.save", "Save the spectrum…", lambda app: app.dialogs.save_spectrum(), group=""),
        Action("w.sample", "Sample W", lambda app: app.w_plane.sample(), group=""),
        Action("latent.random", "Random seed", _random_seed, "R", group="Latent"),
        *walks,
        Action("noise.next", "Next noise mode", _next_noise, "N", group="Latent"),
    )  # fmt: skip


def _views() -> tuple[Action, ...]:
    return (
        Action("preview.budget", "Preview budget", lambda app, ms: app.set_preview(ms),
               help="Milliseconds for a picture while something is dragged; 0 is off"),
        Action("precision", "Precision", lambda app, mode: app.use_precision(mode),
               help="stored follows the checkpoint, fp32 is single precision throughout; on GPUs alone"),
        Action("channel.next", "Next channel", lambda app: _turn_channel(app, 1), "PageDown",
               "Of the layer that is shown", enabled=_is_looking, repeat=True, group="View"),
        Action("channel.back", "Channel before", lambda app: _turn_channel(app, -1), "PageUp",
               enabled=_is_looking, repeat=True, group="View"),
        Action("view.fit", "Fit", lambda app: app.viewport.fit(), "F", group="View"),
        Action("view.one", "1:1", lambda app: app.viewport.one_to_one(), "1", group="View"),
        Action("view.linear", "Smooth enlargement", lambda app: app.flip("linear"),
               checked=lambda app: app.settings.linear, group="View"),
        Action("view.checker", "Checker background", lambda app: app.flip("checker"),
               checked=lambda app: app.settings.checker, group="View"),
        Action("panels", "Hide or show panels", lambda app: app.toggle_panels(), "Tab", group="View"),
        Action("workspace.play", "Play", lambda app: app.use_workspace("Play"), "Ctrl+1",
               checked=lambda app: app.settings.workspace == "Play", group="View"),
        Action("workspace.inspect", "Inspect", lambda app: app.use_workspace("Inspect"), "Ctrl+2",
               checked=lambda app: app.settings.workspace == "Inspect", group="View"),
        Action("panel.toggle", "Show or hide a panel", lambda app, title: app.columns.toggle(title), group=""),
        Action("layout.reset", "Reset layout", lambda app: app.reset_layout(), group="View"),
        *(Action(f"theme.{name}", f"{name.capitalize()} theme", lambda app, name=name: app.use_theme(name),
                 checked=lambda app, name=name: app.settings.theme == name, group="View")
          for name in ("dark", "light", "auto")),
        *(Action(f"scale.{value}", f"{value:.0%}" if value else "Scale of the screen",
                 lambda app, value=value: app.use_scale(value),
                 checked=lambda app, value=value: app.settings.ui_scale == value, group="View")
          for value in (0, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)),
    )  # fmt: skip


def _is_looking(app: "App") -> bool:
    return app.shown is not None and app.shown.looked is not None


def _turn_channel(app: "App", by: int) -> None:
    """The next channel of the shown layer, from the last on to the first."""
    if app.shown and app.shown.looked:
        view, count = app.history.present.view, app.shown.looked.shown.count
        app.edit(app.history.present.set("view.channel", (view.channel + by) % count))


def _window() -> tuple[Action, ...]:
    return (
        Action("fullscreen", "Full screen", lambda app: app.toggle_fullscreen(), "F11"),
        Action("lab.open", "Open the lab", lambda app: app.lab.open(), "Ctrl+L",
               "Steps, plots and spectra in a window of their own"),
        Action("help", "Shortcuts", lambda app: app.dialogs.toggle_help(), "F1, Shift+?"),
        Action("recovery.restore", "Restore the last scene", lambda app: app.recover(True)),
        Action("recovery.drop", "Start fresh", lambda app: app.recover(False)),
        Action("close", "Close what is open", lambda app: app.close_top(), "Esc"),
    )  # fmt: skip


def _random_seed(app: "App") -> None:
    scene = app.history.present
    highest = (parameters.describe("latent.seed").slider or (0, 9999))[1]
    for path, value in (("latent.mode", "seeds"), ("latent.seed", secrets.randbelow(int(highest) + 1)),
                        ("latent.x", 0.0), ("latent.y", 0.0)):  # fmt: skip
        scene = scene.set(path, value)
    app.edit(scene)


def _next_noise(app: "App") -> None:
    scene = app.history.present
    modes = parameters.describe("noise.mode").choices
    app.edit(scene.set("noise.mode", modes[(modes.index(scene.noise.mode) + 1) % len(modes)]))
