"""The network that plays: what it is, which one of its file, and the way to another."""

from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import imgui, imgui_ctx

from app.live import icons
from app.live.panels.fold import fold
from app.live.ui import Ui, fit
from engine.frame import Frame, ModelFacts
from engine.scene import Scene

if TYPE_CHECKING:
    from engine.models import Loading

Vec = imgui.ImVec2
FAMILIES = {"stylegan1": "StyleGAN", "stylegan2": "StyleGAN2", "stylegan3": "StyleGAN3"}


class ModelPanel:
    """Facts in three lines, the networks of the file, its notes, Open and Recent; progress while a file is opened."""

    title = "Model"
    hint = ""

    def __init__(self):
        self.notes_open = False

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        facts = frame.model if frame else None
        if facts:
            self._facts(ui, facts)
            if facts.has_discriminator:
                scene = ui.toggle(scene, "model.judge", score_text(scene, frame))
        elif ui.host.loading is None:
            ui.note(
                "No network is open. Open a StyleGAN, StyleGAN2 or StyleGAN3 checkpoint (.pkl, .pt, .safetensors), "
                "or drop one on this window; nothing inside a file is ever run."
            )
        _run(ui)
        self._buttons(ui)
        if ui.host.loading is not None:
            _progress(ui, ui.host.loading)
        elif ui.host.load_error:
            ui.error(ui.host.load_error, ("Open another…", "file.open"))
        return scene

    def _facts(self, ui: Ui, facts: ModelFacts) -> None:
        name = Path(facts.path).name if facts.path else facts.name
        ui.text(fit(name, imgui.get_content_region_avail().x))
        ui.tooltip(f"{facts.path or 'Comes with StyleScope'}\n{facts.format}")
        for words in fact_lines(facts):
            ui.text(fit(words, imgui.get_content_region_avail().x), dim=True, small=True)
        if not facts.trained:
            words = "Untrained: random weights, to try the controls with. Open a trained one for pictures."
            ui.note(words, ui.theme.accent)
        if facts.notes and fold(ui, "Notes", f"{len(facts.notes)}", self.notes_open):
            self.notes_open = not self.notes_open
        if self.notes_open:
            for note in facts.notes:
                ui.note(note)
        if len(facts.networks) > 1:
            items = [(n, f"Plays {n} of this file.", True, n == facts.network) for n in facts.networks]
            pressed = ui.segments(items)
            if pressed and pressed != facts.network:
                ui.act("model.network", pressed)

    def _buttons(self, ui: Ui) -> None:
        pressed = ui.segments(
            [
                ("Open…", "A checkpoint, a scene, or a picture that carries one (Ctrl+O).", True, False),
                ("Recent", "Files opened before.", bool(ui.host.recent), False),
            ]
        )
        if pressed == "Open…":
            ui.act("file.open")
        if pressed == "Recent":
            imgui.open_popup("recent")
        with imgui_ctx.begin_popup("recent") as popup:
            if popup.visible:
                for i, path in enumerate(ui.host.recent):
                    if imgui.menu_item_simple(f"{Path(path).name}##{i}"):
                        ui.act("file.open", path)
                    ui.tooltip(path)


def fact_lines(facts: ModelFacts) -> list[str]:
    """What the network is, in lines that fit a column."""
    height, width = facts.resolution
    colours = {1: "grey", 3: "RGB", 4: "RGBA"}.get(facts.channels, f"{facts.channels} channels")
    classes = f"{facts.c_dim} classes" if facts.c_dim else "no classes"
    family = FAMILIES.get(facts.family, facts.family)
    return [
        f"{family} · {width} × {height} {colours} · {count(facts.parameters)} parameters",
        f"{len(facts.steps)} steps · {facts.num_ws} ws · z {facts.z_dim} · w {facts.w_dim} · {classes}",
    ]


def _run(ui: Ui) -> None:
    """Which snapshot of a training run plays; the button follows the run or stays with what plays."""
    host, width = ui.host, imgui.get_content_region_avail().x
    if host.run_words:
        if ui.segment(f"{fit(f'Following {host.run_words}', width - ui.em)}###Follow", True, width):
            ui.act("run.stop")
        ui.tooltip("Each newer snapshot takes over once it is loaded; press to stay with what plays.")
        if host.run_trouble:
            ui.note(host.run_trouble, ui.theme.accent)
    elif host.run_folder:
        name = Path(host.run_folder).name
        if ui.segment(f"{fit(f'Follow {name}', width - ui.em)}###Follow", False, width):
            ui.act("run.follow", host.run_folder)
        ui.tooltip(f"Plays the newest snapshot of this run and each newer one.\n{host.run_folder}")


def score_text(scene: Scene, frame: Frame | None) -> str:
    """What the discriminator says, on the button that asks for it."""
    if not scene.model.judge or frame is None or frame.score is None:
        return "Judge"
    return f"Judged {'real' if frame.score > 0 else 'made'}: {frame.score:+.2f}"


def count(number: int) -> str:
    """A count as people say it: 23.2 M, 945 k."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _progress(ui: Ui, loading: "Loading") -> None:
    """What is being opened, how far, and a way out."""
    mark, width = round(1.46 * ui.em), imgui.get_content_region_avail().x
    start = imgui.get_cursor_pos()
    words = f"Opening {Path(loading.path).name or 'the bundled network'}: {loading.what} {loading.progress:.0%}"
    ui.text(fit(words, width - mark), dim=True, small=True)
    imgui.set_cursor_pos(Vec(start.x + width - mark, start.y))
    if ui.mark("Cancel", icons.close, "dim", mark, "Stops opening; the present network stays."):
        ui.act("file.cancel")
    low = imgui.get_cursor_screen_pos()
    height = max(3.0, round(0.3 * ui.em))
    imgui.dummy(Vec(width, height))
    draw = imgui.get_window_draw_list()
    draw.add_rect_filled(low, Vec(low.x + width, low.y + height), ui.colour("background"))
    draw.add_rect_filled(low, Vec(round(low.x + width * loading.progress), low.y + height), ui.colour("teal"))
