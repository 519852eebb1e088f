"""What D knows by heart: which pictures count as unseen, and the ratio that says how far it goes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from app.cli import entry
from app.figures.overfitting import density
from engine import load_model
from engine.training.data import open_dataset
from engine.training.files import RunFolder
from engine.training.loop import Trainer
from engine.training.overfitting import Logits, logits
from engine.training.settings import TrainingError
from tests.engine.training.tiny import settings


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("heart")
    (folder / "pictures").mkdir()
    draws = np.random.default_rng(0)
    for i in range(20):
        Image.fromarray(draws.integers(0, 255, (8, 8, 3), np.uint8)).save(folder / "pictures" / f"{i:02}.png")
    chosen = settings(data=str(folder / "pictures"), max_images=8, seed=3, kimg=0.032)
    t = Trainer(chosen, open_dataset(chosen.data, 8, max_images=8, seed=3))
    made = RunFolder(folder / "run")
    made.create(chosen)
    t.train(made)
    return made


def test_unseen_are_the_pictures_that_max_images_left_out(run: RunFolder):
    data = Path(run.settings().data)
    learned = set(open_dataset(data, 8, max_images=8, seed=3).names)
    D, found = load_model(str(run.path), "D"), logits(run.path, 8)
    for values, wanted in ((found.training, True), (found.unseen, False)):
        names = [path for path in sorted(data.iterdir()) if (path.name in learned) == wanted][:8]
        img = torch.stack([torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1) for path in names])
        expected = D(img / 127.5 - 1, torch.zeros(8, 0)).flatten().detach().numpy()
        assert np.allclose(values, expected, atol=1e-4)
    assert len(found.generated) == 8


def test_other_pictures_can_be_named_and_must_be_there(run: RunFolder, tmp_path: Path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    assert len(logits(run.path, 8, unseen=tmp_path).unseen) == 1
    few = RunFolder(tmp_path / "all")
    few.create(settings(data=run.settings().data))
    with pytest.raises(TrainingError, match=r"found none, since it uses all of them.*--unseen"):
        logits(few.path, 8)


def test_r_v_is_the_share_of_the_way_from_learned_to_generated():
    a = np.ones(4)
    assert Logits(a, a, -a).r_v == 0
    assert Logits(a, -a, -a).r_v == 1
    assert Logits(3 * a, 2 * a, -a).r_v == pytest.approx(0.25)


def test_a_density_holds_one_and_lies_where_its_values_are():
    x = np.linspace(-20, 20, 4001)
    values = np.random.default_rng(0).normal(3, 2, 400)
    curve = density(values, x)
    assert np.trapezoid(curve, x) == pytest.approx(1, abs=1e-3)
    assert np.trapezoid(curve * x, x) == pytest.approx(values.mean(), abs=1e-3)


def test_the_figure_is_written_or_the_fault_told(run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "o.png"
    words = ["figure", "overfitting", str(run.path), "--count", "8", "--caption", "mine", "--out", str(out)]
    assert entry.run(words) == 0
    with Image.open(out) as image:
        assert np.asarray(image).std() > 0
    assert entry.run(["figure", "overfitting", str(tmp_path / "absent"), "--out", str(out)]) == 2
    assert "expected a run folder" in capsys.readouterr().err
