"""Geometric augmentation: flips, turns, scales and shifts as one matrix a picture, resampled without aliasing."""

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.upfirdn import setup_filter, upfirdn2d, upsample2d

if TYPE_CHECKING:
    from engine.training.augment import Dice

SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263748278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip  # orthogonal wavelet low pass (Daubechies 1992)
TAPS = len(SYM6)
EDGE = TAPS // 4  # pixels that the filter needs around a picture


# --- matrices [N, 3, 3] in pixels, origin at the picture's centre ---------------------------------------------------


def translation(x: Tensor, y: Tensor) -> Tensor:
    """Shift by x, y [N]."""
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    return _matrix(one, zero, x, zero, one, y)


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """Scale by x, y [N]."""
    zero = torch.zeros_like(x)
    return _matrix(x, zero, zero, zero, y, zero)


def rotation(angle: Tensor) -> Tensor:
    """[[cos, -sin], [sin, cos]] of `angle` [N] in radians."""
    c, s, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return _matrix(c, -s, zero, s, c, zero)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor) -> Tensor:
    one, zero = torch.ones_like(a), torch.zeros_like(a)
    return torch.stack([a, b, c, d, e, f, zero, zero, one], dim=1).reshape(-1, 3, 3)


def random_inverse(dice: "Dice", p: float, width: int, height: int, blit: bool, geom: bool) -> Tensor:
    """Matrices [N, 3, 3] from output to input pixels; each operation acts with probability `p`."""
    inverse = torch.eye(3, device=dice.uniform().device)
    if blit:
        flip = (dice.uniform() * 2).floor() * dice.gate(p)
        inverse = inverse @ scaling(1 - 2 * flip, torch.ones_like(flip))
        turns = (dice.uniform() * 4).floor() * dice.gate(p)
        inverse = inverse @ rotation(turns * (math.pi / 2))
        shift = (dice.uniform(2) * 2 - 1) * 0.125 * dice.gate(p)[:, None]
        inverse = inverse @ translation(-(shift[:, 0] * width).round(), -(shift[:, 1] * height).round())
    if geom:
        p_rotation = 1 - math.sqrt(max(1 - p, 0))  # so that one of the two rotations acts with probability p
        s = torch.exp2(dice.normal() * 0.2 * dice.gate(p))
        inverse = inverse @ scaling(1 / s, 1 / s)
        inverse = inverse @ rotation((dice.uniform() * 2 - 1) * math.pi * dice.gate(p_rotation))
        s = torch.exp2(dice.normal() * 0.2 * dice.gate(p))
        inverse = inverse @ scaling(1 / s, s)
        inverse = inverse @ rotation((dice.uniform() * 2 - 1) * math.pi * dice.gate(p_rotation))
        shift = dice.normal(2) * 0.125 * dice.gate(p)[:, None]
        inverse = inverse @ translation(-shift[:, 0] * width, -shift[:, 1] * height)
    return inverse


# --- resampling ---------------------------------------------------------------------------------------------------


def warp(img: Tensor, inverse: Tensor) -> Tensor:
    """Pictures [N, C, H, W] seen through `inverse` [N, 3, 3], from output to input pixels; reflected at the edges."""
    N, C, H, W = img.shape
    margin = _margins(inverse, W, H)
    x0, x1, y0, y1 = margin
    img = refined(img, margin)

    def shift(x: float, y: float) -> Tensor:
        return translation(inverse.new_tensor([x]), inverse.new_tensor([y]))

    def scale(x: float, y: float) -> Tensor:
        return scaling(inverse.new_tensor([x]), inverse.new_tensor([y]))

    inverse = shift((x0 - x1) / 2, (y0 - y1) / 2) @ inverse
    inverse = (
        shift(-0.5, -0.5) @ scale(2, 2) @ inverse @ scale(0.5, 0.5) @ shift(0.5, 0.5)
    )  # pixels of twice the rate
    out_w, out_h = 2 * (W + 2 * EDGE), 2 * (H + 2 * EDGE)
    inverse = scale(2 / img.shape[3], 2 / img.shape[2]) @ inverse @ scale(out_w / 2, out_h / 2)  # -1..1
    grid = F.affine_grid(inverse[:, :2].expand(N, 2, 3), [N, C, out_h, out_w], align_corners=False)
    return coarsened(Sampling.apply(img, grid))


def _margins(inverse: Tensor, W: int, H: int) -> tuple[int, int, int, int]:
    """Pixels to add at left, right, top and bottom so that no picture of the batch looks beyond them."""
    x, y = (W - 1) / 2, (H - 1) / 2
    corners = inverse.new_tensor([[-x, -y, 1], [x, -y, 1], [x, y, 1], [-x, y, 1]])
    seen = corners @ inverse.transpose(-1, -2)  # [N, 4, 3]
    far = torch.stack([-seen[..., 0], seen[..., 0], -seen[..., 1], seen[..., 1]]).flatten(1).amax(dim=1)
    limits = inverse.new_tensor([W - 1, W - 1, H - 1, H - 1])
    margin = (far + 2 * EDGE - inverse.new_tensor([x, x, y, y])).clamp(min=0).minimum(limits).ceil()
    left, right, top, bottom = (int(m) for m in margin)
    return left, right, top, bottom


def refined(img: Tensor, margin: tuple[int, int, int, int]) -> Tensor:
    """Pictures [N, C, H, W] with a margin (left, right, top, bottom) of reflections, at twice the rate.

    On a CPU as two products of matrices: there a filter of three channels and its gradients take seven times as long.
    """
    if img.device.type == "cpu":
        x0, x1, y0, y1 = margin
        rows, columns = refining(img.shape[2], y0, y1), refining(img.shape[3], x0, x1)
        return rows.to(img) @ img @ columns.T.to(img)
    return upsample2d(F.pad(img, margin, mode="reflect"), setup_filter(SYM6).to(img.device))


def coarsened(img: Tensor) -> Tensor:
    """Pictures at half the rate through the mirrored filter, without the 2 EDGE samples at each edge."""
    if img.device.type == "cpu":
        return coarsening(img.shape[2]).to(img) @ img @ coarsening(img.shape[3]).T.to(img)
    pad = TAPS // 2 - 1 - 2 * EDGE
    return upfirdn2d(img, setup_filter(SYM6).to(img.device), down=2, padding=(pad, pad, pad, pad), flip=True)


def refining(size: int, before: int, after: int) -> Tensor:
    """Matrix [2 (before + size + after), size] that pads a line by reflection and doubles its rate."""
    lines = F.pad(torch.eye(size)[None], (before, after), mode="reflect")[0]  # [size, L]
    stuffed = torch.stack([lines, torch.zeros_like(lines)], dim=2).flatten(1)  # [size, 2 L]
    stuffed = F.pad(stuffed, (TAPS // 2, TAPS // 2 - 1))
    return F.conv1d(stuffed[:, None], setup_filter(SYM6).flip(0)[None, None] * 2)[:, 0].T


def coarsening(size: int) -> Tensor:
    """Matrix [(size - 4 EDGE) / 2, size] that halves the rate of a line and drops its edges."""
    edge = 2 * EDGE - TAPS // 2 + 1
    lines = torch.eye(size)[:, None, edge : size - edge]
    return F.conv1d(lines, setup_filter(SYM6)[None, None], stride=2)[:, 0].T


class Sampling(torch.autograd.Function):
    """Bilinear sampling with zeros outside, differentiable to any order in the pictures (not in the grid).

    Sampling is linear in the pictures, so its gradient is its transpose, and the gradient of that is sampling again.
    """

    @staticmethod
    def forward(ctx, img: Tensor, grid: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(grid)
        ctx.size = img.shape
        return F.grid_sample(img, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return Spreading.apply(grad, ctx.saved_tensors[0], ctx.size), None


class Spreading(torch.autograd.Function):
    """Transpose of `Sampling`: adds every sample to the pixels that it came from."""

    @staticmethod
    def forward(ctx, samples: Tensor, grid: Tensor, size: torch.Size) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(grid)
        like = samples.new_zeros(size)
        backward = torch.ops.aten.grid_sampler_2d_backward
        return backward(samples.contiguous(), like, grid, 0, 0, False, [True, False])[0]

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return Sampling.apply(grad, ctx.saved_tensors[0]), None, None
