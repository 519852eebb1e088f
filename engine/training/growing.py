"""Progressive growing (Karras et al. 2018, 2019): which level of detail, batch and learning rate belong to a moment."""

import math

import torch
from torch import Tensor

from cuda_ops.resize import average2d, repeat2d
from engine.training.settings import Settings

FAST = {
    128: 1.5,
    256: 2.0,
    512: 3.0,
    1024: 3.0,
}  # factors on the learning rate: table in the code of the paper
FULL_BATCH_FROM = 64  # resolution below which batches are larger


def level_of_detail(settings: Settings, images: int) -> float:
    """Doublings that are still missing; the fraction is the share of the coarser picture while the next one fades in.

    Each resolution is trained for `grow_kimg` and then the next fades in over `fade_kimg`, from `grow_from` on.
    """
    if not settings.grow_from:
        return 0.0
    first = _doublings(settings)
    t, phase = images / 1000, settings.grow_kimg + settings.fade_kimg
    i = math.floor(t / phase) if phase > 0 else math.inf
    if first - i <= 0:
        return 0.0
    fading = (
        max(t - i * phase - settings.grow_kimg, 0) / settings.fade_kimg if settings.fade_kimg > 0 else 0.0
    )
    return max(first - i - fading, 0.0)


def seen_by_all(settings: Settings, images: int) -> int:
    """Pictures since the newest layers came, random as they were: since the beginning, or since the last fade began."""
    fade = settings.fade_kimg * 1000
    phase = settings.grow_kimg * 1000 + fade
    if not settings.grow_from or phase <= 0:
        return images
    fades = min(math.floor((images + fade) / phase), _doublings(settings))
    return images if fades < 1 else images - round(fades * phase - fade)


def batch_size(settings: Settings, lod: float) -> int:
    """Pictures in a batch: more of them where they are small, if the settings say so."""
    if not (settings.grow_from and settings.grow_batch):
        return settings.batch
    return settings.batch * max(FULL_BATCH_FROM // _resolution(settings, lod), 1)


def rate_factor(settings: Settings, lod: float) -> float:
    """Factor on the learning rates at the present resolution."""
    return FAST.get(min(_resolution(settings, lod), 1024), 1.0) if settings.grow_from else 1.0


def changes(before: float, now: float) -> bool:
    """Whether layers come or go between two levels of detail; the optimisers start anew then."""
    return math.floor(before) != math.floor(now) or math.ceil(before) != math.ceil(now)


def coarsen(img: Tensor, lod: float) -> Tensor:
    """Pictures [N, C, R, R] as a growing network would show them: blended with half the resolution, then coarse pixels.

    Frequencies that G cannot yet make are hidden from D in the real pictures too.
    """
    if lod == 0:
        return img
    whole, fade = int(lod), lod - int(lod)
    img = average2d(img, 2**whole) if whole else img
    if fade:
        half = repeat2d(average2d(img))
        img = torch.lerp(img, half, fade)
    return repeat2d(img, 2**whole) if whole else img


def _doublings(settings: Settings) -> int:
    """From the first resolution to the last."""
    return round(math.log2(settings.resolution)) - math.floor(math.log2(settings.grow_from))


def _resolution(settings: Settings, lod: float) -> int:
    return settings.resolution >> math.floor(lod)
