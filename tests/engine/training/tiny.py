"""Tiny settings and pictures, so that a training run takes a second."""

import torch

from engine.training.data import Dataset
from engine.training.settings import Settings, convert


def settings(**changes: object) -> Settings:
    """An 8x8 StyleGAN2 with batches of 4."""
    small = {
        "data": "none", "resolution": 8, "batch": 4, "channels": (8, 8), "z_dim": 8, "w_dim": 8, "kimg": 0.04,
        "tick_kimg": 0.016, "sheet_kimg": 0.02, "save_kimg": 0.016, "r1_interval": 4, "path_interval": 2,
    }  # fmt: skip
    return convert(small | changes)


def dataset(n: int = 12, resolution: int = 8, classes: int = 0, seed: int = 0) -> Dataset:
    """Random smooth pictures; with `classes`, labels that follow the order."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(n, 3, 2, 2, generator=generator)
    images = torch.nn.functional.interpolate(small, size=resolution, mode="bilinear") * 255
    labels = torch.eye(classes)[torch.arange(n) % classes] if classes else torch.zeros(n, 0)
    return Dataset(images.to(torch.uint8), labels, tuple(f"{i}.png" for i in range(n)))
