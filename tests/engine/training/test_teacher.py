"""Learning from another generator before D joins."""

import pytest
import torch

from engine import load_model
from engine.networks.discriminator import Discriminator
from engine.training.files import RunFolder
from engine.training.loop import Trainer
from engine.training.settings import TrainingError, check
from engine.training.teacher import Teacher, feature_distance, pixel_distance
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
    for _ in range(120):
        t.step()
    assert distance() < before / 2
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
    t = pupil(source, teach_kimg=0.004, teach_weight=3.0, teach_features=2.0)  # which end with the lessons
    t.step()
    lone, both = [], []
    for teacher, losses in ((None, lone), (t._teacher(), both)):
        t.draws.generator.manual_seed(3)
        losses.append(t.objectives.generator(4, teacher).item())
    t.meter.read()
    t.draws.generator.manual_seed(3)
    z, c = t.objectives.latents(4)
    img, _ = t.objectives.generate(z, c)
    expected = pixel_distance(img, t._teacher().show(z, c)).item()
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
    assert pixel_distance(img, shown).item() == pytest.approx(expected)


def test_features_are_compared_by_direction():
    draws = torch.Generator().manual_seed(0)
    x, y = (torch.randn(2, 3, 4, 4, generator=draws, dtype=torch.float64) for _ in range(2))
    a, b = x.numpy(), y.numpy()
    cosine = (a * b).sum(1) / ((a**2).sum(1) * (b**2).sum(1)) ** 0.5
    assert feature_distance([(x, y), (x, x)]).item() == pytest.approx(2 * (1 - cosine).mean())
    assert feature_distance([(x, 7 * y)]).item() == pytest.approx(feature_distance([(x, y)]).item())


def test_what_d_sees_joins_the_lesson_with_its_weight(source):
    t = pupil(source)
    z, c = torch.randn(4, 8, generator=torch.Generator().manual_seed(0)), torch.zeros(4, 0)
    img = t.players.G(z, c)
    plain, seeing = (Teacher(str(source), t.players.G, t.device, features) for features in (0.0, 2.0))
    shown = plain.show(z, c)
    D = load_model(str(source), "D")
    assert isinstance(D, Discriminator)
    b8 = D.get_submodule("b8")  # the only stage of a D for 8x8
    a, b = b8(None, img)[0], b8(None, shown)[0]
    expected = pixel_distance(img, shown) + 2 * feature_distance([(a, b)])
    assert seeing.compare(img, shown).item() == pytest.approx(expected.item(), rel=1e-5)
    assert plain.compare(img, shown).item() == pixel_distance(img, shown).item()
    assert [tuple(x.shape) for x in D.features(img)] == [tuple(a.shape)]
    learned = []
    for features in (0.0, 2.0):
        t = pupil(source, teach_features=features)
        t.step()
        learned.append(t.players.G.synthesis.get_parameter("input.weight"))
    assert not torch.equal(*learned)


def test_a_teacher_must_fit(source):
    with pytest.raises(TrainingError, match="found \\(8, 0, 8, 8, "):
        pupil(source, mapping_layers=1).step()
    with pytest.raises(TrainingError, match="expected --init"):
        check(settings(**STUDENT, teach_kimg=1))
    with pytest.raises(TrainingError, match="teach_kimg above 0"):
        check(settings(**STUDENT, teach_features=1))
    with pytest.raises(TrainingError, match="mixing=0"):
        check(settings(**STUDENT | {"mixing": 0.5}, init="x", teach_kimg=1, teach_weight=1))
