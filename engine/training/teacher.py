"""Learning from another generator: before G meets D, it copies what a network with the same latents shows."""

from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu.order import first_order
from engine import load_model
from engine.networks.common import Generator
from engine.networks.discriminator import Discriminator, full
from engine.training.settings import TrainingError

LEVELS = 4  # of the pyramid on which pictures are compared


class Teacher:
    """The generator of run folder or checkpoint `source`, for a `student` with a mapping network like its own.

    Where `features` is not 0, the discriminator of `source` compares pictures too, with that weight. Pixels alone teach
    a student with fewer weights the mean of what it cannot tell apart: smears for eyes. What D sees keeps them eyes.
    """

    def __init__(self, source: str, student: Generator, device: torch.device, features: float = 0.0):
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
        self.features = features
        self.critic: Discriminator | None = None
        if features:
            critic = load_model(source, "D")
            if not isinstance(critic, Discriminator):
                raise TrainingError(
                    f"{Path(source).name}: expected a discriminator of StyleGAN2 for teach_features, found StyleGAN's; "
                    "choose another --init, or teach_features=0."
                )
            self.critic = critic.to(device).eval().requires_grad_(False)

    def hand_over(self, student: Generator) -> None:
        """Give the student its mapping network, so that both mean the same picture by a w."""
        student.mapping.load_state_dict(self.network.mapping.state_dict())

    @torch.no_grad()
    def show(self, z: Tensor, c: Tensor) -> Tensor:
        """Pictures [N, 3, R, R] of z without noise, which belongs to pixels, not to w."""
        return self.network(z, c, noise_mode="none")

    def compare(self, img: Tensor, shown: Tensor) -> Tensor:
        """Distance [] of pictures [N, 3, R, R]: of their pixels, and `features` times that of what D sees."""
        loss = pixel_distance(img, shown)
        if self.critic is None:
            return loss
        with first_order():
            seen = zip(self.critic.features(img), self.critic.features(shown), strict=True)
            return loss + self.features * feature_distance(seen)


def pixel_distance(img: Tensor, shown: Tensor) -> Tensor:
    """Mean square difference [] of pictures [N, C, H, W], summed over a pyramid of means over 1, 2, 4 and 8 pixels."""
    difference = img - shown
    return torch.stack([F.avg_pool2d(difference, 2**level).square().mean() for level in range(LEVELS)]).sum()


def feature_distance(pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean square difference [] of features [N, C, H, W] whose length over C is sqrt(C), summed over pairs.

    The form of Zhang et al. 2018 (LPIPS, section 3), without learned weights.
    """
    return torch.stack([(normalized(x) - normalized(y)).square().mean() for x, y in pairs]).sum()


def normalized(x: Tensor) -> Tensor:
    """Features [N, C, H, W] divided by their root mean square over C."""
    x = full(x)
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
