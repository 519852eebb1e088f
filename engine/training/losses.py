"""The terms of the loss, one paper formula each; sigma+ is softplus, D gives logits [N, 1]."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake: Tensor) -> Tensor:
    """Non-saturating loss of G: mean of sigma+(-D(G(z))). Goodfellow et al. 2014."""
    return F.softplus(-fake).mean()


def fake_loss(fake: Tensor) -> Tensor:
    """D's loss on generated pictures: mean of sigma+(D(G(z)))."""
    return F.softplus(fake).mean()


def real_loss(real: Tensor) -> Tensor:
    """D's loss on real pictures: mean of sigma+(-D(x))."""
    return F.softplus(-real).mean()


def r1_penalty(real: Tensor, img: Tensor) -> Tensor:
    """Squared length [N] of the gradient of D at real pictures: R1 of Mescheder et al. 2018, without gamma/2.

    `real` are logits of `img` [N, C, H, W], which must require a gradient.
    """
    (gradient,) = torch.autograd.grad(real.sum(), img, create_graph=True)
    return gradient.square().sum(dim=[1, 2, 3])


def path_lengths(img: Tensor, ws: Tensor, y: Tensor) -> Tensor:
    """Lengths [N] of J^T y for random pictures `y`: Karras et al. 2020a, equation 4, appendix B.

    `img` [N, C, H, W] are pictures of `ws` [N, num_ws, w_dim]; y is N(0, 1) and is scaled by 1/sqrt(H W) here.
    """
    H, W = img.shape[2:]
    (gradient,) = torch.autograd.grad((img * (y / math.sqrt(H * W))).sum(), ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def path_penalty(lengths: Tensor, mean: Tensor, decay: float = 0.01) -> tuple[Tensor, Tensor]:
    """Mean of (length - a)^2 and the new running mean a, detached. The penalty uses the new a, with its gradient."""
    a = mean.lerp(lengths.mean(), decay)
    return (lengths - a).square().mean(), a.detach()
