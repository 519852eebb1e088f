"""The file browser inside the window: the same on every system, and without a screen."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import imgui, imgui_ctx

from app.live.theme import SMALL
from app.live.ui import fit

if TYPE_CHECKING:
    from app.live.tasks import Tasks
    from app.live.ui import Ui

Vec = imgui.ImVec2


@dataclass(frozen=True)
class Entry:
    """One line of a folder; `size` in bytes, `changed` in seconds since 1970."""

    name: str
    is_folder: bool
    size: int = 0
    changed: float = 0.0


@dataclass
class Wish:
    """What the browser is opened for. `mode` is "open", "save" or "folder"; `done(path)` gets the choice."""

    title: str
    button: str
    mode: str
    done: Callable[[str], None]
    endings: tuple[str, ...] = ()
    name: str = ""
    places: list[tuple[str, str]] = field(default_factory=list)  # (label, folder or file)


class Browser:
    """A modal with one folder's files. Folders are read in the background."""

    def __init__(self, tasks: "Tasks"):
        self.tasks = tasks
        self.wish: Wish | None = None
        self.folder = Path.home()
        self.entries: list[Entry] | None = None  # None while the folder is being read
        self.error = ""
        self.selected = ""
        self.path_text = self.name = ""
        self.everything = False
        self._opening = self._closing = False
        self._replace = ""  # the file that a second press replaces
        self._reveal = False

    @property
    def is_open(self) -> bool:
        return self.wish is not None and not self._closing

    def open(self, wish: Wish, folder: Path) -> None:
        """Show the browser at a folder."""
        self.wish, self.name, self._opening, self._closing = wish, wish.name, True, False
        self.everything = False
        self.go(folder)

    def close(self) -> None:
        """Close with the next frame."""
        self._closing = self.wish is not None

    def go(self, folder: Path) -> None:
        """Read another folder; the list appears when it is there."""
        self.folder, self.entries, self.error, self.selected, self._replace = folder, None, "", "", ""
        self.path_text = str(folder)
        endings = None if self.everything or self.wish is None else self.wish.endings
        only_folders = self.wish is not None and self.wish.mode == "folder"

        def done(entries: list[Entry]) -> None:
            if self.folder == folder:
                self.entries = entries

        def failed(why: str) -> None:
            if self.folder == folder:
                self.entries, self.error = [], why

        self.tasks.start(lambda: listing(folder, endings, only_folders), done, failed)

    def draw(self, ui: "Ui") -> None:
        """Draw the modal, if it is open."""
        if self.wish is None:
            return
        size, em = imgui.get_io().display_size, ui.em
        if self._opening:
            imgui.open_popup(self.wish.title)
        imgui.set_next_window_pos(Vec(size.x / 2, size.y / 2), imgui.Cond_.always, Vec(0.5, 0.5))
        imgui.set_next_window_size(Vec(min(58 * em, 0.94 * size.x), min(38 * em, 0.92 * size.y)))
        flags = (
            imgui.WindowFlags_.no_resize | imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_saved_settings
        )
        flags |= (
            imgui.WindowFlags_.no_title_bar
            | imgui.WindowFlags_.no_scrollbar
            | imgui.WindowFlags_.no_scroll_with_mouse
        )
        padding = imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, Vec(1.2 * em, em))
        with padding, imgui_ctx.begin_popup_modal(self.wish.title, flags) as modal:
            if modal.visible and not self._closing:
                self._content(ui, self.wish)
            if modal.visible and self._closing:
                imgui.close_current_popup()
            if self._closing or not (modal.visible or self._opening):
                self.wish, self._closing = None, False
        self._opening = False

    # --- parts --------------------------------------------------------------------------------------------------

    def _content(self, ui: "Ui", wish: Wish) -> None:
        em = ui.em
        ui.heading(wish.title)
        imgui.dummy(Vec(0, 0.1 * em))
        if ui.segment("Up", False, 3.4 * em, 1.6, raised=True):
            self.go(self.folder.parent)
        imgui.same_line()
        imgui.set_next_item_width(-1)
        with imgui_ctx.push_font(ui.theme.mono, SMALL):
            entered, self.path_text = imgui.input_text(
                "##Path", self.path_text, imgui.InputTextFlags_.enter_returns_true
            )
        if entered:
            self._typed(self.path_text)
        foot = (5.0 if wish.mode == "save" else 3.0) * em
        height = max(3 * em, imgui.get_content_region_avail().y - foot)
        if imgui.get_content_region_avail().x > 34 * em:
            self._places(ui, wish, Vec(12 * em, height))
            imgui.same_line()
        self._list(ui, wish, Vec(0, height))
        if wish.mode == "save":
            self._name_field(ui)
        self._foot(ui, wish)

    def _places(self, ui: "Ui", wish: Wish, size: imgui.ImVec2) -> None:
        with imgui_ctx.begin_child("places", size):
            for label, path in wish.places:
                if label == "":
                    imgui.dummy(Vec(0, 0.2 * ui.em))
                    ui.text(path, dim=True, small=True)
                    continue
                shown = fit(label, imgui.get_content_region_avail().x - 0.4 * ui.em)
                if imgui.selectable(f"{shown}###{path}", False)[0]:
                    self._typed(path)
                ui.tooltip(path)

    def _list(self, ui: "Ui", wish: Wish, size: imgui.ImVec2) -> None:
        background = imgui_ctx.push_style_color(imgui.Col_.child_bg, ui.theme.background)
        padding = imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, Vec(0.4 * ui.em, 0.3 * ui.em))
        with (
            background,
            padding,
            imgui_ctx.begin_child("files", size, imgui.ChildFlags_.always_use_window_padding),
        ):
            if self.entries is None:
                ui.note("Reading the folder …")
            elif self.error:
                ui.error(self.error)
            elif not self.entries:
                what = (
                    "No folders here."
                    if wish.mode == "folder"
                    else f"No {', '.join(wish.endings)} files here."
                )
                ui.note("This folder is empty." if self.everything else what)
            else:
                self._lines(ui, wish, self.entries)

    def _lines(self, ui: "Ui", wish: Wish, entries: list[Entry]) -> None:
        self._keys(wish, entries)
        clipper = imgui.ListClipper()
        clipper.begin(len(entries))
        chosen = next((i for i, e in enumerate(entries) if e.name == self.selected), -1)
        if self._reveal and chosen >= 0:
            clipper.include_item_by_index(chosen)
        while clipper.step():
            for i in range(clipper.display_start, clipper.display_end):
                self._line(ui, wish, entries[i])
        self._reveal = False

    def _line(self, ui: "Ui", wish: Wish, entry: Entry) -> None:
        em, room = ui.em, imgui.get_content_region_avail().x
        facts = "" if entry.is_folder else f"{size_words(entry.size):>8}  {date_words(entry.changed)}"
        tail = 15 * em if facts and room > 28 * em else 0
        shown = fit(entry.name + ("/" if entry.is_folder else ""), room - tail - 0.4 * em)
        flags = imgui.SelectableFlags_.allow_double_click | imgui.SelectableFlags_.no_auto_close_popups
        chosen = entry.name == self.selected
        if imgui.selectable(f"{shown}###{entry.name}", chosen, flags)[0]:
            self.selected = entry.name
            if not entry.is_folder:
                self.name = entry.name
            if imgui.is_mouse_double_clicked(0):
                self._enter(wish, entry)
        if chosen and self._reveal:
            imgui.set_scroll_here_y(0.5)
        if tail:
            imgui.same_line()
            with (
                imgui_ctx.push_font(ui.theme.mono, SMALL),
                imgui_ctx.push_style_color(imgui.Col_.text, ui.theme.dim),
            ):
                imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + imgui.get_content_region_avail().x
                                       - imgui.calc_text_size(facts).x - 0.3 * em)  # fmt: skip
                imgui.text_unformatted(facts)

    def _keys(self, wish: Wish, entries: list[Entry]) -> None:
        """Arrows choose a line, Enter opens it, Backspace goes up."""
        if imgui.get_io().want_text_input:
            return
        step = imgui.is_key_pressed(imgui.Key.down_arrow) - imgui.is_key_pressed(imgui.Key.up_arrow)
        names = [e.name for e in entries]
        if step:
            at = names.index(self.selected) + step if self.selected in names else 0
            self.selected, self._reveal = names[min(len(names) - 1, max(0, at))], True
        if imgui.is_key_pressed(imgui.Key.backspace):
            self.go(self.folder.parent)
        elif imgui.is_key_pressed(imgui.Key.enter) and self.selected in names:
            self._enter(wish, entries[names.index(self.selected)])

    def _name_field(self, ui: "Ui") -> None:
        ui.text("Name", dim=True)
        imgui.same_line(6 * ui.em)
        imgui.set_next_item_width(-1)
        changed, self.name = imgui.input_text("##Name", self.name)
        if changed:
            self._replace = ""

    def _foot(self, ui: "Ui", wish: Wish) -> None:
        em, width = ui.em, imgui.get_content_region_avail().x
        imgui.dummy(Vec(0, 0.1 * em))
        left = imgui.get_cursor_pos_x()
        if wish.mode == "open":
            if ui.segment("All files", self.everything, 6 * em, 1.7):
                self.everything = not self.everything
                self.go(self.folder)
            imgui.same_line()
        if self._replace:
            ui.text(
                fit(f"{self._replace} exists; press Replace to overwrite it.", width - 17 * em),
                color=ui.theme.red,
            )
            imgui.same_line()
        imgui.set_cursor_pos_x(left + width - 16 * em)
        if ui.segment("Cancel", False, 7 * em, 1.7, raised=True):
            self.close()
            return
        imgui.same_line(0, em)
        with ui.disabled(not self._choice(wish)):
            if ui.segment(f"{'Replace' if self._replace else wish.button}###Accept", True, 8 * em, 1.7):
                self._accept(wish, self._choice(wish))

    # --- choosing -----------------------------------------------------------------------------------------------

    def _choice(self, wish: Wish) -> str:
        """The path that the button would take, or nothing."""
        if wish.mode == "folder":
            return str(self.folder / self.selected) if self.selected else str(self.folder)
        if wish.mode == "save":
            return str(self.folder / self.name) if self.name.strip() else ""
        return str(self.folder / self.selected) if self.selected else ""

    def _enter(self, wish: Wish, entry: Entry) -> None:
        path = self.folder / entry.name
        if entry.is_folder:
            self.go(path)
        elif wish.mode != "folder":
            self._accept(wish, str(path))

    def _typed(self, text: str) -> None:
        """A path from the field or the places: enter a folder, take a file."""
        assert self.wish is not None
        path = Path(text.strip().strip('"')).expanduser()
        path = path if path.is_absolute() else self.folder / path
        if path.is_dir() or self.wish.mode == "folder":
            self.go(path)
        elif self.wish.mode == "save":
            self.go(path.parent)
            self.name = path.name
        elif path.exists():
            self._accept(self.wish, str(path))
        else:
            self.error, self.entries = (
                f"{path}: expected a file or folder, found nothing there; check the spelling.",
                [],
            )

    def _accept(self, wish: Wish, path: str) -> None:
        name = Path(path).name
        if wish.mode == "open" and Path(path).is_dir():
            self.go(Path(path))
            return
        if wish.mode == "save":
            path = path if Path(path).suffix else path + wish.endings[0]
            name = Path(path).name
            if os.path.exists(path) and self._replace != name:
                self._replace = name
                return
        self.close()
        wish.done(path)


def listing(folder: Path, endings: tuple[str, ...] | None, only_folders: bool = False) -> list[Entry]:
    """Folders, then files with one of the endings (None: all), by name with numbers in order. OSError if unreadable."""
    found = []
    with os.scandir(folder) as items:
        for item in items:
            try:
                is_folder, stat = item.is_dir(), item.stat()
            except OSError:  # a broken link: nothing that could be opened
                continue
            hidden = item.name.startswith(".")
            known = endings is None or item.name.lower().endswith(endings)
            if (is_folder and not hidden) or (not is_folder and not only_folders and known and not hidden):
                found.append(Entry(item.name, is_folder, stat.st_size, stat.st_mtime))
    return sorted(found, key=lambda e: (not e.is_folder, _natural(e.name)))


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold())
        for part in re.split(r"(\d+)", name)
    ]


def size_words(size: int) -> str:
    for limit, unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")):
        if size >= limit:
            return f"{size / limit:.1f} {unit}"
    return f"{size} B"


def date_words(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):  # a file system's nonsense date
        return ""
