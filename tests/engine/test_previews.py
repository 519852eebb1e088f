"""Quick approximations: the finest that fits the budget, then the whole picture; nothing that was asked for is lost."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.frame import Frame
from engine.previews import Previews
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine import tiny


@pytest.fixture(scope="module")
def sg3():
    return tiny.stylegan3(resolution=128)


class Fake:
    """A renderer that remembers whether it was asked."""

    def __init__(self, costs: dict[str, float]):
        self.known, self.scenes = costs, []

    def render(self, scene, budget_ms=None, interrupted=None) -> Frame:
        self.scenes.append(scene)
        return Frame(scene, 1)

    def costs(self) -> dict[str, float]:
        return self.known


def test_the_finest_that_fits_is_taken_and_what_is_not_known_is_estimated(sg3):
    steps = [step.name for step in sg3.synthesis.steps]
    whole = dict.fromkeys(steps, 10.0)
    fine, coarse = Fake({}), Fake(dict.fromkeys(steps, 1.0))
    fakes = iter((fine, coarse))
    previews = Previews(SimpleNamespace(generator=sg3, facts=None), lambda store: next(fakes))
    expected = previews._cost(previews.levels[0][0], {}, whole)
    assert len(steps) < expected < 10 * len(steps)
    for budget, asked in ((expected * 1.01, fine), (expected * 0.99, coarse), (0.1, coarse)):
        before = len(asked.scenes)
        assert previews.render(Scene(), budget, whole, lambda: False) is not None
        assert len(asked.scenes) == before + 1


def test_a_drag_on_stylegan3_shows_an_approximation_and_then_the_whole_picture(sg3):
    renderer = Renderer(models=tiny.Shelf(tiny=sg3))
    first = renderer.render(Scene(), budget_ms=1e-6)
    assert first.preview is None  # nothing is known of its cost yet
    scene = Scene().set("latent.seed", 5).set("transform.x", 0.1)
    preview = renderer.render(scene, budget_ms=1e-6)
    assert preview.error is None and preview.scene == scene
    assert preview.preview == (32, 32) and preview.picture.shape == (128, 128, 4)
    whole = renderer.render(scene)
    assert whole.preview is None
    assert np.array_equal(whole.picture, Renderer(models=tiny.Shelf(tiny=sg3)).render(scene).picture)
    small = preview.picture[::4, ::4, :3].astype(float)
    averaged = whole.picture[..., :3].reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    assert np.corrcoef(small[4:-4, 4:-4].ravel(), averaged[4:-4, 4:-4].ravel())[0, 1] > 0.9


def test_a_change_of_the_last_layer_needs_no_approximation(sg3):
    renderer = Renderer(models=tiny.Shelf(tiny=sg3))
    renderer.render(Scene())
    last = sg3.num_ws - 1
    spent = sum(renderer.costs().values())
    frame = renderer.render(Scene().set("mixing.sources", [{"seed": 4, "layers": [last]}]), budget_ms=0.9 * spent)
    assert frame.preview is None and frame.reused == len(frame.steps) - 1


def test_a_step_that_is_shown_is_never_approximated(sg3):
    renderer = Renderer(models=tiny.Shelf(tiny=sg3))
    scene = Scene().set("view.step", sg3.synthesis.steps[2].name)
    renderer.render(scene)
    assert renderer.render(scene.set("latent.seed", 2), budget_ms=1e-6).preview is None


def test_an_approximation_makes_way_too(sg3):
    renderer = Renderer(models=tiny.Shelf(tiny=sg3))
    first = renderer.render(Scene())
    assert renderer.render(Scene().set("latent.seed", 7), 1e-6, lambda: True) is first


def test_stylegan1_stops_at_what_a_lower_resolution_gave_when_it_grew():
    path = str(Path(__file__).parents[1] / "golden" / "sg1_lod.pkl")
    renderer, scene = Renderer(), Scene().set("model.path", path).set("latent.seed", 3)
    renderer.render(scene.set("latent.seed", 4))
    preview = renderer.render(scene, budget_ms=1e-6)
    assert preview.preview == (4, 4)
    grown = renderer.render(scene.set("growing.lod", preview.model.max_lod))
    assert np.array_equal(preview.picture, grown.picture)
