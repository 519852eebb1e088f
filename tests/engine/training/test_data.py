"""Training pictures: any size and mode, one policy, broken files listed, labels, and a sampler that can be resumed."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from engine.training.data import Sampler, open_dataset, pictures, prepare
from engine.training.settings import TrainingError


def png(mode="RGB", size=(8, 8), colour=None, **options) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, colour or 0).save(file, options.pop("format", "PNG"), **options)
    return file.getvalue()


def test_wide_pictures_are_cropped_at_their_centre():
    image = Image.new("RGB", (16, 8), (255, 0, 0))
    image.paste((0, 255, 0), (4, 0, 12, 8))
    file = io.BytesIO()
    image.save(file, "PNG")
    out = prepare(file.getvalue(), 8)
    assert out.shape == (3, 8, 8) and (out[1] == 255).all() and (out[0] == 0).all()


@pytest.mark.parametrize(
    ("data", "rgb"),
    [
        (png("L", colour=200), (200, 200, 200)),
        (png("RGBA", colour=(255, 0, 0, 0)), (0, 0, 0)),
        (png("RGBA", colour=(255, 0, 0, 255)), (255, 0, 0)),
        (png("LA", colour=(100, 255)), (100, 100, 100)),
        (png("1", colour=1), (255, 255, 255)),
        (png("I;16", colour=128 * 257), (128, 128, 128)),
        (png("CMYK", colour=(0, 0, 0, 0), format="TIFF"), (255, 255, 255)),
        (png("P", colour=3), None),
    ],
)
def test_every_mode_becomes_rgb(data, rgb):
    out = prepare(data, 8)
    assert out.shape == (3, 8, 8) and out.dtype == np.uint8
    if rgb is not None:
        assert tuple(out[:, 4, 4]) == rgb


def test_pictures_are_turned_upright():
    image = Image.new("RGB", (8, 8))
    image.paste((255, 255, 255), (0, 0, 8, 4))
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 3  # half a turn
    image.save(file, "PNG", exif=exif)
    assert prepare(file.getvalue(), 8)[0, 7, 0] == 255


def test_folder_and_zip_give_the_same_and_list_what_is_broken(tmp_path):
    whole = {
        "a/1.png": png(colour=(9, 0, 0)),
        "b/2.jpg": png(colour=(0, 9, 0), format="JPEG"),
        "3.PNG": png("L", (5, 9)),
    }
    files = whole | {
        "broken.png": b"not a picture",
        "half.png": png(size=(64, 64))[:60],
        "notes.txt": b"text",
    }
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
            path = tmp_path / "folder" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    one, other = open_dataset(tmp_path / "folder", 8), open_dataset(tmp_path / "data.zip", 8)
    assert set(one.names) == set(whole) and one.names == other.names
    assert torch.equal(one.images, other.images)
    assert {name for name, _ in one.broken} == {"broken.png", "half.png"} and all(
        reason for _, reason in one.broken
    )


def test_nothing_to_train_on_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="found none"):
        open_dataset(tmp_path / "empty", 8)
    with pytest.raises(TrainingError, match="folder or a zip"):
        open_dataset(tmp_path / "missing.zip", 8)


def test_labels_from_the_table_or_the_folders(tmp_path):
    for name in ("cat/1.png", "cat/2.png", "dog/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png())
    assert open_dataset(tmp_path, 8, conditional=True).labels.tolist() == [[1, 0], [1, 0], [0, 1]]
    table = {"labels": [["cat/1.png", 2], ["cat/2.png", 0], ["dog/3.png", 2]]}
    (tmp_path / "dataset.json").write_text(json.dumps(table))
    assert open_dataset(tmp_path, 8, conditional=True).labels.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]
    table["labels"].pop()
    (tmp_path / "dataset.json").write_text(json.dumps(table))
    with pytest.raises(TrainingError, match=r"dog/3\.png"):
        open_dataset(tmp_path, 8, conditional=True)
    assert open_dataset(tmp_path, 8).c_dim == 0


def test_a_subset_is_the_same_each_time_and_another_for_another_seed(tmp_path):
    for i in range(20):
        (tmp_path / f"{i:02d}.png").write_bytes(png(colour=(i, 0, 0)))
    chosen = [open_dataset(tmp_path, 8, max_images=6, seed=seed).names for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2] and len(chosen[0]) == 6


def test_sampler_shows_everything_once_a_pass_and_resumes():
    sampler = Sampler(10, mirror=True, seed=3)
    first = torch.cat([sampler.take(5)[0] for _ in range(2)])
    assert sorted(first.tolist()) == list(range(10))
    sampler.take(3)
    state = sampler.state()
    numbers, flips = sampler.take(12)
    other = Sampler(10, mirror=True, seed=99)
    other.restore(state)
    again, flips_again = other.take(12)
    assert torch.equal(numbers, again) and torch.equal(flips, flips_again) and 0 < flips.sum() < 12


def test_mirrored_pictures_are_mirrored(tmp_path):
    image = Image.new("RGB", (8, 8))
    image.paste((255, 255, 255), (0, 0, 4, 8))
    image.save(tmp_path / "1.png")
    data = open_dataset(tmp_path, 8)
    img, _ = pictures(data, torch.tensor([0, 0]), torch.tensor([False, True]))
    assert img[0, 0, 0, 0] == 1 and img[1, 0, 0, 0] == -1 and torch.equal(img[0], img[1].flip(2))
