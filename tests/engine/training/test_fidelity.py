"""FID, KID, precision and recall against their definitions, and the network that the features come from."""

import math
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from engine.errors import CheckpointError
from engine.training import fidelity, measure
from engine.training.inception import Inception, convolutions, open_inception, tensors_of_file
from engine.training.settings import TrainingError
from tests.engine.test_goldens import GOLDEN
from tests.engine.training.random_inception import random_pictures, random_state
from tests.engine.training.tiny import dataset


def points(n: int, d: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.double) @ torch.randn(d, d, generator=generator).double()


# --- distances ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "m", "d"), [(60, 50, 5), (7, 9, 20)])
def test_frechet_distance_is_that_of_its_covariances(n, m, d):
    a, b = points(n, d, 1), points(m, d, 2) + 0.5
    s, t = np.cov(a.T), np.cov(b.T)
    root = np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).sum().real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * root
    assert fidelity.frechet_distance(a.float(), b.float()) == pytest.approx(float(expected), rel=1e-5)


def test_frechet_distance_of_known_gaussians():
    corners = torch.tensor([[x, y] for x in (-1.0, 1.0) for y in (-1.0, 1.0)]).repeat(50, 1)
    other = corners * torch.tensor([3.0, 0.5]) + torch.tensor([2.0, -1.0])
    exact = 4 + 1 + (3 - 1) ** 2 * 200 / 199 + (1 - 0.5) ** 2 * 200 / 199  # axes of one direction: roots subtract
    assert fidelity.frechet_distance(corners, other) == pytest.approx(exact, rel=1e-6)
    assert abs(fidelity.frechet_distance(corners, corners)) < 1e-9


def test_kernel_distance_is_the_unbiased_estimate():
    a, b = points(12, 4, 1), points(12, 4, 2) + 0.3

    def k(x, y):
        return (sum(float(p * q) for p, q in zip(x, y)) / 4 + 1) ** 3

    n = range(12)
    same = [sum(k(s[i], s[j]) for i in n for j in n if i != j) / (12 * 11) for s in (a, b)]
    across = sum(k(a[i], b[j]) for i in n for j in n) / 144
    assert fidelity.kernel_distance(a, b) == pytest.approx(sum(same) - 2 * across, rel=1e-6)


def test_kernel_distance_takes_subsets_and_has_no_bias(monkeypatch):
    monkeypatch.setattr(fidelity, "SUBSET_SIZE", 20)
    generator = torch.Generator().manual_seed(3)
    same = [torch.randn(2000, 3, generator=generator) for _ in range(2)]
    found = [fidelity.kernel_distance(*same, seed=seed) for seed in range(10)]
    assert min(found) < 0 < max(found) and abs(np.mean(found)) < 0.05  # the biased estimate is above 0.3
    assert fidelity.kernel_distance(same[0], same[1] + 1) > 1


def test_precision_and_recall_by_brute_force(monkeypatch):
    monkeypatch.setattr(fidelity, "ROWS", 7)
    a, b = points(25, 3, 1), points(30, 3, 2) * 0.7 + 0.5

    def share(these, those):
        covered = 0
        for x in these:
            for i, y in enumerate(those):
                radius = sorted(math.dist(y, z) for j, z in enumerate(those) if j != i)[2]
                if math.dist(x, y) <= radius:
                    covered += 1
                    break
        return covered / len(these)

    assert fidelity.precision_recall(a, b) == (share(b, a), share(a, b))
    assert 0 < share(b, a) < 1 and 0 < share(a, b) < 1


def test_fakes_of_one_kind_are_precise_and_recall_little():
    real = torch.cat([torch.randn(100, 2), torch.randn(100, 2) + 100])
    assert fidelity.precision_recall(real, real[:100] + 0.01) == pytest.approx((1, 0.5), abs=0.06)


# --- the network --------------------------------------------------------------------------------------------------


def test_the_network_has_the_published_size():
    shapes = convolutions()
    assert len(shapes) == 94
    weights = sum(math.prod(shape) + 2 * shape[0] for shape in shapes.values())
    assert weights + 1000 * 2048 + 1000 == 23_834_568  # of the published network without its auxiliary classifier


@pytest.mark.parametrize("of_2015", [True, False])
def test_features_are_those_of_another_implementation(of_2015):
    golden = np.load(GOLDEN / "inception.npz")["of_2015" if of_2015 else "torchvision"]
    features = Inception(random_state(), of_2015)(random_pictures())
    assert features.shape == (2, 2048) and np.allclose(features, golden, atol=1e-4)
    assert np.abs(golden[0] - golden[1]).max() > 0.05


def test_normalisation_is_folded_into_the_convolution():
    state, name = random_state(), "Conv2d_3b_1x1"
    x = torch.randn(1, 64, 3, 3)
    mean, var, gain, bias = (
        state[f"{name}.bn.{part}"][None, :, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    plain = (state[f"{name}.conv.weight"][:, :, 0, 0] @ x.reshape(64, 9)).reshape(1, 80, 3, 3)
    expected = ((plain - mean) / (var + 0.001) ** 0.5 * gain + bias).clamp(min=0)
    assert torch.allclose(Inception(state)._chain(x, "Conv2d_", "3b_1x1"), expected, atol=1e-4)


def test_averages_of_the_fid_network_leave_the_padding_out():
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    state = random_state()
    assert Inception(state, True).average(x)[0, 0, 0, 0] == (0 + 1 + 3 + 4) / 4
    assert Inception(state, False).average(x)[0, 0, 0, 0] == pytest.approx((0 + 1 + 3 + 4) / 9)


# --- its file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "classes"), [("zip", 1008), ("old", 1008), ("safetensors", 1000)])
def test_the_file_may_come_in_any_form(tmp_path, form, classes):
    path = tmp_path / ("net.safetensors" if form == "safetensors" else "net.pth")
    state = random_state(classes)
    if form == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    network = open_inception(path)
    assert network.of_2015 == (classes == 1008)
    name = "Mixed_7c.branch_pool"
    assert all(torch.equal(x, y) for x, y in zip(network.kernels[name], Inception(state).kernels[name]))


class Harm:
    def __reduce__(self):
        return (print, ("harm was done",))


def test_other_files_are_refused_in_a_sentence(tmp_path, capsys):
    path = tmp_path / "net.pth"
    shapes = tensors_of_file() | {"fc.bias": (8,)}
    state = {key: torch.zeros(shape, dtype=torch.uint8) for key, shape in shapes.items()}
    torch.save(state, path)
    said = [refused(path)]
    assert "expected 1008 or 1000 classes, found 8" in said[0]
    for key in ("Mixed_6c.branch1x1.conv.weight", "fc.bias"):
        torch.save({k: v for k, v in state.items() if k != key}, path)
        said.append(refused(path))
        assert f"expected the tensor {key}, found" in said[-1]
    torch.save(state | {"Conv2d_4a_3x3.bn.bias": torch.zeros(5)}, path)
    said.append(refused(path))
    assert "Conv2d_4a_3x3.bn.bias of shape [192], found [5]" in said[-1]
    torch.save([1], path)
    said.append(refused(path))
    path.write_bytes(b"<html>not found</html>")
    said.append(refused(path))
    assert "web page" in said[-1]
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("inception/data.pkl", "inception/constants.pkl", "inception/code/__torch__.py"):
            archive.writestr(name, b"")
    said.append(refused(path))
    assert "TorchScript" in said[-1]
    assert all("pt_inception-2015-12-05-6726825d.pth" in words for words in said)
    torch.save({"x": Harm()}, path)
    assert "nothing in it was run" in refused(path) and "harm" not in capsys.readouterr().out


def refused(path) -> str:
    with pytest.raises(CheckpointError, match=r"^net.pth: expected [^\n]*, found [^\n]*; [^\n]*$") as caught:
        open_inception(path)
    return str(caught.value)


# --- both ---------------------------------------------------------------------------------------------------------


class Means:
    """In place of Inception: eight averages of a picture."""

    described = "eight averages"

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        return F.adaptive_avg_pool2d(img.float() / 255, (2, 4)).mean(dim=1).flatten(1)


def test_pictures_of_the_data_come_closest():
    seen = []
    real, same, other = (dataset(60, seed=seed).images for seed in (1, 2, 1))
    near = measure.fidelities(Means(), real, same, lambda done, total: seen.append((done, total)))
    far = measure.fidelities(Means(), real, other // 4, lambda done, total: None)
    assert near["FID"] < far["FID"] / 5 and near["KID x 1000"] < far["KID x 1000"] / 5
    assert near["precision"] > 0.8 > far["precision"] and seen[-1] == (120, 120) and seen[0] == (32, 120)


def test_what_makes_numbers_incomparable_is_said():
    few, many = measure.remark(Means(), 2000), measure.remark(Means(), 2100)
    assert "too high" in few and "2,000 pictures" in few and "too high" not in many and "VGG-16" in many


def test_too_few_pictures_and_other_data_are_refused():
    from tests.engine.training.test_loop import trainer

    G = trainer().players.G_ema
    with pytest.raises(TrainingError, match="at least 10 pictures to compare, found 6"):
        measure.measure(G, dataset(6), 100, inception=Means())
    grey = SimpleNamespace(img_channels=1)
    with pytest.raises(TrainingError, match="colour pictures, found 1"):
        measure.measure(grey, dataset(12), 100)
    with pytest.raises(TrainingError, match="expected pictures of 8x8 with 0 classes, found 16x16 with 3"):
        measure.measure(G, dataset(12, 16, 3), 100)
