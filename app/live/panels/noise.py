"""Noise inputs: which noise, how strong, everywhere and layer by layer."""

from app.live.panels.fold import fold
from app.live.ui import Ui
from engine.frame import Frame, ModelFacts
from engine.scene import Scene


class NoisePanel:
    """Mode, strength, and for random noise its seed and how often it is drawn anew."""

    title = "Noise"
    hint = ""

    def __init__(self):
        self.open = False  # the list of layers

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        facts = frame.model if frame else None
        if facts and not facts.noise_layers:
            ui.note(why_none(facts))
            return scene
        scene = ui.choice(scene, "noise.mode", {"none": "Off"})
        if scene.noise.mode == "none":
            return scene
        scene = ui.row(scene, "noise.strength")
        if scene.noise.mode == "random":
            scene = ui.row(scene, "noise.seed")
            scene = ui.row(scene, "noise.animate")
            scene = ui.row(scene, "noise.rate", enabled=scene.noise.animate)
        return self._layers(ui, scene, facts) if facts else scene

    def _layers(self, ui: Ui, scene: Scene, facts: ModelFacts) -> Scene:
        """A line that unfolds into one row for each noise layer."""
        touched = sum(value != 1 for value in scene.noise.layers)
        if fold(ui, "Per layer", f"{touched} touched" if touched else f"{len(facts.noise_layers)} layers", self.open):
            self.open = not self.open
        if not self.open:
            return scene
        full = padded(scene, len(facts.noise_layers))
        edited = full
        for i, name in enumerate(facts.noise_layers):
            edited = ui.row(edited, f"noise.layers.{i}", label=name)
        return scene if edited == full else trimmed(edited)


def padded(scene: Scene, count: int) -> Scene:
    """The scene with a strength for each of `count` layers; those that were missing are 1."""
    layers = scene.noise.layers
    return scene.set("noise.layers", (*layers, *[1.0] * (count - len(layers))))


def trimmed(scene: Scene) -> Scene:
    """The scene without the trailing ones, so that an untouched list is the default again."""
    layers = scene.noise.layers
    while layers and layers[-1] == 1:
        layers = layers[:-1]
    return scene.set("noise.layers", layers)


def why_none(facts: ModelFacts) -> str:
    """Why a network has no noise inputs."""
    if facts.family == "stylegan3":
        return (
            "StyleGAN3 has no noise inputs: noise is tied to pixels, and would stay on the screen while the content "
            "moves. Open a StyleGAN2 to see what noise does."
        )
    return "This network was trained without noise inputs (use_noise off), so there is nothing to vary here."
