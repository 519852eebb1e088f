"""Pictures for a screen: floats in -1..1 become bytes."""

import torch
from torch import Tensor

from cuda_ops.cpu.choice import route


def to_rgba8(img: Tensor) -> Tensor:
    """[C, H, W] float in -1..1 -> [H, W, 4] uint8; one channel is shown grey, of many the first three.

    Bytes are clamp(127.5 x + 128, 0, 255) truncated, as the published tools write them; NaN becomes 0.
    """
    path = route(img)
    if path == "gpu":
        from cuda_ops.gpu import ops

        return ops.to_rgba8(img)
    if path == "numba":
        from cuda_ops.cpu import compiled

        return compiled.to_rgba8(img)
    return to_rgba8_reference(img)


def to_rgba8_reference(img: Tensor) -> Tensor:
    """The same in torch's own operations: this is the specification."""
    C, H, W = img.shape
    rgb = img[:3] if C >= 3 else img[:1].expand(3, H, W)
    bytes_ = rgb.float().mul(127.5).add_(128).nan_to_num_(nan=0.0).clamp_(0, 255).to(torch.uint8)  # [3, H, W]
    out = torch.empty(H, W, 4, dtype=torch.uint8, device=img.device)
    out[..., :3] = bytes_.permute(1, 2, 0)
    out[..., 3] = 255
    return out
