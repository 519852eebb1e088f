"""Adaptive discriminator augmentation (Karras et al. 2020b): which pipe, when it acts, and how strongly."""

from torch import Tensor

from engine.training import corrupt, tint, warp
from engine.training.draws import Draws
from engine.training.settings import Settings

INTERVAL = 4  # batches between changes of p
PIPES = {
    "blit": ("blit",),
    "geom": ("geom",),
    "color": ("color",),
    "bg": ("blit", "geom"),
    "bgc": ("blit", "geom", "color"),
    "bgcf": ("blit", "geom", "color", "filter"),
    "bgcfn": ("blit", "geom", "color", "filter", "noise"),
    "bgcfnc": ("blit", "geom", "color", "filter", "noise", "cutout"),
}


class Dice:
    """Independent draws for each picture of a batch: which operations act, and how."""

    def __init__(self, draws: Draws, n: int):
        self.draws, self.n = draws, n * draws.world.size

    def gate(self, p: float) -> Tensor:
        """[N] bool, true with probability `p`."""
        return self.uniform() < p

    def uniform(self, *shape: int) -> Tensor:
        """[N, *shape], U(0, 1)"""
        return self.draws.uniform(self.n, *shape)

    def normal(self, *shape: int) -> Tensor:
        """[N, *shape], N(0, 1)"""
        return self.draws.normal(self.n, *shape)


def augment(img: Tensor, kinds: tuple[str, ...], p: float, draws: Draws) -> Tensor:
    """Pictures [N, C, H, W] after operations of the given categories, each acting with probability `p`.

    Differentiable twice with respect to the pictures. Appendix B of the paper, in its order.
    """
    dice = Dice(draws, len(img))
    if "blit" in kinds or "geom" in kinds:
        inverse = warp.random_inverse(dice, p, img.shape[3], img.shape[2], "blit" in kinds, "geom" in kinds)
        img = warp.warp(img, inverse)
    if "color" in kinds:
        img = tint.apply(img, *tint.random_colour(dice, p, img.shape[1]))
    if "filter" in kinds:
        img = corrupt.filter_bands(img, corrupt.random_gains(dice, p))
    if "noise" in kinds:
        img = corrupt.add_noise(img, dice, p)
    if "cutout" in kinds:
        img = corrupt.cut_out(img, dice, p)
    return img


class Augmentation:
    """The pipe in front of D, with its probability p, which follows how far D overfits."""

    def __init__(self, settings: Settings, draws: Draws):
        self.settings, self.draws = settings, draws
        self.kinds = PIPES[settings.augment_pipe]
        self.p = 0.0 if settings.augment == "none" else settings.augment_p
        self.r_t = 0.0

    def __call__(self, img: Tensor) -> Tensor:
        """Augmented pictures [N, C, H, W]."""
        return img if self.settings.augment == "none" else augment(img, self.kinds, self.p, self.draws)

    def adapt(self, batches: int, signs: Tensor) -> None:
        """Every fourth batch r_t becomes the mean of `signs` [sum of sign(D(x)), count], which start anew; p follows.

        p rises while r_t is above its target, and could go from 0 to 1 within ada_kimg: section 3.1.
        """
        if batches % INTERVAL:
            return
        self.draws.world.average([signs])
        total, count = signs.tolist()
        self.r_t = total / count if count else 0.0
        signs.zero_()
        if self.settings.augment == "ada":
            step = self.settings.batch * INTERVAL / (self.settings.ada_kimg * 1000)
            direction = (self.r_t > self.settings.ada_target) - (self.r_t < self.settings.ada_target)
            self.p = max(0.0, self.p + direction * step)

    def line(self) -> dict:
        """Entries of stats.jsonl."""
        return {"r_t": round(self.r_t, 4)} | (
            {} if self.settings.augment == "none" else {"p": round(self.p, 5)}
        )

    def state(self) -> dict:
        """What `restore` needs."""
        return {"p": self.p, "r_t": self.r_t}

    def restore(self, state: dict) -> None:
        """Go on where `state` was taken."""
        self.p, self.r_t = state["p"], state["r_t"]
