"""Looking inside while it plays: the right numbers, nothing run again for a view, hidden rows within their budget."""

import numpy as np
import pytest
import torch

from engine.inspect import inspector, parts
from engine.inspect.statistics import measure
from engine.latents import seed_to_z
from engine.looking import Bend
from engine.networks.common import Inputs
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine import tiny

SHOWN = Scene().set("view.step", "b8.conv1").set("view.channel", 2)


def renderer_of(G) -> Renderer:
    return Renderer(models=tiny.Shelf(tiny=G))


def activation(G, step: str, seed: int = 0) -> torch.Tensor:
    ws = G.mapping(torch.from_numpy(seed_to_z(seed, G.z_dim))[None])
    return G.synthesis.activation(step, ws)[0]


@pytest.mark.parametrize("G", [tiny.stylegan2(), tiny.stylegan3()], ids=["stylegan2", "stylegan3"])
def test_every_step_can_be_shown(G):
    renderer = renderer_of(G)
    for step in G.synthesis.steps:
        frame = renderer.render(Scene().set("view.step", step.name))
        expected = activation(G, step.name)
        assert frame.error is None and frame.looked.shown.step == step.name
        assert np.allclose(frame.looked.shown.values, expected[0], atol=1e-5)
        assert frame.picture is frame.looked.shown.rgba
        assert frame.statistics[step.name].std == pytest.approx(float(expected.std(correction=0)), rel=1e-3)


def test_a_view_runs_no_step_again_and_going_back_shows_the_picture():
    renderer = renderer_of(tiny.stylegan2())
    picture = renderer.render(Scene()).picture
    shown = renderer.render(SHOWN)
    assert shown.reused == len(shown.steps) and shown.picture.shape == (8, 8, 4)
    assert renderer.render(SHOWN.set("view.mode", "sheet")).reused == len(shown.steps)
    assert renderer.render(Scene()).picture is picture


def test_a_view_follows_the_scene():
    G = tiny.stylegan2()
    renderer = renderer_of(G)
    renderer.render(SHOWN)
    frame = renderer.render(SHOWN.set("latent.seed", 5))
    assert np.allclose(frame.looked.shown.values, activation(G, "b8.conv1", 5)[2], atol=1e-5)
    ablated = renderer.render(SHOWN.set("bends", [{"step": "b8.conv1"}]))
    assert (ablated.looked.shown.values == 0).all() and ablated.statistics["b8.conv1"].peak == 0


def test_the_same_view_is_the_very_same_array():
    renderer = renderer_of(tiny.stylegan2())
    first = renderer.render(SHOWN)
    assert renderer.render(SHOWN.set("time", 1.0)).picture is first.picture
    assert renderer.render(SHOWN.set("view.probe", True)).picture is first.picture


def test_a_step_that_this_network_lacks_shows_the_picture():
    G = tiny.stylegan2()
    frame = renderer_of(G).render(Scene().set("view.step", "L3_52_512"))
    assert frame.error is None and frame.looked is None
    assert np.array_equal(frame.picture, renderer_of(G).render(Scene()).picture)


def test_activations_that_did_not_fit_into_memory_are_computed_again(monkeypatch):
    monkeypatch.setattr("engine.renderer.CACHE_BYTES", 3000)
    G = tiny.stylegan2()
    scene = Scene(bends=(Bend("b8.conv0", "boost", amount=2.0),)).set("view.step", "b16.conv1")
    frame = renderer_of(G).render(scene)
    whole = renderer_of(G)
    monkeypatch.setattr("engine.renderer.CACHE_BYTES", 1 << 30)
    again = whole.render(frame.scene)
    assert np.array_equal(frame.looked.shown.values, again.looked.shown.values)


def test_a_preview_reaches_the_step_that_is_shown():
    G = tiny.stylegan2(resolution=32)
    renderer = renderer_of(G)
    renderer.render(Scene())
    scene = Scene().set("latent.seed", 3).set("view.step", "b16.conv0")
    frame = renderer.render(scene, budget_ms=1e-6)
    assert frame.preview and np.allclose(frame.looked.shown.values, activation(G, "b16.conv0", 3)[0], atol=1e-5)


def test_a_probe_lists_every_step():
    G = tiny.stylegan3()
    scene = Scene().set("view.probe", True).set("view.probe_x", 0.2)
    probed = renderer_of(G).render(scene).probed
    assert [p.step for p in probed] == [s.name for s in G.synthesis.steps]
    for p in probed:
        column = activation(G, p.step)[:, p.at[0], p.at[1]]
        assert p.channels[0] == int(column.abs().argmax())


def test_all_statistics_are_known_once_nothing_else_is_to_be_done(monkeypatch):
    monkeypatch.setattr(inspector, "BUDGET_MS", 0.0)
    G = tiny.stylegan2()
    renderer = renderer_of(G)
    first = renderer.render(Scene())
    refined = renderer.refine()
    assert refined.serial > first.serial and refined.picture is first.picture and refined.timings is first.timings
    assert set(refined.statistics) == {s.name for s in G.synthesis.steps}
    for name, found in refined.statistics.items():
        assert found == measure(activation(G, name))
    assert renderer.refine() is None
    assert renderer.render(Scene()) is refined


def test_refining_makes_way():
    renderer = renderer_of(tiny.stylegan2())
    renderer.render(Scene())
    before = dict(renderer._last.statistics)
    frame = renderer.refine(lambda: True)
    assert frame is None or frame.statistics == before


def test_hidden_steps_have_their_turn_and_large_ones_wait_until_their_time_is_saved(monkeypatch):
    G, clock = tiny.stylegan2(), [0.0]
    states = [state for _, state in G.synthesis.run(Inputs(G.mapping(torch.ones(1, G.z_dim))))]
    costs = {step.name: 9.0 if step.name == "b16.conv1" else 1.0 for step in G.synthesis.steps}
    names = {state.out.data_ptr(): step.name for step, state in zip(G.synthesis.steps, states)}
    measured = []

    def measure_slowly(x, clamp):
        name = names[x.data_ptr()]
        clock[0] += costs[name] / 1e3
        measured.append(name)
        return measure(x, clamp)

    monkeypatch.setattr(inspector, "measure", measure_slowly)
    monkeypatch.setattr(inspector.time, "perf_counter", lambda: clock[0])
    found, frames = inspector.Inspector(G.synthesis.steps), 200
    for _ in range(frames):
        found.renew(0)
        found.spend(states)
    assert clock[0] * 1e3 <= inspector.BUDGET_MS * frames + 9
    counts = {name: measured.count(name) for name in costs}
    assert max(counts.values()) - min(counts.values()) <= 1  # everyone has the same share of turns


@pytest.mark.parametrize("make", [tiny.stylegan1, tiny.stylegan2, tiny.stylegan3, tiny.lucidrains])
@pytest.mark.parametrize("mode", ["channel", "rgb", "norm", "pca", "sheet"])
def test_weights_and_styles_are_shown_as_activations_are(make, mode):
    G = make()
    renderer = renderer_of(G)
    for step in G.synthesis.steps:
        for part in ("weight", "styles"):
            scene = Scene().set("view.step", step.name).set("view.part", part).set("view.mode", mode)
            for fft in (False, True):
                frame = renderer.render(scene.set("view.fft", fft))
                assert frame.error is None and frame.looked is not None
                there = part in inspector.parts_of(G, step)
                assert frame.looked.shown.part == (part if there else "output")
                assert frame.picture.shape[:2] == frame.looked.shown.values.shape[:2]


def test_the_weight_that_is_shown_is_the_weight_and_its_statistics_are_its_own():
    G = tiny.stylegan2()
    scene = SHOWN.set("view.part", "weight")
    looked = renderer_of(G).render(scene).looked
    weight = G.synthesis.get_parameter("b8.conv1.weight")
    kernels = parts.kernels(torch.from_numpy(looked.shown.values)[None], looked.shown.layout)
    assert torch.equal(kernels[0], weight[2]) and looked.shown.count == len(weight)
    assert looked.statistics.std == pytest.approx(float(weight.std(correction=0)), rel=1e-5)
    assert looked.statistics.high == weight.max() and looked.counts.sum() == weight.numel()


def test_styles_that_are_shown_are_those_the_layer_reads_bends_and_all():
    G = tiny.stylegan3()
    name = G.synthesis.steps[3].name
    scene = Scene().set("view.step", name).set("view.part", "styles")
    renderer, bend = renderer_of(G), Bend(name, "style", (2,), 5.0)
    plain = renderer.render(scene).looked.shown.values
    bent = renderer.render(scene.set("bends", [bend])).looked.shown.values
    ws = G.mapping(torch.from_numpy(seed_to_z(0, G.z_dim))[None])
    expected = G.synthesis.get_submodule(f"{name}.affine")(ws[:, 4])[0]
    assert np.allclose(plain.ravel(), expected, atol=1e-5)
    assert np.allclose((bent - plain).ravel(), np.eye(len(expected))[2] * 5, atol=1e-5)


def dear(monkeypatch, clock: list[float], seconds: float) -> list[int]:
    """Make the numbers of a view cost `seconds` of a clock that only they move; the runs in which they were made."""
    made, values_of = [], inspector.values_of

    def slow(*args):
        clock[0] += seconds
        made.append(len(made))
        return values_of(*args)

    monkeypatch.setattr(inspector, "values_of", slow)
    monkeypatch.setattr(inspector.time, "perf_counter", lambda: clock[0])
    return made


def test_a_dear_view_takes_its_share_of_the_time_while_the_scene_moves(monkeypatch):
    G, clock = tiny.stylegan2(), [0.0]
    made = dear(monkeypatch, clock, 0.050)
    renderer, went = renderer_of(G), lambda: False
    renderer.render(SHOWN, interrupted=went)
    started, frames = clock[0], 100
    for seed in range(1, frames + 1):
        clock[0] += 0.016
        renderer.render(SHOWN.set("latent.seed", seed), interrupted=went)
    spent = (len(made) - 1) * 0.050
    share = spent / (clock[0] - started)
    assert 0.15 < share <= inspector.SHARE
    frame = renderer._last
    assert not frame.looked.current
    refined = renderer.refine()
    expected = activation(G, "b8.conv1", frames)[2]
    assert refined.looked.current and np.allclose(refined.looked.shown.values, expected, atol=1e-5)
    assert refined.picture is refined.looked.shown.rgba and refined.timings is frame.timings


def test_a_dear_view_is_at_once_what_was_asked_for(monkeypatch):
    G = tiny.stylegan2()
    dear(monkeypatch, [0.0], 9.0)
    renderer = renderer_of(G)
    for path, value in (("channel", 2), ("channel", 3), ("mode", "norm"), ("part", "weight")):
        scene = SHOWN.set(f"view.{path}", value)
        frame = renderer.render(scene, interrupted=lambda: False)
        assert frame.looked.current and frame.looked.shown.part == scene.view.part
        assert np.array_equal(frame.looked.shown.values, renderer_of(G).render(scene).looked.shown.values)


def test_turning_the_scale_takes_no_numbers_anew(monkeypatch):
    made = dear(monkeypatch, [0.0], 1.0)
    renderer = renderer_of(tiny.stylegan2())
    first = renderer.render(SHOWN)
    bright = renderer.render(SHOWN.set("view.scale_db", 20.0).set("view.colours", "heat").set("view.normalise", False))
    assert len(made) == 1 and bright.looked.shown.values is first.looked.shown.values
    assert bright.looked.shown.high == pytest.approx(0.1)


def test_a_later_layers_change_leaves_the_view_alone(monkeypatch):
    made = dear(monkeypatch, [0.0], 1.0)
    renderer = renderer_of(tiny.stylegan2())
    renderer.render(SHOWN)
    renderer.render(SHOWN.set("bends", [Bend("b16.conv0")]))
    assert len(made) == 1


def test_channels_keep_their_places_for_a_while_as_the_scene_moves(monkeypatch):
    clock = [0.0]
    dear(monkeypatch, clock, 0.0)
    renderer, went = renderer_of(tiny.stylegan2()), lambda: False
    orders = []
    for seed in range(12):
        clock[0] += 0.25
        looked = renderer.render(SHOWN.set("latent.seed", seed), interrupted=went).looked
        orders.append(looked.thumbnails.tiles.order)
    runs = 1 + sum(a != b for a, b in zip(orders, orders[1:]))
    assert 2 <= runs <= 4 and orders[0] == orders[3]
