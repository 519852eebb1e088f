"""Learning from another generator: before G meets D, it copies what a network with the same latents shows."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from engine import load_model
from engine.networks.common import Generator
from engine.training.settings import TrainingError

LEVELS = 4  # of the pyramid on which pictures are compared


class Teacher:
    """The generator of run folder or checkpoint `source`, for a `student` with a mapping network like its own."""

    def __init__(self, source: str, student: Generator, device: torch.device):
        network = load_model(source)
        theirs, own = (
            (G.z_dim, G.c_dim, G.w_dim, G.img_resolution, [tuple(p.shape) for p in G.mapping.parameters()])
            for G in (network, student)
        )
        if theirs != own:
            raise TrainingError(
                f"{Path(source).name}: expected a teacher with the z, c, w, resolution and mapping network of its "
                f"student, {own}, found {theirs}; choose --res, z_dim, w_dim and mapping_layers alike, or teach_kimg=0."
            )
        self.network: Generator = network.to(device).eval().requires_grad_(False)

    def hand_over(self, student: Generator) -> None:
        """Give the student its mapping network, so that both mean the same picture by a w."""
        student.mapping.load_state_dict(self.network.mapping.state_dict())

    @torch.no_grad()
    def show(self, z: Tensor, c: Tensor) -> Tensor:
        """Pictures [N, 3, R, R] of z without noise, which belongs to pixels, not to w."""
        return self.network(z, c, noise_mode="none")


def imitation_loss(img: Tensor, shown: Tensor) -> Tensor:
    """Mean square difference [] of pictures [N, C, H, W], summed over a pyramid of means over 1, 2, 4 and 8 pixels."""
    difference = img - shown
    return torch.stack([F.avg_pool2d(difference, 2**level).square().mean() for level in range(LEVELS)]).sum()
