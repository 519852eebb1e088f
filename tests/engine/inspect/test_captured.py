"""What the window shows of a layer against the activations that the original implementations stored."""

import numpy as np
import pytest

from engine.models import ModelStore
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine.test_goldens import CASES, GOLDEN, STEP_NAMES, arrays, network


def captured() -> list[tuple[str, str]]:
    """(case, array) of every stored activation that a step makes, of networks without labels."""
    found = []
    for name, case in CASES.items():
        acts = [array for array in case["arrays"] if array.startswith("act.")]
        if "file" not in case or not acts or conditional(name):
            continue
        names = [s.name for s in network(name).synthesis.steps]
        # "img" is the picture after a step, not what the step makes
        found += [(name, a) for a in acts if STEP_NAMES(a.removeprefix("act."), names)[1] != "img"]
    return found


def conditional(name: str) -> bool:
    with np.load(GOLDEN / f"{name}.npz") as data:
        return any(key in data.files and data[key].shape[-1] > 0 for key in ("c", "labels"))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer("cpu", ModelStore("cpu"))


def test_enough_is_captured():
    families = {name.partition("_")[0] for name, _ in captured()}
    assert len(captured()) >= 30 and families >= {"sg1", "sg2tf", "sg2ada", "sg3", "rosi"}


@pytest.mark.parametrize(("name", "array"), captured())
def test_the_view_shows_the_captured_activation(renderer, name, array):
    expected = arrays(name)[array][0].numpy()
    names = [s.name for s in network(name).synthesis.steps]
    step, _ = STEP_NAMES(array.removeprefix("act."), names)
    z = tuple(arrays(name)["z"][0].tolist())
    scene = Scene().set("model.path", str(GOLDEN / CASES[name]["file"])).set("view.step", step)
    scene = scene.set("latent.mode", "vector").set("latent.space", "z").set("latent.vector", z)
    atol = CASES[name]["suggested_atol"]["images"]
    whole = renderer.activation(scene, step).numpy()
    assert np.allclose(whole, expected, atol=atol, rtol=0)
    for channel in {0, len(expected) // 2, len(expected) - 1}:
        frame = renderer.render(scene.set("view.channel", channel))
        assert frame.error is None and frame.looked is not None
        assert np.allclose(frame.looked.shown.values, expected[channel], atol=atol, rtol=0)
    assert frame.statistics[step].std == pytest.approx(float(expected.std()), rel=1e-3)
