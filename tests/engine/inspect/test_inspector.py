"""Looking inside while it plays: the right numbers, nothing run again for a view, hidden rows within their budget."""

import numpy as np
import pytest
import torch

from engine.inspect import inspector
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
