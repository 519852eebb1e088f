"""Adaptive discriminator augmentation (Karras et al. 2020b): when it acts, and how strongly."""

import torch
from torch import Tensor

from engine.training.draws import Draws
from engine.training.settings import Settings

INTERVAL = 4  # batches between changes of p


class Augmentation:
    """The pipe in front of D, with its probability p, which follows how far D overfits."""

    def __init__(self, settings: Settings, draws: Draws):
        self.settings, self.draws = settings, draws
        self.p = settings.augment_p
        self.r_t = 0.0

    def __call__(self, img: Tensor) -> Tensor:
        """Augmented pictures [N, C, H, W]; the same pictures while p is 0."""
        return img

    def adapt(self, batches: int, signs: Tensor) -> None:
        """Every fourth batch r_t becomes the mean of `signs` [sum of sign(D(x)), count], which start anew."""
        if batches % INTERVAL:
            return
        self.draws.world.average([signs])
        total, count = signs.tolist()
        self.r_t = total / count if count else 0.0
        signs.zero_()

    def line(self) -> dict:
        """Entries of stats.jsonl."""
        return {"r_t": round(self.r_t, 4)} | ({} if self.settings.augment == "none" else {"p": round(self.p, 5)})

    def state(self) -> dict:
        """What `restore` needs."""
        return {"p": self.p, "r_t": self.r_t}

    def restore(self, state: dict) -> None:
        """Go on where `state` was taken."""
        self.p, self.r_t = state["p"], state["r_t"]
