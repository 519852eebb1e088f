"""What holds for every panel: it draws anything it may be given, and drawing alone changes nothing."""

import pytest

from app.live.panels import PANELS, panels
from engine.scene import Scene, Source
from tests.app.live.panels.doubles import drive, stylegan2, stylegan3

FRAMES = {
    "nothing": None,
    "stylegan2": stylegan2(),
    "four rows": stylegan2(4, noise=False, trained=False, notes=("ema was missing; it only matters in training.",)),
    "conditional": stylegan2(c_dim=10, networks=("G_ema", "G"), default_cutoff=8),
    "grown": stylegan2(lod=1.5, max_lod=6.0),
    "stylegan3": stylegan3(),
    "forty rows": stylegan3(40),
}
SCENE = (
    Scene()
    .set("latent.mode", "vector")
    .set("latent.vector", (0.5,) * 8)
    .set("label.index", 4000)
    .set("truncation.cutoff", 30)
    .set("mixing.sources", tuple(Source(seed, 0.5, (seed, seed + 1, 60)) for seed in range(9)))
    .set("noise.mode", "random")
    .set("noise.layers", (0.5,) * 40)
)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("kind", [kind for kind, _ in PANELS], ids=lambda kind: kind.title)
def test_drawing_alone_changes_nothing(kind, frame):
    for scene, width in ((Scene(), 336), (SCENE, 336), (SCENE, 90), (Scene(), 1000)):
        stage = drive(kind(), lambda ctx: ctx.yield_(2), scene, frame, width)
        assert stage.scene == scene
        assert not stage.history.can_undo
        assert stage.acts == []


def test_titles_are_unique_and_in_sentence_case():
    titles = [panel.title for panel, _ in panels()]
    assert len(set(titles)) == len(titles)
    assert all(title == title.capitalize() for title in titles)


def test_each_call_makes_new_panels():
    first, second = panels(), panels()
    assert not {id(panel) for panel, _ in first} & {id(panel) for panel, _ in second}
