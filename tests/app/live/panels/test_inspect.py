"""The panels that look inside, driven by label on frames of a real network."""

import math
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import torch

from app.live import looking
from app.live.panels import bending
from app.live.panels.bends import BendsPanel, spelled
from app.live.panels.filters import FiltersPanel, measured
from app.live.panels.layers import LayersPanel
from app.live.panels.probe import ProbePanel
from app.live.panels.sheet import SheetPanel
from app.live.panels.spectrum import SpectrumPanel
from app.live.panels.stylespace import StyleSpacePanel, named
from app.live.panels.view import ViewPanel
from app.live.panels.wspace import WPlanePanel
from engine.frame import Frame
from engine.inspect.average import AverageSpectrum
from engine.inspect.wspace import sample_plane
from engine.latents import Latents, Row, base_blend
from engine.looking import Bend
from engine.networks.common import MappingConfig
from engine.networks.stylegan2 import Config, StyleGAN2
from engine.renderer import Renderer
from engine.scene import Scene
from tests.app.live.panels.doubles import drive
from tests.engine import tiny

SHOWN = Scene().set("view.step", "b8.conv1")


def rendered(scene: Scene, G=None) -> Frame:
    renderer = Renderer(models=tiny.Shelf(tiny=G or tiny.stylegan2()))
    frame = renderer.render(scene)
    return renderer.refine() or frame


@pytest.mark.parametrize(
    "panel", [ViewPanel, SheetPanel, ProbePanel, BendsPanel, FiltersPanel, SpectrumPanel, StyleSpacePanel]
)
@pytest.mark.parametrize("width", [90.0, 280.0, 440.0])
@pytest.mark.parametrize("mode", ["channel", "sheet", "pca"])
def test_drawing_a_shown_step_changes_nothing(panel, width, mode):
    scene = SHOWN.set("view.mode", mode).set("view.fft", mode == "channel").set("view.probe", True)
    scene = scene.set("bends", [Bend("b8.conv1", "boost", (1, 99)), Bend("b4.conv1"), Bend("gone")])
    stage = drive(panel(), lambda ctx: ctx.yield_(2), scene, rendered(scene), width)
    assert stage.scene == scene and not stage.history.can_undo


def thousand_channels() -> StyleGAN2:
    return odd(channels=(1024, 8))


def one_colour() -> StyleGAN2:
    return odd(img_channels=1)


def huge() -> StyleGAN2:
    G = odd()
    G.synthesis.get_parameter("b4.conv1.bias").data += 1e30
    return G


def not_a_number() -> StyleGAN2:
    G = odd()
    G.synthesis.get_parameter("b4.conv1.bias").data[3] = math.nan
    return G


def odd(channels: tuple[int, ...] = (16, 16), img_channels: int = 3) -> StyleGAN2:
    config = Config(
        z_dim=16, c_dim=0, w_dim=16, img_resolution=4 << (len(channels) - 1), img_channels=img_channels,
        mapping=MappingConfig(num_layers=2), channels=channels,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return StyleGAN2(config).eval().requires_grad_(False)


PANELS = [ViewPanel, SheetPanel, ProbePanel, BendsPanel, FiltersPanel, SpectrumPanel, StyleSpacePanel, LayersPanel]
ODD = [thousand_channels, one_colour, huge, not_a_number, tiny.stylegan1, tiny.lucidrains, tiny.stylegan3]


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("part", ["output", "weight", "styles"])
def test_every_panel_shows_odd_networks(make, part):
    G = make()
    first = G.synthesis.steps[0].name
    for mode, fft in (("channel", False), ("sheet", False), ("pca", False), ("norm", True), ("sheet", True)):
        scene = Scene().set("view.step", first).set("view.mode", mode).set("view.fft", fft)
        scene = scene.set("view.part", part).set("view.probe", True)
        frame = rendered(scene, G)
        assert frame.error is None and frame.looked is not None and len(frame.probed) == len(frame.steps)
        for panel in PANELS if mode == "channel" else [ViewPanel, SheetPanel]:
            stage = drive(panel(), lambda ctx: ctx.yield_(2), scene, frame, 440.0)
            assert stage.scene == scene


def test_what_is_not_a_number_is_said():
    scene = Scene().set("view.step", "b4.conv1")
    frame = rendered(scene, not_a_number())
    assert "16 values are NaN and 0 infinite" in drive(ViewPanel(), lambda ctx: None, scene, frame).said[-1]
    assert not frame.statistics["b4.conv1"].healthy and frame.probed == ()


def test_view_chooses_parts_and_exports():
    frame = rendered(SHOWN)
    stage = drive(ViewPanel(), lambda ctx: ctx.item_click("Weight"), SHOWN, frame)
    assert stage.scene.view.part == "weight"
    stage = drive(ViewPanel(), lambda ctx: ctx.item_click(".safetensors"), SHOWN, frame)
    assert stage.acts == [("export.step", (".safetensors",))]
    scene = Scene().set("view.step", "b8").set("view.part", "styles")
    said = drive(ViewPanel(), lambda ctx: None, scene, rendered(scene, tiny.stylegan2(architecture="resnet"))).said
    assert "b8 has no styles, so its output is shown." in said


def test_style_channels_of_stylegan_are_scales_and_shifts():
    frame = rendered(Scene(), tiny.stylegan1())
    assert [named(frame, "b16.conv0", c) for c in (0, 11, 12, 23)] == ["Scale 0", "Scale 11", "Shift 0", "Shift 11"]
    assert named(rendered(Scene()), "b8.conv0", 3) == "Style 3"


def test_the_read_out_of_weights_and_styles_names_them():
    scene = SHOWN.set("view.part", "weight").set("view.channel", 2)
    frame = rendered(scene)
    weight = tiny.stylegan2().synthesis.get_parameter("b8.conv1.weight")
    words = looking.words_at(frame, 4, 7)  # of a grid of 4 by 4 kernels of 3 by 3
    assert words == f"in 9 tap 1 1  {float(weight[2, 9, 1, 1]):.5g}"
    assert looking.probed_at(scene, frame, 1.0, 1.0) == scene and looking.probe_mark(scene, frame) is None
    frame = rendered(SHOWN.set("view.part", "styles"), tiny.stylegan2())
    assert looking.words_at(frame, 1, 2).startswith("style 9  ")
    frame = rendered(SHOWN.set("view.part", "weight").set("view.fft", True))
    assert "cycles/sample" in looking.words_at(frame, 40, 32)


def test_the_measured_spectrum_stands_beside_the_filters():
    G = tiny.stylegan3()
    scene = Scene().set("view.step", G.synthesis.steps[2].name)
    frame = rendered(scene, G)
    ui = SimpleNamespace(host=SimpleNamespace(spectrum=None))
    curve = measured(ui, frame, scene.view.step)
    rate = G.synthesis.steps[2].rate
    assert rate is not None and curve is not None
    assert curve.name == "measured now" and curve.y.max() == 0 and curve.x[-1] == pytest.approx(rate / 2, rel=0.1)
    assert measured(ui, frame, "input") is None
    job = AverageSpectrum(Renderer(models=tiny.Shelf(tiny=G)), scene, scene.view.step, 2)
    job.run()
    ui.host.spectrum = job
    assert measured(ui, frame, scene.view.step).name == "measured over 2 seeds"


def test_view_chooses_modes_and_walks_over_the_steps():
    def script(ctx):
        for label in ("PCA", "Spectrum", "Heat", "Before"):
            ctx.item_click(label)

    view = drive(ViewPanel(), script, SHOWN, rendered(SHOWN)).scene.view
    assert (view.mode, view.fft, view.colours, view.step) == ("pca", True, "heat", "b8.conv0")
    assert drive(ViewPanel(), lambda ctx: ctx.item_click("Picture"), SHOWN, rendered(SHOWN)).scene == Scene()
    first = drive(ViewPanel(), lambda ctx: ctx.item_click("After"), Scene(), rendered(Scene())).scene
    assert first.view.step == "b4.conv1"


def test_view_says_when_a_step_is_not_in_this_network():
    scene = Scene().set("view.step", "L3_52_512")
    assert "has no step L3_52_512" in drive(ViewPanel(), lambda ctx: None, scene, rendered(scene)).said[0]


def test_a_click_on_the_sheet_picks_the_channel_under_it():
    scene = SHOWN.set("view.mode", "pca").set("view.sort", "index")
    frame = rendered(scene)
    tiles = frame.looked.thumbnails.tiles
    height, width = tiles.size

    def script(ctx):
        low, high = (getattr(ctx.item_info("Channels").rect_full, name) for name in ("min", "max"))
        x, y = tiles.cell[1] * 1.5 + tiles.gap, tiles.cell[0] * 1.5 + tiles.gap
        at = type(low)(low.x + (high.x - low.x) * x / width, low.y + (high.y - low.y) * y / height)
        ctx.mouse_move_to_pos(at)
        ctx.mouse_click(0)

    view = drive(SheetPanel(), script, scene, frame).scene.view
    assert (view.channel, view.mode) == (tiles.columns + 1, "channel")


def test_the_sheet_ablates_boosts_and_restores_the_picked_channel():
    scene = SHOWN.set("view.channel", 3)
    frame = rendered(scene)
    stage = drive(SheetPanel(), lambda ctx: ctx.item_click("Ablate"), scene, frame)
    assert stage.scene.bends == (Bend("b8.conv1", "ablate", (3,), 0.0),)
    stage = drive(SheetPanel(), lambda ctx: ctx.item_click("Boost"), stage.scene, frame)
    assert bending.kinds(stage.scene, "b8.conv1", 3) == {"ablate", "boost"}
    assert drive(SheetPanel(), lambda ctx: ctx.item_click("Restore"), stage.scene, frame).scene == scene


def test_channels_join_and_leave_a_bend():
    scene = Scene()
    for channel in (4, 2, 9, 2):
        scene = bending.toggled(scene, "s", "ablate", channel)
    assert scene.bends == (Bend("s", "ablate", (4, 9), 0.0),)
    assert bending.toggled(bending.without(scene, "s", 9), "s", "ablate", 4).bends == ()  # never all of them


def test_bends_are_added_switched_off_and_removed():
    frame = rendered(SHOWN)
    stage = drive(BendsPanel(), lambda ctx: ctx.item_click("+ Bend"), SHOWN, frame)
    assert stage.scene.bends == (Bend("b8.conv1", "boost"),)
    two = stage.scene.set("bends", (*stage.scene.bends, Bend("b4.conv1", "ablate", (1,))))
    off = drive(BendsPanel(), lambda ctx: ctx.item_click("b4.conv1  1##bend 1"), two, frame).scene
    assert [b.on for b in off.bends] == [True, False]
    assert drive(BendsPanel(), lambda ctx: ctx.item_click("Remove 0"), two, frame).scene.bends == two.bends[1:]
    assert drive(BendsPanel(), lambda ctx: ctx.item_click("Remove all"), two, frame).scene == SHOWN


def test_channels_are_spelled_as_people_write_them():
    assert [spelled(c) for c in ((), (3,), (7, 5, 6, 1), (1, 2, 9))] == ["all", "3", "1, 5-7", "1-2, 9"]


def test_a_probed_channel_is_shown_by_a_click():
    scene = Scene().set("view.probe", True)
    frame = rendered(scene)
    probed = next(p for p in frame.probed if p.step == "b8.conv0")
    label = f"b8.conv0/Channel {probed.channels[0]}"
    view = drive(ProbePanel(), lambda ctx: ctx.item_click(label), scene, frame).scene.view
    assert (view.step, view.channel, view.mode) == ("b8.conv0", probed.channels[0], "channel")


def test_the_read_out_is_the_value_behind_the_pixel():
    for mode, fft in (("channel", False), ("rgb", False), ("sheet", False), ("channel", True)):
        frame = rendered(SHOWN.set("view.mode", mode).set("view.fft", fft).set("view.sort", "index"))
        values, words = frame.looked.shown.values, looking.words_at(frame, 2, 5)
        number = values[5, 2]
        for v in np.atleast_1d(number):
            assert f"{v:.2f}" in words if fft else f"{v:.4g}"[:4] in words
        assert ("dB" in words) == fft and ("channel 0" in words) == (mode == "sheet")
    assert looking.words_at(rendered(Scene()), 0, 0).startswith("x 0 y 0 rgb ")


def test_the_spectrum_is_read_in_cycles_per_picture_width():
    frame = rendered(SHOWN.set("view.fft", True))
    assert "fx 3 fy -2 cycles" in looking.words_at(frame, 7, 2)  # of an 8x8 spectrum
    G = tiny.stylegan3()
    step = G.synthesis.steps[1]
    frame = rendered(Scene().set("view.step", step.name).set("view.fft", True), G)
    size = step.shape[2]
    assert f"fx {4 * step.rate / size:.3g} " in looking.words_at(frame, size // 2 + 4, size // 2)


@pytest.mark.parametrize("step", ["", "input"])
def test_the_probe_stands_where_it_was_set_down(step):
    frame = rendered(Scene().set("view.step", step), tiny.stylegan3())
    height, width = frame.picture.shape[:2]
    scene = looking.probed_at(frame.scene, frame, width * 0.45, height * 0.6)
    assert scene.view.probe
    assert looking.probe_mark(scene, frame) == pytest.approx((width * 0.45, height * 0.6), abs=0.01)
    outside = looking.probed_at(frame.scene, frame, 0.0, 0.0).view
    assert (outside.probe_x, outside.probe_y) == (0, 0)


def test_on_a_sheet_the_probe_picks_a_channel():
    scene = SHOWN.set("view.mode", "sheet").set("view.sort", "index")
    frame = rendered(scene)
    tiles = frame.looked.shown.tiles
    picked = looking.probed_at(scene, frame, tiles.cell[1] + tiles.gap + 1, 1)
    assert picked == msgspec.structs.replace(scene, view=msgspec.structs.replace(scene.view, channel=1))
    assert looking.probe_mark(picked.set("view.probe", True), frame) is None


def test_filters_of_stylegan3_and_shares_of_stylegan2_are_shown():
    G = tiny.stylegan3()
    ladder = drive(FiltersPanel(), lambda ctx: ctx.item_exists("Ladder"), Scene(), rendered(Scene(), G))
    assert "Choose a layer" in ladder.said[0]
    scene = Scene().set("view.step", G.synthesis.steps[2].name)

    def script(ctx):
        assert ctx.item_exists("Responses")

    drive(FiltersPanel(), script, scene, rendered(scene, G))
    bars = []
    panel = FiltersPanel()
    panel._shares = lambda ui, scene, frame, facts: bars.append((frame.model.noise_strengths, facts.noise_layers))
    drive(panel, lambda ctx: None, Scene(), rendered(Scene()))
    assert bars[0] == ((0.5,) * 5, ("b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1"))


def test_the_spectrum_is_asked_for_and_shown():
    frame = rendered(SHOWN)

    def script(ctx):
        ctx.item_click("256")
        ctx.item_click("Measure")

    assert drive(SpectrumPanel(), script, SHOWN, frame).acts == [("spectrum.start", (256,))]
    job = AverageSpectrum(Renderer(models=tiny.Shelf(tiny=tiny.stylegan2())), SHOWN, "b8.conv1", 2)
    job.run()
    panel = SpectrumPanel()

    def shown(ctx):
        assert ctx.item_exists("Slices") and ctx.item_exists("Power")

    drive(panel, shown, SHOWN, frame, spectrum=job)
    assert panel.hint == "b8.conv1 · 2 of 2 seeds"


def test_a_walk_on_the_w_plane_goes_to_where_the_mouse_is():
    G = tiny.stylegan2()
    plane, frame = sample_plane(G, count=100), rendered(Scene(), G)
    latents = Latents(G, torch.device("cpu"))

    def base_w(scene: Scene) -> tuple[float, ...]:
        return tuple(latents.ws((Row(base_blend(scene)),))[0, 0].tolist())

    ends = {}

    def script(ctx):
        rect = ctx.item_info("Plane").rect_full
        centre, low = rect.get_center(), rect.min
        ctx.mouse_move_to_pos(centre)
        ctx.mouse_down(0)
        ctx.mouse_move_to_pos(type(centre)(centre.x + 40, centre.y - 20))
        ctx.mouse_up(0)
        ends["half"] = min(centre.x - low.x, centre.y - low.y)

    stage = drive(WPlanePanel(), script, Scene(), frame, w_plane=plane, base_w=base_w)
    latent = stage.scene.latent
    assert (latent.mode, latent.space, len(latent.vector)) == ("vector", "w", G.w_dim)
    x, y = plane.project(np.array(latent.vector))
    assert x / y == pytest.approx(2.0, rel=0.15) and x > 0
    assert x == pytest.approx(40 / ends["half"] * 3.5 * plane.deviations[0], rel=0.1)
    assert stage.history.undo() and stage.scene == Scene() and not stage.history.can_undo


def test_the_w_plane_is_sampled_when_it_is_wanted():
    stage = drive(WPlanePanel(), lambda ctx: None, Scene(), rendered(Scene()), base_w=lambda scene: (0.0,) * 16)
    assert set(stage.acts) == {("w.sample", ())}


def test_a_style_slider_becomes_a_bend_and_keeps_the_others():
    scene = SHOWN.set("bends", [Bend("b4.conv1", "ablate", (1,))])
    frame = rendered(scene)
    order = frame.model.style_order["b8.conv1"]

    def script(ctx):
        ctx.item_click("Weaker")
        ctx.yield_(2)
        rect = ctx.item_info("bends.2.amount").rect_full
        centre = rect.get_center()
        ctx.mouse_move_to_pos(centre)
        ctx.mouse_down(0)
        for i in range(1, 5):
            ctx.mouse_move_to_pos(type(centre)(centre.x + 10 * i, centre.y))
        ctx.mouse_up(0)

    stage = drive(StyleSpacePanel(), script, scene, frame)
    first, slider = stage.scene.bends
    assert first == scene.bends[0] and (slider.kind, slider.channels) == ("style", (order[10],))
    assert slider.amount > 0 and stage.history.undo() and stage.scene == scene
    reset = drive(StyleSpacePanel(), lambda ctx: ctx.item_click("Reset"), scene.set("bends", (first, slider)), frame)
    assert reset.scene == scene
