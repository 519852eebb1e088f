"""W plane: where the latent lies among all that the network knows, and a way to walk there by hand."""

from collections.abc import Callable

import numpy as np
from imgui_bundle import imgui, imgui_ctx

from app.live.panels import sources
from app.live.panels.plots import TINY, well
from app.live.ui import Ui
from engine.frame import Frame
from engine.inspect.wspace import Plane
from engine.scene import Scene

Vec = imgui.ImVec2
HEIGHT = 20.0  # ems
REACH = 3.5  # standard deviations from the middle to the edge
SHOWN = 800  # sampled points that are drawn


class WPlanePanel:
    """Samples as dots, w_avg in their middle, the latent and the sources of style mixing in their colours."""

    title = "W plane"
    workspaces = ("Inspect",)

    def __init__(self):
        self.hint = ""
        self._known: dict[Scene, np.ndarray] = {}  # w of the latents that are drawn

    def draw(self, ui: Ui, scene: Scene, frame: Frame | None) -> Scene:
        self.hint = ""
        if frame is None or frame.model is None or ui.host.base_w is None:
            ui.note("Open a network to see how its latents spread over W.")
            return scene
        plane = ui.host.w_plane
        if plane is None:
            if ui.host.w_plane_error:
                ui.error(ui.host.w_plane_error)
            else:
                ui.act("w.sample")
                ui.note("Sampling W …")
            return scene
        self.hint = f"{100 * plane.explained:.0f} % of the variance"
        w = self._w(ui.host.base_w, scene)
        low, high = well(ui, "Plane", HEIGHT)
        at = _scale(plane, low, high)
        with imgui_ctx.push_clip_rect(low, high, True):
            _samples(ui, plane, at)
            self._latents(ui, scene, plane, w, at)
        scene = self._walk(ui, scene, plane, w, low, high)
        ui.note("Drag to walk: the latent becomes a stored w, and what is off this plane stays as it was.")
        return scene

    def _latents(self, ui: Ui, scene: Scene, plane: Plane, w: np.ndarray, at: Callable) -> None:
        """w_avg, the latent and where truncation takes it, and the seeds of style mixing."""
        draw, em = imgui.get_window_draw_list(), ui.em
        middle, here = at(plane.centre), at(plane.project(w))
        psi = scene.truncation.psi
        kept = at(plane.centre + psi * (plane.project(w) - plane.centre))
        radius = float(np.hypot(kept.x - middle.x, kept.y - middle.y))
        draw.add_circle(middle, max(1.0, radius), ui.colour("dim", 0.6), 0, ui.theme.hair)
        draw.add_line(middle, here, ui.colour("accent", 0.5), ui.theme.hair)
        _cross(ui, middle, "bright")
        _named(ui, middle, "w_avg", ui.colour("text"), away=here)
        for i, source in enumerate(scene.mixing.sources, 1):
            seeds = scene.reset("latent").set("latent.seed", source.seed)
            assert ui.host.base_w is not None
            place, colour = at(plane.project(self._w(ui.host.base_w, seeds))), sources.colour(ui.theme, i)
            draw.add_circle_filled(place, 0.35 * em, colour)
            _named(ui, place, str(source.seed), colour)
        seed = scene.latent.seed if scene.latent.mode == "seeds" else None
        draw.add_circle(here, 0.45 * em, ui.colour("accent"), 0, 1.5 * ui.theme.hair)
        _named(ui, here, "w" if seed is None else str(seed), ui.colour("accent"), away=middle)
        draw.add_circle_filled(kept, 0.35 * em, ui.colour("accent"))

    def _walk(self, ui: Ui, scene: Scene, plane: Plane, w: np.ndarray, low: Vec, high: Vec) -> Scene:
        if imgui.is_item_activated():
            ui.begin_gesture()
        if imgui.is_item_deactivated():
            ui.end_gesture()
        if not imgui.is_item_active() or not imgui.is_mouse_pos_valid():
            return scene
        to = _place(plane, low, high, imgui.get_mouse_pos())
        moved = tuple(float(v) for v in np.round(plane.walked(w, to), 6))
        return scene.set("latent.mode", "vector").set("latent.space", "w").set("latent.vector", moved)

    def _w(self, base_w: Callable[[Scene], tuple[float, ...]], scene: Scene) -> np.ndarray:
        """w of a scene's base latent, remembered while the latent stays."""
        key = Scene(model=scene.model, latent=scene.latent, label=scene.label)
        if key not in self._known:
            if len(self._known) > 32:
                self._known.clear()
            self._known[key] = np.asarray(base_w(key), dtype=np.float64)
        return self._known[key]


def _scale(plane: Plane, low: Vec, high: Vec) -> Callable[[np.ndarray], Vec]:
    """From the plane to the screen; both axes alike, the first one to the right, the second one up."""
    unit = _unit(plane, low, high)
    x, y = (low.x + high.x) / 2, (low.y + high.y) / 2
    return lambda p: Vec(x + float(p[0]) * unit, y - float(p[1]) * unit)


def _place(plane: Plane, low: Vec, high: Vec, mouse: Vec) -> np.ndarray:
    """From the screen to the plane, no further than its edge."""
    unit = _unit(plane, low, high)
    x, y = min(max(mouse.x, low.x), high.x), min(max(mouse.y, low.y), high.y)
    return np.array([(x - (low.x + high.x) / 2) / unit, ((low.y + high.y) / 2 - y) / unit])


def _unit(plane: Plane, low: Vec, high: Vec) -> float:
    reach = REACH * max(float(plane.deviations[0]), 1e-12)
    return min(high.x - low.x, high.y - low.y) / 2 / reach


def _samples(ui: Ui, plane: Plane, at: Callable[[np.ndarray], Vec]) -> None:
    draw, size, colour = imgui.get_window_draw_list(), ui.theme.hair, ui.colour("teal", 0.55)
    for point in plane.points[:SHOWN]:
        p = at(point)
        draw.add_rect_filled(Vec(p.x - size / 2, p.y - size / 2), Vec(p.x + size, p.y + size), colour)


def _cross(ui: Ui, at: Vec, colour: str) -> None:
    arm, draw = 0.4 * ui.em, imgui.get_window_draw_list()
    draw.add_line(Vec(at.x - arm, at.y), Vec(at.x + arm, at.y), ui.colour(colour), ui.theme.hair)
    draw.add_line(Vec(at.x, at.y - arm), Vec(at.x, at.y + arm), ui.colour(colour), ui.theme.hair)


def _named(ui: Ui, at: Vec, words: str, colour: int, away: Vec | None = None) -> None:
    """A name beside a point, on the side that is turned away from another one, readable on the samples."""
    with imgui_ctx.push_font(ui.theme.mono, TINY):
        size, gap = imgui.calc_text_size(words), 0.6 * ui.em
        left, above = (away is not None and away.x > at.x), (away is not None and away.y > at.y)
        x = at.x - gap - size.x if left else at.x + gap
        y = at.y - gap - size.y / 2 if above else at.y + gap - size.y / 2
        draw, edge = imgui.get_window_draw_list(), round(0.15 * ui.em)
        low, high = Vec(round(x) - edge, round(y)), Vec(round(x + size.x) + edge, round(y + size.y))
        draw.add_rect_filled(low, high, ui.colour("background", 0.8), 0.18 * ui.em)
        draw.add_text(Vec(round(x), round(y)), colour, words)
