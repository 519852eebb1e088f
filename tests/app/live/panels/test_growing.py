"""The level of detail of a grown network."""

from app.live.panels.growing import GrowingPanel
from engine.scene import Scene
from tests.app.live.panels.doubles import centre, drag, drive, stylegan2

GROWN = stylegan2(lod=1.5, max_lod=3.0)


def test_shown_only_for_networks_that_grew():
    assert GrowingPanel().shown(GROWN)
    assert not GrowingPanel().shown(stylegan2()) and not GrowingPanel().shown(None)


def test_a_drag_starts_at_the_networks_own_level_and_ends_at_the_coarsest():
    def script(ctx):
        middle = centre(ctx, "Lod")
        drag(ctx, "Lod", (middle.x, middle.y), (middle.x + 12, middle.y))

    near = drive(GrowingPanel(), script, Scene(), GROWN).scene.growing.lod
    assert near is not None and 1.5 < near < 1.8

    def far(ctx):
        middle = centre(ctx, "Lod")
        drag(ctx, "Lod", (middle.x, middle.y), (middle.x + 600, middle.y))

    assert drive(GrowingPanel(), far, Scene(), GROWN).scene.growing.lod == 3.0
