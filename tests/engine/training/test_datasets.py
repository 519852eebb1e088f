"""The two renderers: seeded, labelled truthfully, and complete as a zip."""

import json
import zipfile

import numpy as np
import pytest

from engine.training.data import open_dataset
from engine.training.datasets import collection, furlings, planets
from engine.training.datasets.noise import fractal, lattice, smooth_noise, value_noise
from engine.training.settings import TrainingError


def test_a_seed_is_one_picture():
    for render in (furlings.render, planets.render):
        one, again, other = render(5)[0], render(5)[0], render(6)[0]
        assert np.array_equal(one, again) and np.abs(one - other).mean() > 0.02
        assert one.shape == (256, 256, 3) and one.min() >= 0 and one.max() <= 1


def test_noise_meets_its_lattice_and_stays_in_bounds():
    for noise in (value_noise, smooth_noise):
        assert noise(3.0, -2.0, 7.0, 9) == pytest.approx(lattice(3, -2, 7, 9))
        middle = (lattice(3, -2, 7, 9) + lattice(4, -2, 7, 9)) / 2
        assert noise(3.5, -2.0, 7.0, 9) == pytest.approx(middle)
    values = [fractal(x * 0.37, x * 0.11, 0.5, 1, 4) for x in range(200)]
    assert 0 <= min(values) < 0.4 and 0.6 < max(values) <= 1


def test_a_planet_is_where_and_as_large_as_its_attributes_say():
    for seed in range(40):
        img, facts, label = planets.render(seed)
        assert planets.LABELS[label] == facts["kind"]
        if facts["kind"] == "desert" and not facts["ring"]:
            break
    y, x = np.mgrid[0:256, 0:256] / 256
    inside = np.hypot(x - facts["x"], y - facts["y"]) < facts["radius"] * 0.95
    ring = np.hypot(x - facts["x"], y - facts["y"])
    outside = (ring > facts["radius"] * 1.3) & (ring < facts["radius"] * 1.6)
    assert img[inside].mean() > 2 * img[outside].mean()
    left, right = img[inside & (x < facts["x"])].mean(), img[inside & (x > facts["x"])].mean()
    assert (right > left) == (facts["light_deg"] > 0)


def test_the_head_turns_by_its_attribute_and_pose_narrows_it():
    turned = [furlings.render(seed)[1]["yaw"] for seed in range(12)]
    narrowed = [furlings.render(seed, pose=0.5)[1]["yaw"] for seed in range(12)]
    assert narrowed == pytest.approx([yaw / 2 for yaw in turned]) and max(map(abs, turned)) > 15
    assert furlings.render(3, pose=0)[1]["roll"] == 0


def test_pose_narrows_where_and_how_large_a_planet_is():
    free, half, still = ([planets.render(seed, pose)[1] for seed in range(12)] for pose in (1, 0.5, 0))
    for name, middle in (("x", 0.5), ("y", 0.5)):
        assert [facts[name] - middle for facts in half] == pytest.approx(
            [(facts[name] - middle) / 2 for facts in free]
        )
        assert max(abs(facts[name] - middle) for facts in free) > 0.05
    assert {facts["radius"] for facts in still} == {0.3, 0.225}  # without a ring, with one
    assert [facts["light_deg"] for facts in still] == [facts["light_deg"] for facts in free]


def test_fur_is_fine_and_a_planet_is_smooth():
    def roughness(img):
        return np.abs(np.diff(img, axis=0)).mean() / img.std()

    fur = np.mean([roughness(furlings.render(seed)[0]) for seed in range(4)])
    globe = np.mean([roughness(planets.render(seed)[0]) for seed in range(4)])
    assert fur > 1.5 * globe


def test_a_zip_has_pictures_labels_and_attributes(tmp_path):
    path, done = tmp_path / "planets.zip", []
    collection.write_collection("planets", path, 6, resolution=32, seed=40, progress=done.append)
    data = open_dataset(path, 32, conditional=True)
    with zipfile.ZipFile(path) as archive:
        attributes = json.loads(archive.read("attributes.json"))
        classes = json.loads(archive.read("dataset.json"))["classes"]
    assert len(data) == 6 and done == [1, 2, 3, 4, 5, 6] and data.broken == ()
    for i, name in enumerate(data.names):
        facts = attributes[name]
        assert facts["seed"] == 40 + i and classes[int(data.labels[i].argmax())] == facts["kind"]
        img = planets.render(40 + i)[0].reshape(32, 8, 32, 8, 3).mean((1, 3))
        assert np.abs(data.images[i].numpy().transpose(1, 2, 0) / 255 - img).max() < 0.004


def test_a_sheet_shows_what_the_zip_would_hold():
    grid = collection.sheet("furlings", 2, 1, 64, seed=7)
    assert grid.shape == (64, 128, 3)
    assert np.array_equal(grid[:, 64:], collection.shrink(furlings.render(8)[0], 64))


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="furlings or planets"):
        collection.write_collection("horses", tmp_path / "x.zip", 1)
    with pytest.raises(TrainingError, match="--res"):
        collection.write_collection("planets", tmp_path / "x.zip", 1, resolution=100)
    assert not list(tmp_path.iterdir())
