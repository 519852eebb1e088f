"""Convolution fused with up- or downsampling, equal to pad once -> upsample -> convolve -> filter -> decimate."""

import torch.nn.functional as F
from torch import Tensor

from cuda_ops.upfirdn import Padding, taps_of, upfirdn2d


def conv2d_resample(
    x: Tensor, weight: Tensor, f: Tensor | None = None, *,
    up: int = 1, down: int = 1, padding: int = 0, flip: bool = False,
) -> Tensor:  # fmt: skip
    """Convolve `x` [N, I, H, W] with `weight` [O, I, k, k] while resampling through `f`.

    `flip` False correlates, as every ordinary layer does; True convolves with the kernel rotated by 180 degrees,
    as the upsampling layers of StyleGAN2 do. Differentiable to any order.
    """
    k = weight.shape[-1]
    before, after = total_padding(padding, taps_of(f), up, down)
    if up == 1 and down == 1:
        return F.conv2d(x, weight.flip([2, 3]) if flip else weight, padding=padding)
    if up > 1 and k > 1:
        weight = (
            weight if flip else weight.flip([2, 3])
        )  # a transposed convolution already rotates the kernel
        x, before, after = transposed(x, weight, up, before, after)
        x = upfirdn2d(x, f, padding=square(before, after), gain=up**2)
        return x if down == 1 else upfirdn2d(x, f, down=down)
    weight = weight.flip([2, 3]) if flip else weight
    if up > 1:
        x = upfirdn2d(F.conv2d(x, weight), f, up=up, padding=square(before, after), gain=up**2)
        return x if down == 1 else upfirdn2d(x, f, down=down)
    if k == 1:
        return F.conv2d(upfirdn2d(x, f, down=down, padding=square(before, after)), weight)
    return F.conv2d(upfirdn2d(x, f, padding=square(before, after)), weight, stride=down)


def conv2d_enlarged(x: Tensor, weight: Tensor, *, flip: bool = False) -> Tensor:
    """Double the size of `x` [N, I, H, W] by repeating every pixel, then convolve with `weight` [O, I, 3, 3].

    `flip` as above. Both are one transposed convolution with the kernel summed at four offsets, at less than half the
    work (Karras et al. 2018, their fused layers). Differentiable to any order.
    """
    weight = weight if flip else weight.flip([2, 3])
    weight = F.pad(weight, (1, 1, 1, 1))  # [O, I, 5, 5]
    weight = weight[:, :, 1:] + weight[:, :, :-1]
    weight = weight[..., 1:] + weight[..., :-1]  # [O, I, 4, 4]
    return F.conv_transpose2d(x, weight.transpose(0, 1), stride=2, padding=1)


def total_padding(padding: int, T: int, up: int, down: int) -> tuple[int, int]:
    """Padding before and after, on the grid with zeros stuffed in, that keeps the size at H*up/down."""
    before = after = padding
    if up > 1:
        before, after = before + (T + up - 1) // 2, after + (T - up) // 2
    if down > 1:
        before, after = before + (T - down + 1) // 2, after + (T - down) // 2
    return before, after


def transposed(x: Tensor, weight: Tensor, up: int, before: int, after: int) -> tuple[Tensor, int, int]:
    """Transposed convolution with stride `up`; returns the padding that is left for the filter."""
    k = weight.shape[-1]
    before, after = before - (k - 1), after - (k - up)
    crop = max(min(-before, -after), 0)
    x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=up, padding=crop)
    return x, before + crop, after + crop


def square(before: int, after: int) -> Padding:
    return (before, after, before, after)
