"""What a lab hears is what the engine made; what it says is done in the window as if by hand."""

import threading
from pathlib import Path

import numpy as np
import pytest

from app.lab.protocol import Act, Array, Network, Rejected, Set, Subscribe, Update, Want
from engine import parameters
from engine.renderer import Renderer
from engine.scene import Scene
from tests.app.lab.labstage import LabStage, listened
from tests.engine import tiny


@pytest.fixture
def stage(tmp_path):
    with LabStage(tmp_path) as stage:
        yield stage


def elsewhere(stage) -> Renderer:
    """Another renderer with the same network."""
    return Renderer(models=tiny.Shelf(tiny=stage.G))


def test_the_network_is_described_as_it_is_built(stage):
    network, update = listened(stage, stage.client(Subscribe()))
    steps = stage.G.synthesis.steps
    assert [s.name for s in network.steps] == [s.name for s in steps]
    assert [(s.shape, s.ws, s.noise) for s in network.steps] == [(s.shape, s.ws, s.noise is not None) for s in steps]
    assert [s.name for s in network.steps if s.paints] == ["b4.torgb", "b8.torgb", "b16.torgb"]
    assert (len(network.steps) - 1, len(network.steps)) in network.wires  # the last toRGB makes the picture
    assert network.num_ws == stage.G.num_ws and network.family == "stylegan2"
    assert len(update.steps) == len(steps)


def test_the_first_update_has_every_parameter_and_the_next_what_changed(stage):
    client = stage.client(Subscribe(rate=60))
    _, update = listened(stage, client)
    assert set(update.values) == {p.path for p in parameters.parameters()}
    stage.app.edit(stage.scene.set("truncation.psi", 0.5))
    assert stage.hear(client, Update, lambda m: m.values).values == {"truncation.psi": 0.5}


def test_statistics_are_those_of_the_activations(stage):
    stage.app.edit(stage.scene.set("latent.seed", 7).set("latent.walk", 0.0))
    client = stage.client(Subscribe(rate=60))
    network = stage.hear(client, Network)
    stage.happens(lambda: stage.app.shown.scene == stage.scene and stage.engine_double.idle)
    stage.run_frames(2)
    update = stage.hear(client, Update, lambda m: m.serial == stage.app.shown.serial)
    for step, stat in zip(network.steps, update.steps):
        x = elsewhere(stage).activation(stage.scene, step.name).numpy().astype(np.float64)
        assert stat.mean == pytest.approx(x.mean(), rel=1e-4, abs=1e-5), step.name
        assert stat.std == pytest.approx(x.std(), rel=1e-4), step.name
        assert (stat.low, stat.high) == (np.float32(x.min()), np.float32(x.max()))
        assert (stat.nan, stat.inf) == (0, 0)


def test_arrays_are_the_activations_and_the_picture(stage):
    stage.app.edit(stage.scene.set("latent.seed", 5))
    stage.happens(lambda: stage.app.shown.scene == stage.scene and stage.engine_double.idle)
    client = stage.client(Subscribe(arrays=(Want(0, "b8.conv1", 60.0), Want(3, "", 60.0))))
    found = {}
    for _ in range(2):
        array = stage.hear(client, Array)
        found[array.step] = array, client.take(array)
    array, x = found["b8.conv1"]
    assert (array.slot, array.shape, array.rate) == (0, (16, 8, 8), 8.0)
    assert np.array_equal(x, elsewhere(stage).activation(stage.scene, "b8.conv1").numpy())
    picture = found[""][1].transpose(1, 2, 0)
    shown = elsewhere(stage).render(stage.scene).picture[..., :3]
    assert abs(np.clip(picture * 127.5 + 128, 0, 255) - shown).max() <= 1.0


def test_a_slot_is_written_again_when_it_was_read_and_something_changed(stage):
    client = stage.client(Subscribe(arrays=(Want(0, "b4.conv1", 60.0),)))
    first = stage.hear(client, Array)
    stage.app.edit(stage.scene.set("latent.seed", 11))
    stage.happens(lambda: stage.app.shown.scene == stage.scene and stage.engine_double.idle)
    stage.run_frames(20)
    before = client.take(first)  # the window did not touch it meanwhile
    assert np.array_equal(before, elsewhere(stage).activation(stage.scene.set("latent.seed", 0), "b4.conv1").numpy())
    second = stage.hear(client, Array)
    assert second.serial > first.serial
    assert np.array_equal(client.take(second), elsewhere(stage).activation(stage.scene, "b4.conv1").numpy())


def test_a_slot_grows_with_what_is_wanted_in_it(stage):
    client = stage.client(Subscribe(arrays=(Want(0, "b4.torgb", 60.0),)))
    assert client.take(stage.hear(client, Array)).shape == (3, 4, 4)
    client.send(Subscribe(arrays=(Want(0, "b16.conv1", 60.0),)))
    x = client.take(stage.hear(client, Array, lambda m: m.step == "b16.conv1"))
    assert np.array_equal(x, elsewhere(stage).activation(stage.scene, "b16.conv1").numpy())


def test_a_drag_from_the_lab_is_one_undo_entry(stage):
    client = stage.client(Subscribe(rate=60))
    for psi in (0.9, 0.7, 0.5, 0.3):
        client.send(Set("truncation.psi", psi, last=psi == 0.3))
        stage.happens(lambda psi=psi: stage.scene.truncation.psi == psi)
    stage.run_frames(5)
    assert not stage.app.history.in_gesture
    stage.app.undo()
    assert stage.scene.truncation.psi == 1.0 and not stage.app.history.can_undo


def test_a_lab_that_dies_within_a_drag_leaves_a_whole_entry(stage):
    client = stage.client()
    client.send(Set("truncation.psi", 0.4, last=False))
    stage.happens(lambda: stage.scene.truncation.psi == 0.4)
    assert stage.app.history.in_gesture
    client.close()
    stage.happens(lambda: not stage.app.history.in_gesture)
    stage.app.undo()
    assert stage.scene == Scene()


def test_a_lab_can_undo_redo_and_pause(stage):
    client = stage.client()
    client.send(Set("latent.seed", 9))
    stage.happens(lambda: stage.scene.latent.seed == 9)
    client.send(Act("undo"))
    stage.happens(lambda: stage.scene.latent.seed == 0)
    client.send(Act("redo"))
    stage.happens(lambda: stage.scene.latent.seed == 9)
    client.send(Act("play"))
    stage.happens(lambda: not stage.app.playing)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Set("truncation.psi", 7), "truncation.psi: expected a number from -1 to 2, found 7."),
        (Set("truncation.psi", float("nan")), "truncation.psi: expected a finite number, found nan."),
        (Set("no.such", 1), "no.such: no such parameter."),
        (Set("latent.vector", [1.0, "a"]), "latent.vector.1: expected"),
        (Act("quit"), "quit: expected one of undo, redo, play."),
    ],
)
def test_what_cannot_be_is_answered_with_a_sentence(stage, message, words):
    client = stage.client()
    client.send(message)
    rejected = stage.hear(client, Rejected)
    assert rejected.reason.startswith(words)
    assert stage.scene == Scene() and not stage.app.closing and not stage.app.history.can_undo


def test_structured_parameters_can_be_set(stage):
    client = stage.client()
    client.send(Set("mixing.sources", [{"seed": 4, "layers": [1, 2]}]))
    stage.happens(lambda: stage.scene.mixing.sources)
    assert stage.scene.mixing.sources[0].layers == (1, 2)


def test_the_chosen_step_is_the_same_everywhere(stage):
    client, other = stage.client(Subscribe(rate=60)), stage.client(Subscribe(rate=60))
    listened(stage, client)
    listened(stage, other)
    client.send(Set("view.step", "b8.conv0"))
    stage.happens(lambda: stage.app.shown.looked is not None)
    assert stage.app.shown.looked.shown.step == "b8.conv0"
    assert stage.hear(other, Update, lambda m: m.values).values == {"view.step": "b8.conv0"}
    stage.app.edit(stage.scene.set("view.step", "b4.conv1"))
    for one in (client, other):
        stage.hear(one, Update, lambda m: m.values == {"view.step": "b4.conv1"})


def test_an_error_of_the_frame_is_told(stage):
    client = stage.client(Subscribe(rate=60))
    listened(stage, client)
    stage.app.edit(stage.scene.set("model.path", "gone"))
    assert stage.hear(client, Update, lambda m: m.error).error


def test_the_client_of_the_manual_works(stage, monkeypatch, capsys):
    manual = (Path(__file__).resolve().parents[3] / "docs" / "lab.md").read_text(encoding="utf-8")
    code = manual.split("```python\n")[1].split("```")[0]
    monkeypatch.setattr("app.live.session.default_folder", lambda: stage.folder)
    thread = threading.Thread(target=exec, args=(compile(code, "lab.md", "exec"), {}))
    thread.start()

    def ended() -> bool:
        stage.app.edit(stage.scene.set("latent.x", stage.scene.latent.x + 0.01))
        return not thread.is_alive()

    stage.happens(ended)
    said = capsys.readouterr().out
    assert "b16.conv1 " in said and "{'latent.x': " in said
    assert stage.scene.truncation.psi == 0.5
    assert len(code.strip().splitlines()) <= 20
