"""The plane of W against NumPy's own decomposition, and walks that stay on it."""

import numpy as np
import pytest
import torch

from engine.errors import RenderError
from engine.inspect.wspace import sample_plane
from tests.engine import tiny

G = tiny.stylegan2()


def sampled(count: int) -> np.ndarray:
    z = np.random.RandomState(0).randn(count, G.z_dim).astype(np.float32)
    return G.mapping.map(torch.from_numpy(z)).double().numpy()


def test_the_axes_are_the_principal_components_of_sampled_w():
    plane, w = sample_plane(G, count=600), sampled(600)
    _, s, vt = np.linalg.svd(w - w.mean(0), full_matrices=False)
    assert np.allclose(np.abs((plane.axes * vt[:2]).sum(1)), 1, atol=1e-3)
    assert np.allclose(plane.deviations, s[:2] / np.sqrt(600), rtol=1e-3)
    assert plane.explained == pytest.approx((s[:2] ** 2).sum() / (s**2).sum(), rel=1e-3)
    assert np.allclose(plane.points, plane.project(w), atol=1e-4)
    assert np.allclose(plane.centre, plane.project(G.mapping.w_avg.double().numpy()), atol=1e-4)


def test_a_walk_arrives_and_leaves_what_is_off_the_plane():
    plane, w = sample_plane(G, count=300), sampled(300)[7]
    moved = plane.walked(w, np.array([0.3, -1.2]))
    assert np.allclose(plane.project(moved), [0.3, -1.2], atol=1e-5)
    off = np.eye(G.w_dim) - plane.axes.T @ plane.axes
    assert np.allclose(off @ (moved - w), 0, atol=1e-5)


def test_classes_have_planes_of_their_own():
    conditional = tiny.stylegan2(c_dim=3)
    means = [sample_plane(conditional, label, count=50).mean for label in (-1, 0, 2)]
    assert not np.allclose(means[0], means[1]) and not np.allclose(means[1], means[2])
    with pytest.raises(RenderError, match="3 classes"):
        sample_plane(conditional, 3, count=50)
