"""View: how the chosen step is shown in place of the picture."""

from imgui_bundle import imgui, imgui_ctx

from app.live.panels.layertable import short
from app.live.panels.plots import histogram, legend
from app.live.theme import SMALL
from app.live.ui import Ui
from engine.frame import Frame
from engine.inspect.views import Looked
from engine.scene import Scene

MODES = (
    (("Channel", "channel", "One channel."), ("RGB", "rgb", "Three channels as red, green and blue."),
     ("Mean", "mean", "The mean over the channels.")),
    (("Norm", "norm", "The root mean square over the channels."),
     ("PCA", "pca", "The three principal components of the pixels as red, green and blue."),
     ("Sheet", "sheet", "All channels beside each other; the tool Probe picks one.")),
)  # fmt: skip

EXPORTS = (
    (".npy", "The array, with the scene that made it in a .json beside it."),
    (".safetensors", "The array with the scene that made it inside."),
    (".csv", "Statistics of all layers, and of each channel of this one."),
    (".png", "This view as a picture that carries its scene."),
)


class ViewPanel:
    """Which step, which channels, on which scale, in which colours; or their spectrum."""

    title = "View"
    workspaces = ("Inspect",)

    def __init__(self):
        self.hint = ""

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        names = [step.name for step in frame.steps] if frame else []
        self.hint = scene.view.step or "the picture"
        scene = self._step(ui, scene, names)
        if not scene.view.step:
            ui.note("Choose a layer to see what it makes, in place of the picture.")
            return scene
        if names and scene.view.step not in names:
            ui.note(f"This network has no step {scene.view.step}, so the picture is shown. Choose one of its layers.")
            return scene
        scene = ui.choice(scene, "view.part")
        scene = self._mode(ui, scene)
        looked = frame.looked if frame else None
        if looked and frame and frame.scene.view == scene.view and looked.shown.part != scene.view.part:
            ui.note(f"{scene.view.step} has no {scene.view.part}, so its output is shown.")
        v, count = scene.view, looked.shown.count if looked else 1
        if v.mode in ("channel", "rgb") and count > 1:
            scene = ui.row(scene, "view.channel", low=0, high=count - 1)
        scene = ui.row(scene, "view.scale_db")
        if v.mode not in ("rgb", "pca") or v.fft:
            scene = ui.choice(scene, "view.colours")
        scene = ui.toggles(scene, ["view.normalise", "view.fft"])
        if v.fft:
            scene = ui.row(scene, "view.fft_range")
            scene = ui.row(scene, "view.fft_beta")
            if v.mode in ("channel", "rgb", "mean"):
                scene = ui.toggle(scene, "view.fft_all")
        if looked and looked.shown.step == scene.view.step:
            _numbers(ui, looked)
            _export(ui)
        return scene

    def _step(self, ui: Ui, scene: Scene, names: list[str]) -> Scene:
        """The picture, or the step before or after the present one."""
        at = names.index(scene.view.step) if scene.view.step in names else -1
        clicked = ui.segments(
            [
                ("Picture", "The finished picture instead of a layer.", True, not scene.view.step),
                ("Before", "The layer before this one.", at > 0, False),
                ("After", "The layer after this one; from the picture, the first.", at + 1 < len(names), False),
            ]
        )
        if clicked == "Picture":
            return scene.set("view.step", "")
        if clicked:
            return scene.set("view.step", names[at + (1 if clicked == "After" else -1)])
        return scene

    def _mode(self, ui: Ui, scene: Scene) -> Scene:
        for line in MODES:
            clicked = ui.segments((label, tip, True, scene.view.mode == mode) for label, mode, tip in line)
            for label, mode, _ in line:
                if label == clicked:
                    scene = scene.set("view.mode", mode)
        return scene


def _numbers(ui: Ui, looked: Looked) -> None:
    """The legend of the colours, the histogram of the whole step, and what is wrong with it."""
    shown, s = looked.shown, looked.statistics
    unit = f" {shown.unit}" if shown.unit else ""
    legend(ui, "Legend", shown.colours, f"{short(shown.low)}{unit}", f"{short(shown.high)}{unit}")
    histogram(ui, "Histogram", looked.counts, s.low, s.high)
    with imgui_ctx.push_font(ui.theme.mono, SMALL):
        imgui.text_unformatted(f"mean {short(s.mean)}  std {short(s.std)}  max {short(s.peak)}")
    if not s.healthy:
        ui.error(f"{s.nan} values are NaN and {s.inf} infinite; they are shown in magenta.")


def _export(ui: Ui) -> None:
    """The shown layer as a file."""
    ui.text("Export", dim=True, small=True)
    gap = round(0.23 * ui.em)
    shares = [len(ending) + 4 for ending, _ in EXPORTS]
    room = imgui.get_content_region_avail().x - gap * (len(EXPORTS) - 1)
    for i, (ending, tip) in enumerate(EXPORTS):
        if i:
            imgui.same_line(0, gap)
        if ui.segment(ending, False, max(1.0, round(room * shares[i] / sum(shares)))):
            ui.act("export.step", ending)
        ui.tooltip(tip)
