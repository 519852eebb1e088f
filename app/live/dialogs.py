"""What opens over the window: the file browser for each purpose, and the overlay of shortcuts."""

from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import imgui, imgui_ctx

from app.live.actions import Action, system_key
from app.live.browser import Browser, Wish
from app.live.exporting import ENDINGS as EXPORTED
from app.live.opening import OPENED
from app.live.spectra import ENDINGS as SPECTRA
from engine.models import BUNDLED

if TYPE_CHECKING:
    from app.live.app import App
    from app.live.ui import Ui

Vec = imgui.ImVec2
ARROWS = (("Arrows", "Step over the plane"), ("Shift+Arrows", "Step far"))
MOUSE = (
    ("Wheel", "Zoom about the pointer"), ("Shift+Wheel", "Turn channels"),
    ("Middle drag", "Move the view"), ("Space+Drag", "Move the view"),
    ("Double-click", "Fit the picture"), ("Ctrl, Shift", "Finer, coarser"), ("Drag a bar", "Change a value"),
    ("Wheel on a bar", "Step a value"), ("Double-click", "Type a value"), ("Right-click", "Reset, copy path"),
)  # fmt: skip
GROUPS = (("File", "Edit"), ("Latent", "View"), ("Window",))


class Dialogs:
    """At most one dialog at a time, and the help overlay."""

    def __init__(self, app: "App"):
        self.app = app
        self.browser = Browser(app.tasks)
        self.help = False

    @property
    def blocks_keys(self) -> bool:
        return self.browser.is_open

    def draw(self, ui: "Ui") -> None:
        self.browser.draw(ui)
        if self.help:
            self._draw_help(ui)

    def close(self) -> bool:
        """Close the topmost dialog; False if none is open."""
        if self.browser.is_open:
            self.browser.close()
        elif self.help:
            self.help = False
        else:
            return False
        return True

    def toggle_help(self) -> None:
        self.help = not self.help

    # --- purposes -----------------------------------------------------------------------------------------------

    def open_file(self) -> None:
        """A checkpoint, a scene, or a picture with a scene."""
        wish = Wish("Open a network, a scene or a picture", "Open", "open", self._open, OPENED)
        self._browse(wish, self._start_folder())

    def choose_run(self) -> None:
        """The folder of a training run to follow."""
        self._browse(Wish("Follow a training run", "Follow", "folder", self._follow), self._start_folder())

    def save_scene(self) -> None:
        name = (
            Path(self.app.scene_path).name
            or f"{self.app.ui.model.name if self.app.ui.model else 'scene'}.json"
        )
        self._browse(
            Wish("Save the scene", "Save", "save", self._save_scene, (".json",), name), self._start_folder()
        )

    def choose_folder(self) -> None:
        """Where captures go."""
        folder = self.app.session.capture_folder()
        there = next((p for p in (folder, *folder.parents) if p.is_dir()), Path.home())
        self._browse(Wish("Folder for captures", "Choose", "folder", self._use_folder), there)

    def open_vector(self) -> None:
        self._browse(
            Wish("Load a latent vector", "Load", "open", self.app.vectors.open, (".npy",)),
            self._start_folder(),
        )

    def save_vector(self) -> None:
        wish = Wish("Save the latent vector", "Save", "save", self.app.vectors.save, (".npy",), "vector.npy")
        self._browse(wish, self._start_folder())

    def export_step(self, ending: str) -> None:
        """The shown step as an array, a table or a picture, by the name's ending."""
        exporter = self.app.saver.exporter
        endings = (ending, *(other for other in EXPORTED if other != ending))
        wish = Wish("Export the shown layer", "Save", "save", exporter.shown_step, endings, exporter.name(ending))
        self._browse(wish, self._start_folder())

    def open_data(self, folder: bool = False) -> None:
        """Pictures to compare spectra with."""
        mode, endings = ("folder", ()) if folder else ("open", (".zip",))
        title = f"A {'folder' if folder else 'zip'} of pictures to compare spectra with"
        self._browse(Wish(title, "Choose", mode, self._use_data, endings), self._start_folder())

    def save_spectrum(self) -> None:
        job = self.app.spectra.job
        name = f"spectrum-{job.label if job else 'picture'}.csv"
        wish = Wish("Save the spectrum", "Save", "save", self.app.spectra.save, SPECTRA, name)
        self._browse(wish, self._start_folder())

    # --- parts --------------------------------------------------------------------------------------------------

    def _browse(self, wish: Wish, folder: Path) -> None:
        wish.places = [("Home", str(Path.home())), ("Captures", str(self.app.session.capture_folder()))]
        if BUNDLED.is_dir():
            wish.places.append(("Bundled networks", str(BUNDLED)))
        recent = [p for p in self.app.settings.recent if p.lower().endswith(wish.endings)]
        if wish.mode == "open" and recent:
            wish.places += [("", "Recent"), *((Path(p).name, p) for p in recent)]
        self.browser.open(wish, folder)

    def _start_folder(self) -> Path:
        remembered = Path(self.app.settings.browse_folder or Path.home())
        return remembered if remembered.is_dir() else Path.home()

    def _open(self, path: str) -> None:
        self.app.settings.browse_folder = str(Path(path).parent)
        self.app.ui.act("file.open", path)

    def _follow(self, path: str) -> None:
        self.app.settings.browse_folder = str(Path(path).parent)
        self.app.ui.act("run.follow", path)

    def _save_scene(self, path: str) -> None:
        self.app.settings.browse_folder = str(Path(path).parent)
        self.app.saver.save_scene_to(path)

    def _use_data(self, path: str) -> None:
        self.app.settings.browse_folder = str(Path(path).parent)
        self.app.spectra.compare("file", path)

    def _use_folder(self, path: str) -> None:
        self.app.settings.capture_folder = path
        self.app.messages.say(f"Captures go to {path}", "capture")

    def _draw_help(self, ui: "Ui") -> None:
        size, em = imgui.get_io().display_size, ui.em
        imgui.set_next_window_pos(Vec(size.x / 2, size.y / 2), imgui.Cond_.always, Vec(0.5, 0.5))
        imgui.set_next_window_size(Vec(min(66 * em, 0.94 * size.x), min(36 * em, 0.92 * size.y)))
        flags = (
            imgui.WindowFlags_.no_decoration
            | imgui.WindowFlags_.no_move
            | imgui.WindowFlags_.no_saved_settings
        )
        flags = (flags | imgui.WindowFlags_.no_docking) & ~imgui.WindowFlags_.no_scrollbar
        padding = imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, Vec(1.6 * em, 1.3 * em))
        with padding, imgui_ctx.begin("Shortcuts", None, flags):
            ui.heading("Shortcuts", "Esc closes")
            imgui.dummy(Vec(0, 0.3 * em))
            columns = 3 if imgui.get_content_region_avail().x > 50 * em else 1
            with imgui_ctx.begin_table("keys", columns) as table:
                if table.visible:
                    self._columns(ui)
            if (
                imgui.is_mouse_clicked(0)
                and not imgui.is_window_hovered()
                and not imgui.is_window_appearing()
            ):
                self.help = False

    def _columns(self, ui: "Ui") -> None:
        for i, groups in enumerate(GROUPS):
            imgui.table_next_column()
            for group in groups:
                self._group(ui, group, [a for a in self.app.actions.values() if a.group == group and a.key])
            if i == 2:
                ui.text("Mouse", dim=True, small=True)
                for key, words in MOUSE:
                    self._key_line(ui, system_key(key), words)

    def _group(self, ui: "Ui", name: str, actions: list[Action]) -> None:
        ui.text(name, dim=True, small=True)
        for action in actions:
            self._key_line(ui, action.shown_key, action.label)
            ui.tooltip(action.help or action.key)
        for key, words in ARROWS if name == "Latent" else ():
            self._key_line(ui, key, words)
        imgui.dummy(Vec(0, 0.4 * ui.em))

    def _key_line(self, ui: "Ui", key: str, words: str) -> None:
        x = imgui.get_cursor_pos_x()
        ui.text(key, mono=True, color=ui.theme.accent)
        imgui.same_line(0, 0)
        imgui.set_cursor_pos_x(max(x + 8.2 * ui.em, imgui.get_cursor_pos_x() + 0.6 * ui.em))
        ui.text(words)
