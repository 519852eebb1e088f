"""Wires as the papers' figures draw them."""

import pytest

from engine.inspect.wiring import wires
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine import tiny

SKIP = """b4.conv1>b4.torgb b4.conv1>b8.conv0 b8.conv0>b8.conv1 b8.conv1>b8.torgb b4.torgb>b8.torgb b8.conv1>b16.conv0
b16.conv0>b16.conv1 b16.conv1>b16.torgb b8.torgb>b16.torgb b16.torgb>picture"""
RESIDUAL = """b4.conv1>b8.skip b4.conv1>b8.conv0 b8.conv0>b8.conv1 b8.conv1>b8 b8.skip>b8 b8>b16.skip b8>b16.conv0
b16.conv0>b16.conv1 b16.conv1>b16 b16.skip>b16 b16>b16.torgb b16.torgb>picture"""


def drawn(G) -> set[str]:
    frame = Renderer(models=tiny.Shelf(a=G)).render(Scene())
    names = [*(step.name for step in frame.steps), "picture"]
    return {f"{names[a]}>{names[b]}" for a, b in wires(frame.steps)}


def test_skip_generators_add_up_their_pictures():
    assert drawn(tiny.stylegan2()) == set(SKIP.split())


def test_residual_generators_add_their_shortcuts():
    assert drawn(tiny.stylegan2(architecture="resnet")) == set(RESIDUAL.split())


def test_stylegan3_is_a_chain():
    G = tiny.stylegan3()
    names = ["input", *(step.name for step in G.synthesis.steps[1:]), "picture"]
    assert drawn(G) == {f"{a}>{b}" for a, b in zip(names, names[1:])}


@pytest.mark.parametrize(
    ("lod", "expected"),
    [
        (0.0, "b32.torgb>picture"),
        (0.5, "b16.torgb>b32.torgb b32.torgb>picture"),
        (1.0, "b16.torgb>b32.torgb b32.torgb>picture"),
    ],
)
def test_stylegan1_joins_pictures_while_it_grows_alone(lod, expected):
    """Figure 2 of Karras et al. 2018: grown, the last toRGB makes the picture by itself."""
    frame = Renderer().render(Scene().set("model.path", "tests/golden/sg1_lod.pkl").set("growing.lod", lod))
    names = [*(step.name for step in frame.steps), "picture"]
    found = [f"{names[a]}>{names[b]}" for a, b in wires(frame.steps)]
    assert {wire for wire in found if wire.split(">")[0].endswith("torgb")} == set(expected.split())
    assert ("b16.conv1>b32.torgb" in found) is False
    assert ("b32.conv1>b32.torgb" in found) is (lod < 1)


def test_kept_is_what_the_frame_showed_and_what_the_network_made():
    G = tiny.stylegan2()
    renderer = Renderer(models=tiny.Shelf(a=G))
    scene = Scene().set("latent.seed", 3)
    frame = renderer.render(scene)
    serial, kept = renderer.kept(("b8.conv1", "", "nowhere"))
    assert serial == frame.serial and set(kept) == {"b8.conv1", ""}
    assert kept["b8.conv1"].equal(Renderer(models=tiny.Shelf(a=G)).activation(scene, "b8.conv1"))
    shown = frame.picture[..., :3].astype(float)
    expected = (kept[""].permute(1, 2, 0).numpy() * 127.5 + 128).clip(0, 255)
    assert abs(shown - expected).max() <= 1.0
