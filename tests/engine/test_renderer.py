"""The renderer against whole runs of the network: nothing stale, nothing computed twice, nothing fatal."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cuda_ops.rgba import to_rgba8
from engine.latents import seed_to_z
from engine.networks.common import Inputs, Noise
from engine.renderer import Renderer
from engine.scene import Scene
from engine.transforms import input_transform
from tests.engine import tiny


def fresh(G, scene: Scene) -> np.ndarray:
    """The scene's picture by a renderer that has never seen another."""
    picture = Renderer(models=tiny.Shelf(tiny=G)).render(scene).picture
    assert picture is not None
    return picture


@pytest.fixture(scope="module")
def sg2():
    return tiny.stylegan2()


@pytest.fixture(scope="module")
def sg3():
    return tiny.stylegan3()


def test_a_scene_is_the_network_called_by_hand(sg2):
    scene = Scene().set("latent.seed", 5).set("truncation.psi", 0.6).set("noise.strength", 0.5)
    ws = sg2.mapping(torch.from_numpy(seed_to_z(5, 16))[None], truncation_psi=0.6)
    img = sg2.synthesis(ws, noise=Noise("const", 0.5))
    assert np.array_equal(fresh(sg2, scene), to_rgba8(img[0]).numpy())


def test_the_transform_reaches_the_fourier_input(sg3):
    scene = Scene().set("transform.x", 0.2).set("transform.rotate", 30.0)
    ws = sg3.mapping(torch.from_numpy(seed_to_z(0, 16))[None])
    matrix = torch.as_tensor(input_transform(scene.transform, 16), dtype=torch.float32)
    img = sg3.synthesis(ws, input_transform=matrix)
    assert np.array_equal(fresh(sg3, scene), to_rgba8(img[0]).numpy())
    assert not np.array_equal(fresh(sg3, scene), fresh(sg3, Scene()))


def test_equal_scenes_render_nothing(sg2):
    renderer = Renderer(models=tiny.Shelf(tiny=sg2))
    first = renderer.render(Scene())
    assert renderer.render(Scene()) is first


def test_time_alone_reuses_every_step(sg2):
    renderer = Renderer(models=tiny.Shelf(tiny=sg2))
    first = renderer.render(Scene())
    later = renderer.render(Scene().set("time", 3.0))
    assert later.reused == len(later.steps) and later.picture is first.picture


@pytest.mark.parametrize(
    ("path", "value", "first_step"),
    [
        ("noise.layers", (1, 1, 1, 0.5), "b16.conv0"),
        ("mixing.sources", [{"seed": 9, "layers": [4]}], "b16.conv1"),
        ("mixing.sources", [{"seed": 9, "layers": [0]}], "b4.conv1"),
        ("truncation.psi", 0.5, "b4.conv1"),
    ],
)
def test_a_change_restarts_at_the_first_step_it_touches(sg2, path, value, first_step):
    renderer = Renderer(models=tiny.Shelf(tiny=sg2))
    renderer.render(Scene())
    frame = renderer.render(Scene().set(path, value))
    assert [s.name for s in frame.steps if not s.reused][0] == first_step
    assert [s.reused for s in frame.steps] == [i < frame.reused for i in range(len(frame.steps))]
    assert np.array_equal(frame.picture, fresh(sg2, frame.scene))


CHANGES = st.one_of(
    st.tuples(st.just("view.step"), st.sampled_from(["", "b8.conv1", "b8.torgb", "no such step"])),
    st.tuples(st.just("view.mode"), st.sampled_from(["channel", "sheet"])),
    st.tuples(
        st.just("bends"),
        st.lists(
            st.fixed_dictionaries(
                {
                    "step": st.sampled_from(["b4.conv1", "b4.torgb", "b8.skip", "b8.conv0", "b8", "b8.torgb"]),
                    "kind": st.sampled_from(["ablate", "boost", "offset", "style"]),
                    "channels": st.lists(st.integers(0, 4), max_size=2),
                    "radius": st.sampled_from([0.0, 0.3]),
                }
            ),
            max_size=2,
        ),
    ),
    st.tuples(st.just("latent.x"), st.floats(-3, 3)),
    st.tuples(st.just("latent.y"), st.sampled_from([0.0, 0.5, -1.0])),
    st.tuples(st.just("truncation.psi"), st.sampled_from([1.0, 0.5, 0.0, -0.5])),
    st.tuples(st.just("truncation.cutoff"), st.sampled_from([None, 0, 2, 5])),
    st.tuples(st.just("noise.mode"), st.sampled_from(["const", "random", "none"])),
    st.tuples(st.just("noise.strength"), st.sampled_from([0.0, 1.0, 2.0])),
    st.tuples(st.just("noise.layers"), st.lists(st.sampled_from([0.0, 1.0, 3.0]), max_size=6)),
    st.tuples(st.just("noise.seed"), st.integers(0, 3)),
    st.tuples(
        st.just("mixing.sources"),
        st.lists(
            st.fixed_dictionaries(
                {
                    "seed": st.integers(0, 3),
                    "amount": st.sampled_from([0.0, 0.5, 1.0]),
                    "layers": st.lists(st.integers(0, 7), max_size=4),
                }
            ),
            max_size=2,
        ),
    ),
)


@settings(max_examples=40, deadline=None)
@given(
    changes=st.lists(CHANGES, min_size=1, max_size=6),
    architecture=st.sampled_from(["skip", "resnet", "orig"]),
)
def test_no_sequence_of_changes_leaves_anything_stale(changes, architecture):
    G = tiny.stylegan2(architecture=architecture, resolution=8)
    renderer, scene = Renderer(models=tiny.Shelf(tiny=G)), Scene()
    renderer.render(scene)
    for path, value in changes:
        scene = scene.set(path, value)
        frame = renderer.render(scene)
        assert frame.error is None
    assert np.array_equal(frame.picture, fresh(G, scene))


def test_steps_that_do_not_fit_in_memory_are_run_again(sg2, monkeypatch):
    monkeypatch.setattr("engine.renderer.CACHE_BYTES", 20_000)
    renderer, scene = Renderer(models=tiny.Shelf(tiny=sg2)), Scene().set("noise.layers", (1, 1, 1, 1, 0.5))
    first = renderer.render(Scene())
    frame = renderer.render(scene)
    assert [s.name for s in frame.steps][frame.reused] == "b16.conv0"  # one before the change, b16.conv1
    assert np.array_equal(frame.picture, fresh(sg2, scene))
    assert renderer.render(scene.set("time", 1.0)).reused == len(first.steps)


def test_an_error_keeps_the_last_good_picture(sg2):
    renderer = Renderer(models=tiny.Shelf(tiny=sg2))
    good = renderer.render(Scene())
    bad = renderer.render(Scene().set("latent.mode", "vector").set("latent.vector", (1.0, 2.0)))
    assert (
        "16 numbers, found 2" in bad.error and bad.picture is good.picture and bad.serial == good.serial + 1
    )
    assert renderer.render(Scene()).error is None


def test_a_scene_built_by_hand_is_checked(sg2):
    from engine.scene import Truncation

    frame = Renderer(models=tiny.Shelf(tiny=sg2)).render(Scene(truncation=Truncation(psi=float("nan"))))
    assert "truncation.psi" in frame.error and "nan" in frame.error


def test_a_fault_inside_the_network_is_an_error_and_the_next_change_tries_again(sg2):
    renderer = Renderer(models=tiny.Shelf(tiny=sg2))
    good = renderer.render(Scene())
    step = sg2.synthesis.steps[3]

    def fault(state, inputs):
        raise ValueError("broken step")

    steps = sg2.synthesis.steps
    sg2.synthesis.steps = (*steps[:3], dataclasses.replace(step, run=fault), *steps[4:])
    try:
        frame = renderer.render(Scene().set("truncation.psi", 0.5))
    finally:
        sg2.synthesis.steps = steps
    assert "broken step" in frame.error and frame.picture is good.picture
    again = renderer.render(Scene().set("truncation.psi", 0.5))
    assert again.error is None and np.array_equal(again.picture, fresh(sg2, again.scene))


def test_random_noise_is_the_same_for_the_same_seed_and_moves_with_animation(sg2):
    scene = Scene().set("noise.mode", "random")
    assert np.array_equal(fresh(sg2, scene), fresh(sg2, scene))
    assert not np.array_equal(fresh(sg2, scene), fresh(sg2, scene.set("noise.seed", 1)))
    moving = scene.set("noise.animate", True)
    assert np.array_equal(fresh(sg2, moving.set("time", 1.0)), fresh(sg2, scene.set("noise.seed", 12)))


def test_labels_choose_classes_and_are_bounded():
    G = tiny.stylegan2(c_dim=3)
    pictures = [fresh(G, Scene().set("label.index", i)) for i in (-1, 0, 1, 2)]
    assert len({p.tobytes() for p in pictures}) == 4
    frame = Renderer(models=tiny.Shelf(tiny=G)).render(Scene().set("label.index", 3))
    assert "3 classes, 0 to 2" in frame.error and "found 3" in frame.error


def test_untransform_brings_a_whole_pixel_translation_back(sg3):
    still = fresh(sg3, Scene()).astype(int)
    scene = Scene().set("transform.x", 3 / 16).set("transform.untransform", True)
    moved = fresh(sg3, scene.set("transform.untransform", False)).astype(int)
    back = fresh(sg3, scene).astype(int)
    assert np.abs(back[:, :-3] - moved[:, 3:]).max() <= 1  # the very pixels, moved back by three
    assert np.abs(back[:, :-3] - still[:, :-3]).mean() < np.abs(moved[:, :-3] - still[:, :-3]).mean()


@pytest.mark.parametrize(
    ("name", "lod"), [("sg1_lod", 0.25), ("sg1_lod", 2.0), ("sg1_lod", None), ("sg2tf_configd", 1.5)]
)
def test_a_level_of_detail_restarts_where_it_matters(name, lod):
    from engine import load_model

    G = load_model(Path(__file__).parents[1] / "golden" / f"{name}.pkl")
    renderer, scene = Renderer(models=tiny.Shelf(tiny=G)), Scene().set("growing.lod", 1.0)
    renderer.render(scene)
    frame = renderer.render(scene.set("growing.lod", lod))
    assert 0 < frame.reused < len(frame.steps)
    assert np.array_equal(frame.picture, fresh(G, frame.scene))


def test_a_budget_gives_the_networks_own_coarser_picture_then_the_whole_one(sg2):
    renderer = Renderer(models=tiny.Shelf(tiny=sg2))
    renderer.render(Scene())
    scene = Scene().set("truncation.psi", 0.5)
    preview = renderer.render(scene, budget_ms=1e-6)
    assert preview.preview == (4, 4) and preview.picture.shape == (16, 16, 4)
    ws = sg2.mapping(torch.from_numpy(seed_to_z(0, 16))[None], truncation_psi=0.5)
    state = next(state for step, state in sg2.synthesis.run(Inputs(ws)) if step.name == "b4.torgb")
    assert np.array_equal(preview.picture[::4, ::4], to_rgba8(state.img[0]).numpy())
    whole = renderer.render(scene)
    assert whole.preview is None and whole.reused == 2 and np.array_equal(whole.picture, fresh(sg2, scene))


def test_a_budget_that_suffices_gives_the_whole_picture(sg2):
    renderer = Renderer(models=tiny.Shelf(tiny=sg2))
    assert renderer.render(Scene(), budget_ms=1e-6).preview is None  # nothing is known of its cost yet
    assert renderer.render(Scene().set("latent.seed", 1), budget_ms=1e6).preview is None


def test_networks_without_coarser_pictures_ignore_the_budget(sg3):
    renderer = Renderer(models=tiny.Shelf(tiny=sg3))
    renderer.render(Scene())
    assert renderer.render(Scene().set("latent.seed", 1), budget_ms=1e-6).preview is None


def test_an_interrupted_frame_leaves_the_last_one_and_nothing_stale(sg2):
    renderer = Renderer(models=tiny.Shelf(tiny=sg2))
    first = renderer.render(Scene())
    calls = iter([False, False, False, True])
    scene = Scene().set("latent.seed", 3)
    assert renderer.render(scene, interrupted=lambda: next(calls)) is first
    for wanted in (scene, Scene(), scene.set("noise.strength", 2.0)):
        assert np.array_equal(renderer.render(wanted).picture, fresh(sg2, wanted))


def test_the_discriminator_judges_the_picture_that_is_shown():
    from engine import load_model

    path = str(Path(__file__).parents[1] / "golden" / "sg2ada_skip_cond.pkl")
    scene = Scene().set("model.path", path).set("label.index", 2).set("model.judge", True)
    frame = Renderer().render(scene)
    G, D, c = load_model(path), load_model(path, "D"), torch.eye(5)[2:3]
    img = G(torch.from_numpy(seed_to_z(0, G.z_dim))[None], c)
    assert frame.score == pytest.approx(float(D(img, c)), abs=1e-4)
    assert Renderer().render(scene.set("model.judge", False)).score is None
