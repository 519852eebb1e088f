"""Learning from another generator before D joins."""

import pytest
import torch

from engine.training.files import RunFolder
from engine.training.loop import Trainer
from engine.training.settings import TrainingError, check
from engine.training.teacher import Teacher, imitation_loss
from engine.training.transfer import start_from
from tests.engine.training.tiny import dataset, settings

STUDENT = {"cfg": "stylegan3-t", "channels": (256, 8), "layers": 4, "d_channels": (8, 8), "path_weight": 0, "mixing": 0}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "teacher")
    t = Trainer(settings(kimg=0.016), dataset())
    folder.create(t.settings)
    t.train(folder)
    return folder.path


def pupil(source, **changes):
    t = Trainer(settings(**STUDENT | {"init": str(source), "teach_kimg": 1, "g_lr": 0.01} | changes), dataset())
    start_from(t.players, str(source))
    return t


def test_g_comes_to_show_what_its_teacher_shows_and_d_waits(source):
    t = pupil(source)
    teacher = Teacher(str(source), t.players.G, t.device)
    z, c = torch.randn(64, 8, generator=torch.Generator().manual_seed(0)), torch.zeros(64, 0)
    D = {key: value.clone() for key, value in t.players.D.state_dict().items()}

    @torch.no_grad()
    def distance() -> float:
        return float((t.players.G(z, c) - teacher.show(z, c)).square().mean())

    before = distance()
    for _ in range(80):
        t.step()
    assert distance() < 0.65 * before
    w = [G.mapping(z, c)[:, 0] for G in (teacher.network, t.players.G)]
    assert torch.allclose(*w, atol=1e-6)
    assert all(torch.equal(D[key], value) for key, value in t.players.D.state_dict().items())


def test_d_joins_when_the_lesson_is_over(source):
    t = pupil(source, teach_kimg=0.004)
    before = t.players.D.get_parameter("b8.conv0.weight").clone()
    t.step()
    assert torch.equal(before, t.players.D.get_parameter("b8.conv0.weight"))
    t.step()
    assert not torch.equal(before, t.players.D.get_parameter("b8.conv0.weight"))


def test_a_teacher_who_stays_adds_its_loss_to_that_of_g(source):
    t = pupil(source, teach_kimg=0.004, teach_weight=3.0)
    t.step()
    lone, both = [], []
    for teacher, losses in ((None, lone), (t._teacher(), both)):
        t.draws.generator.manual_seed(3)
        losses.append(t.objectives.generator(4, teacher).item())
    t.meter.read()
    t.draws.generator.manual_seed(3)
    z, c = t.objectives.latents(4)
    img, _ = t.objectives.generate(z, c)
    expected = imitation_loss(img, t._teacher().show(z, c)).item()
    assert both[0] - lone[0] == pytest.approx(3 * expected, rel=1e-4)
    t.step()
    assert t.meter.read().keys() >= {"loss_imitation", "loss_g", "loss_d"}


def test_the_loss_compares_pictures_on_a_pyramid():
    img = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    shown = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    difference, expected = (img - shown).numpy(), 0.0
    for size in (1, 2, 4, 8):
        means = difference.reshape(2, 3, 16 // size, size, 16 // size, size).mean((3, 5))
        expected += (means**2).mean()
    assert imitation_loss(img, shown).item() == pytest.approx(expected)


def test_a_teacher_must_fit(source):
    with pytest.raises(TrainingError, match="found \\(8, 0, 8, 8, "):
        pupil(source, mapping_layers=1).step()
    with pytest.raises(TrainingError, match="expected --init"):
        check(settings(**STUDENT, teach_kimg=1))
    with pytest.raises(TrainingError, match="mixing=0"):
        check(settings(**STUDENT | {"mixing": 0.5}, init="x", teach_kimg=1, teach_weight=1))
