"""Spectra of data sets against NumPy on the pictures themselves, and what a network's card says of its data."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from engine.inspect import reference
from engine.inspect.average import DataSpectrum
from engine.models import DEFAULT_MODEL
from engine.training.data import TrainingError
from engine.training.datasets.collection import item
from tests.engine.inspect.test_average import by_hand

CARD = """# net
| | |
|---|---|
| data | {data}, mirrored |

```
main.py dataset {kind} --out {data} --n 9 --seed {seed} --res 32
```
"""


def pictures(count: int, size: int = 16) -> list[np.ndarray]:
    return list(np.random.RandomState(2).randint(0, 256, (count, size, size, 3)).astype(np.uint8))


def written(folder, images):
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def test_the_spectrum_of_a_folder_is_that_of_its_pictures(tmp_path):
    images = pictures(5)
    job = DataSpectrum(reference.of_file(written(tmp_path, images)), 16, 99)
    job.run()
    assert (job.seen, job.rate, job.error, job.label) == (5, 16, "", tmp_path.name)
    expected = by_hand([x.astype(float).transpose(2, 0, 1) for x in images])
    assert np.allclose(job.power, expected, rtol=1e-3, atol=1e-6)


def test_a_zip_is_read_as_its_folder_and_resized(tmp_path):
    images = pictures(3, 32)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for i, image in enumerate(images):
            file = io.BytesIO()
            Image.fromarray(image).save(file, "PNG")
            archive.writestr(f"a/{i}.png", file.getvalue())
    job = DataSpectrum(reference.of_file(tmp_path / "set.zip"), 16, 2)
    job.run()
    assert job.seen == 2 and job.power is not None and job.power.shape == (16, 16)


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    job = DataSpectrum(reference.of_file(tmp_path / "empty"), 16, 2)
    job.run()
    assert "found none that can be read" in job.error and job.power is None
    with pytest.raises(TrainingError):
        next(reference.of_file(tmp_path / "nowhere").pictures(16))


def test_the_cards_file_is_taken_if_it_lies_beside_the_network(tmp_path):
    network = tmp_path / "net.safetensors"
    assert reference.of_card(network) is None
    (tmp_path / "net.md").write_text(CARD.format(data="some.zip", kind="faces", seed=0))
    assert reference.of_card(network) is None
    (tmp_path / "some.zip").write_bytes(b"")
    assert reference.of_card(network) == reference.of_file(tmp_path / "some.zip")


def test_data_that_can_be_rendered_again_is(tmp_path):
    (tmp_path / "net.md").write_text(CARD.format(data="planets.zip", kind="planets", seed=40))
    found = reference.of_card(tmp_path / "net.pkl")
    assert found == reference.Reference("planets.zip", None, "planets", 40, 32)
    first, second = (next(shown) for shown in [found.pictures(32)] * 2)
    for seed, picture in ((40, first), (41, second)):
        with Image.open(io.BytesIO(item("planets", 32, 1.0, seed)[0])) as image:
            assert np.array_equal(picture.numpy(), np.asarray(image).transpose(2, 0, 1))


def test_pictures_have_the_pose_of_the_card(tmp_path):
    text = CARD.format(data="planets.zip", kind="planets", seed=40)
    (tmp_path / "net.md").write_text(text.replace("--seed", "--pose 0.2 --seed"))
    found = reference.of_card(tmp_path / "net.pkl")
    assert found == reference.Reference("planets.zip", None, "planets", 40, 32, 0.2)
    with Image.open(io.BytesIO(item("planets", 32, 0.2, 40)[0])) as image:
        assert np.array_equal(next(found.pictures(32)).numpy(), np.asarray(image).transpose(2, 0, 1))
    (tmp_path / "net.md").write_text(text.replace("--seed", "--pose nan --seed"))
    assert reference.of_card(tmp_path / "net.pkl") is None


def test_the_bundled_network_has_data():
    found = reference.of_card(DEFAULT_MODEL)
    assert found is not None and found.kind == "furlings" and found.resolution == 64
