"""The plane of W that a network's latents spread over most: principal components of sampled w."""

from dataclasses import dataclass

import numpy as np
import torch

from engine.inspect.pca import axes
from engine.latents import labels
from engine.networks.common import Generator

SAMPLES, BATCH = 2000, 250


@dataclass(frozen=True, eq=False)
class Plane:
    """Two principal axes of W. `points` [n, 2] are the samples and `centre` [2] is w_avg, both about `mean` [w_dim].

    `deviations` [2] are the standard deviations along `axes` [2, w_dim]; `explained` is their share of all variance.
    """

    mean: np.ndarray
    axes: np.ndarray
    deviations: np.ndarray
    explained: float
    points: np.ndarray
    centre: np.ndarray

    def project(self, w: np.ndarray) -> np.ndarray:
        """Where w [..., w_dim] lies on the plane: [..., 2]."""
        return (w - self.mean) @ self.axes.T

    def walked(self, w: np.ndarray, to: np.ndarray) -> np.ndarray:
        """w [w_dim] moved along the plane until it lies at `to` [2]; what is off the plane stays."""
        return w + (to - self.project(w)) @ self.axes


@torch.inference_mode()
def sample_plane(G: Generator, label: int = -1, count: int = SAMPLES, seed: int = 0) -> Plane:
    """The plane of `count` latents drawn from `seed`, mapped under one class (-1 for none)."""
    device = G.mapping.w_avg.device
    z = torch.from_numpy(np.random.RandomState(seed).randn(count, G.z_dim).astype(np.float32))
    parts = [
        G.mapping.map(part.to(device), labels([label] * len(part), G.c_dim, device)).cpu() for part in z.split(BATCH)
    ]
    w = torch.cat(parts)  # [n, w_dim]
    mean, found, variances = (t.double().numpy() for t in axes(w, 2))
    total = float(w.double().var(dim=0, correction=0).sum())
    points = (w.double().numpy() - mean) @ found.T
    centre = (G.mapping.w_avg.cpu().double().numpy() - mean) @ found.T
    return Plane(mean, found, np.sqrt(variances), float(variances.sum()) / max(total, 1e-30), points, centre)
