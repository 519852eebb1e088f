"""The base latent: a point on the plane of seeds, or one stored vector of Z or W."""

import math
import secrets

from imgui_bundle import imgui, imgui_ctx

from app.live.ui import Ui
from app.tokens import LINE
from engine.frame import Frame, ModelFacts
from engine.latents import plane, seed_to_z
from engine.scene import ROW_STRIDE, SEED_MAX, Latent, Scene

Vec = imgui.ImVec2
TINY = 10.0 * LINE  # size of numbers inside a drawing
FINE, COARSE = 0.1, 10.0  # Ctrl and Shift while dragging


class LatentPanel:
    """Seeds: where on the plane, and how fast along it. Vector: draw, load, keep, save."""

    title = "Latent"

    def __init__(self):
        self.hint = ""
        self.pad = SeedPad()

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        scene = ui.choice(scene, "latent.mode")
        if scene.latent.mode == "seeds":
            self.hint = "seed plane"
            return self._seeds(ui, scene)
        self.hint = f"stored {scene.latent.space}"
        return self._vector(ui, scene, frame.model if frame else None)

    def _seeds(self, ui: Ui, scene: Scene) -> Scene:
        for path in ("seed", "x", "y", "walk"):
            scene = ui.row(scene, f"latent.{path}")
        scene = self.pad.draw(ui, scene)
        latent = scene.latent
        between = (latent.x % 1, latent.y % 1) != (0, 0)
        away = latent != Latent()
        pressed = ui.segments(
            [
                ("Random", "Goes to another seed (R).", True, False),
                ("Snap", "Moves to the nearest whole seed.", between, False),
                ("Reset", "Back to seed 0, standing still.", away, False),
            ]
        )
        if pressed == "Random":
            ui.act("latent.random")
        if pressed == "Snap":
            return snapped(scene)
        return scene.reset("latent") if pressed == "Reset" else scene

    def _vector(self, ui: Ui, scene: Scene, facts: ModelFacts | None) -> Scene:
        scene = ui.choice(scene, "latent.space", {"z": "Z", "w": "W"})
        vector = scene.latent.vector
        can_make = facts is not None and (scene.latent.space == "z" or ui.host.base_w is not None)
        pressed = ui.segments(
            [
                ("Randomise", "Draws a new vector: a normally distributed z, or the w of one.", can_make, False),
                ("Keep seed", "Stores what the seed plane shows: its z at a whole seed, else its w.", can_make, False),
            ]
        )
        ui.buttons(
            [
                ("Load .npy", "vector.open", "Opens a vector of the chosen space.", facts is not None),
                ("Save .npy", "vector.save", "Writes the vector as float32.", bool(vector)),
            ]
        )
        if ui.host.vector_error:
            ui.error(ui.host.vector_error)
        if vector:
            ui.facts(vector_facts(scene, facts))
        else:
            ui.note("No vector yet, so the seed plane still plays. Draw one, keep a seed, or load a .npy file.")
        if facts and vector and len(vector) != size_of(scene, facts):
            ui.error(f"This network's {scene.latent.space} has {size_of(scene, facts)} numbers, not {len(vector)}.")
        if pressed == "Randomise" and facts:
            return random_vector(ui, scene, facts)
        if pressed == "Keep seed" and facts:
            return kept_seed(ui, scene, facts)
        return scene


class SeedPad:
    """A map of the seed plane. The present point stays in the middle, the seeds move under it."""

    UNIT = 3.0  # ems between two seeds
    HEIGHT = 4.6  # ems

    def __init__(self):
        self.travelled = 0.0  # pixels since the press

    def draw(self, ui: Ui, scene: Scene) -> Scene:
        """The pad over the full width: drag the map, or click a seed to go there. One drag is one gesture."""
        size = Vec(imgui.get_content_region_avail().x, round(self.HEIGHT * ui.em))
        imgui.invisible_button("Seed plane", size)
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        unit = self.UNIT * ui.em
        _paint_plane(ui, scene, low, high, unit)
        ui.tooltip("Seeds around this point, a blend of the bright ones. Drag to move, click a seed to go there.")
        return self._handle(ui, scene, Vec((low.x + high.x) / 2, (low.y + high.y) / 2), unit)

    def _handle(self, ui: Ui, scene: Scene, centre: imgui.ImVec2, unit: float) -> Scene:
        io, latent = imgui.get_io(), scene.latent
        if imgui.is_item_activated():
            self.travelled = 0.0
            ui.begin_gesture()
        if imgui.is_item_active() and imgui.is_mouse_dragging(imgui.MouseButton_.left):
            self.travelled += abs(io.mouse_delta.x) + abs(io.mouse_delta.y)
            factor = FINE if io.key_ctrl else COARSE if io.key_shift else 1.0
            dx, dy = io.mouse_delta.x / unit * factor, io.mouse_delta.y / unit * factor
            return moved_to(scene, latent.x - dx, latent.y - dy)
        if imgui.is_item_deactivated():
            ui.end_gesture()
            if self.travelled == 0:
                x, y = io.mouse_pos.x - centre.x, io.mouse_pos.y - centre.y
                return moved_to(scene, round(latent.x + x / unit), round(latent.y + y / unit))
        return scene


def snapped(scene: Scene) -> Scene:
    """The scene at the nearest whole seed of the plane."""
    return moved_to(scene, round(scene.latent.x), round(scene.latent.y))


def moved_to(scene: Scene, x: float, y: float) -> Scene:
    """The scene at a point of the seed plane, inside its limits; finer than a drag can tell."""
    x, y = (round(min(1e6, max(-1e6, value)), 4) for value in (x, y))
    return scene.set("latent.x", x).set("latent.y", y)


def random_vector(ui: Ui, scene: Scene, facts: ModelFacts) -> Scene:
    """The scene with a new stored vector in the chosen space."""
    seed = secrets.randbelow(SEED_MAX + 1)
    return _stored_seed(ui, scene, seed, 0.0, 0.0, facts)


def kept_seed(ui: Ui, scene: Scene, facts: ModelFacts) -> Scene:
    """The scene with what the seed plane shows as its stored vector; between seeds only a w can be that."""
    latent = scene.latent
    if scene.latent.space == "z" and (latent.x % 1 or latent.y % 1):
        scene = scene.set("latent.space", "w") if ui.host.base_w else snapped(scene)
    return _stored_seed(ui, scene, latent.seed, scene.latent.x, scene.latent.y, facts)


def _stored_seed(ui: Ui, scene: Scene, seed: int, x: float, y: float, facts: ModelFacts) -> Scene:
    if scene.latent.space == "z":
        ((whole, _),) = plane(seed, x, y)
        return scene.set("latent.vector", seed_to_z(whole, facts.z_dim).tolist())
    at = scene.set("latent.mode", "seeds").set("latent.seed", seed).set("latent.x", x).set("latent.y", y)
    assert ui.host.base_w is not None
    return scene.set("latent.vector", ui.host.base_w(at))


def size_of(scene: Scene, facts: ModelFacts) -> int:
    """How many numbers a vector of the chosen space has in this network."""
    return facts.z_dim if scene.latent.space == "z" else facts.w_dim


def vector_facts(scene: Scene, facts: ModelFacts | None) -> list[tuple[str, str]]:
    """Dimension and Euclidean norm of the stored vector; for z beside the norm that is usual."""
    vector = scene.latent.vector
    norm = f"{math.hypot(*vector):.2f}"
    if scene.latent.space == "z":
        norm += f" (usual {math.sqrt(len(vector)):.1f})"
    return [("Dimension", str(len(vector))), ("Norm", norm)]


def _paint_plane(ui: Ui, scene: Scene, low: imgui.ImVec2, high: imgui.ImVec2, unit: float) -> None:
    """The lattice of seeds around the present point, the blended ones brighter by their weight."""
    draw, em, latent = imgui.get_window_draw_list(), ui.em, scene.latent
    weights = dict(plane(latent.seed, latent.x, latent.y))
    middle = Vec((low.x + high.x) / 2, (low.y + high.y) / 2)
    columns, rows = math.ceil((high.x - low.x) / 2 / unit), math.ceil((high.y - low.y) / 2 / unit)
    draw.add_rect_filled(low, high, ui.colour("background"), 0.18 * em)
    with imgui_ctx.push_clip_rect(low, high, True), imgui_ctx.push_font(ui.theme.mono, TINY):
        room = unit - 0.5 * em
        for row in range(math.floor(latent.y) - rows, math.floor(latent.y) + rows + 2):
            for column in range(math.floor(latent.x) - columns, math.floor(latent.x) + columns + 2):
                seed = (latent.seed + column + ROW_STRIDE * row) % (SEED_MAX + 1)
                at = Vec(middle.x + (column - latent.x) * unit, middle.y + (row - latent.y) * unit)
                weight = weights.get(seed, 0.0)
                shade = ui.colour("text", 0.5 + 0.5 * weight) if weight else ui.colour("fill")
                draw.add_circle_filled(at, (0.14 + 0.1 * weight) * em, shade)
                words = str(seed)
                width = imgui.calc_text_size(words).x
                if width <= room:
                    below = Vec(round(at.x - width / 2), round(at.y + 0.35 * em))
                    draw.add_text(below, ui.colour("dim", 0.85 + 0.15 * weight), words)
        draw.add_circle_filled(middle, 0.2 * em, ui.colour("accent"))
    if imgui.is_item_hovered() or imgui.is_item_active():
        draw.add_rect(low, high, ui.colour("accent" if imgui.is_item_active() else "line"), 0.18 * em, ui.theme.hair)
