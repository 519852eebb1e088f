"""Inception-v3 (Szegedy et al. 2015) up to its last pooling: the 2048 features that FID, KID and the like compare.

The network of December 2015, whose features all published FIDs are about, differs in two places from the one that
torchvision trained anew: its averages over 3x3 pixels leave the padding out, and its last block takes their maximum.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.checkpoints.plain import read_tensors
from engine.errors import CheckpointError

Shape = tuple[int, ...]
FEATURES, SIZE, BN_EPSILON = 2048, 299, 1e-3
NETWORKS = {1008: True, 1000: False}  # classes that a file can tell -> whether it is the network of 2015
ADVICE = (
    "take pt_inception-2015-12-05-6726825d.pth of pytorch-fid, or torchvision's inception_v3, "
    "whose distances are others"
)
FIRST = "Conv2d_1a_3x3"
UNPADDED = (FIRST, "Conv2d_2a_3x3", "Conv2d_4a_3x3")
HALVING = (
    FIRST, "Mixed_6a.branch3x3", "Mixed_6a.branch3x3dbl_3", "Mixed_7a.branch3x3_2", "Mixed_7a.branch7x7x3_4",
)  # fmt: skip  # stride 2, without padding


# --- the convolutions: name -> [outputs, inputs, height, width] of the kernel ----------------------------------------


def convolutions() -> dict[str, Shape]:
    """All 94, by the names of the state dict, in the order of the paper's table 1."""
    found: dict[str, Shape] = {
        "Conv2d_1a_3x3": (32, 3, 3, 3), "Conv2d_2a_3x3": (32, 32, 3, 3), "Conv2d_2b_3x3": (64, 32, 3, 3),
        "Conv2d_3b_1x1": (80, 64, 1, 1), "Conv2d_4a_3x3": (192, 80, 3, 3),
    }  # fmt: skip
    for name, inputs, pool in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
        found |= _named(name, _figure_5(inputs, pool))
    found |= _named("6a", {"branch3x3": (384, 288, 3, 3), **_double(288)})
    for name, middle in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        found |= _named(name, _figure_6(middle))
    found |= _named("7a", {
        "branch3x3_1": (192, 768, 1, 1), "branch3x3_2": (320, 192, 3, 3), "branch7x7x3_1": (192, 768, 1, 1),
        "branch7x7x3_2": (192, 192, 1, 7), "branch7x7x3_3": (192, 192, 7, 1), "branch7x7x3_4": (192, 192, 3, 3),
    })  # fmt: skip
    return found | _named("7b", _figure_7(1280)) | _named("7c", _figure_7(2048))


def _named(name: str, shapes: dict[str, Shape]) -> dict[str, Shape]:
    return {f"Mixed_{name}.{branch}": shape for branch, shape in shapes.items()}


def _double(inputs: int) -> dict[str, Shape]:
    """Two 3x3 in place of one 5x5."""
    return {
        "branch3x3dbl_1": (64, inputs, 1, 1), "branch3x3dbl_2": (96, 64, 3, 3), "branch3x3dbl_3": (96, 96, 3, 3),
    }  # fmt: skip


def _figure_5(inputs: int, pool: int) -> dict[str, Shape]:
    return {
        "branch1x1": (64, inputs, 1, 1), "branch5x5_1": (48, inputs, 1, 1), "branch5x5_2": (64, 48, 5, 5),
        **_double(inputs), "branch_pool": (pool, inputs, 1, 1),
    }  # fmt: skip


def _figure_6(m: int) -> dict[str, Shape]:
    """7x7 as 1x7 and 7x1, with `m` channels between."""
    return {
        "branch1x1": (192, 768, 1, 1), "branch7x7_1": (m, 768, 1, 1), "branch7x7_2": (m, m, 1, 7),
        "branch7x7_3": (192, m, 7, 1), "branch7x7dbl_1": (m, 768, 1, 1), "branch7x7dbl_2": (m, m, 7, 1),
        "branch7x7dbl_3": (m, m, 1, 7), "branch7x7dbl_4": (m, m, 7, 1), "branch7x7dbl_5": (192, m, 1, 7),
        "branch_pool": (192, 768, 1, 1),
    }  # fmt: skip


def _figure_7(inputs: int) -> dict[str, Shape]:
    """3x3 as 1x3 beside 3x1."""
    return {
        "branch1x1": (320, inputs, 1, 1), "branch3x3_1": (384, inputs, 1, 1), "branch3x3_2a": (384, 384, 1, 3),
        "branch3x3_2b": (384, 384, 3, 1), "branch3x3dbl_1": (448, inputs, 1, 1), "branch3x3dbl_2": (384, 448, 3, 3),
        "branch3x3dbl_3a": (384, 384, 1, 3), "branch3x3dbl_3b": (384, 384, 3, 1), "branch_pool": (192, inputs, 1, 1),
    }  # fmt: skip


def tensors_of_file() -> dict[str, Shape]:
    """Key -> shape of the tensors that a state dict must have."""
    found: dict[str, Shape] = {}
    for name, shape in convolutions().items():
        found[f"{name}.conv.weight"] = shape
        found |= {f"{name}.bn.{part}": shape[:1] for part in ("weight", "bias", "running_mean", "running_var")}
    return found


# --- the network -------------------------------------------------------------------------------------------------


class Inception:
    """Pictures to features, with the weights of a state dict. `of_2015` is the network that FID is defined by."""

    def __init__(self, state: Mapping[str, Tensor], of_2015: bool = True):
        self.of_2015 = of_2015
        self.kernels = {name: _folded(state, name) for name in convolutions()}

    def to(self, device: torch.device) -> "Inception":
        """Compute there from now on."""
        self.kernels = {name: (weight.to(device), bias.to(device)) for name, (weight, bias) in self.kernels.items()}
        return self

    @property
    def described(self) -> str:
        """Which features these are."""
        return "Inception-v3 of 2015-12-05" if self.of_2015 else "Inception-v3 of torchvision, not the FID's own"

    @torch.inference_mode()
    def __call__(self, img: Tensor) -> Tensor:
        """Features [N, 2048], on the CPU, of pictures [N, 3, H, W] in bytes, resized bilinearly."""
        x = img.to(self.kernels[FIRST][0].device).float() / 127.5 - 1
        x = F.interpolate(x, size=(SIZE, SIZE), mode="bilinear", align_corners=False, antialias=False)
        x = self._chain(x.contiguous(memory_format=torch.channels_last), "Conv2d_", "1a_3x3", "2a_3x3", "2b_3x3")
        x = self._chain(F.max_pool2d(x, 3, 2), "Conv2d_", "3b_1x1", "4a_3x3")
        x = F.max_pool2d(x, 3, 2)  # [N, 192, 35, 35]
        for name in ("Mixed_5b.", "Mixed_5c.", "Mixed_5d."):
            x = self._block_5(x, name)
        x = self._halve_6(x, "Mixed_6a.")  # [N, 768, 17, 17]
        for name in ("Mixed_6b.", "Mixed_6c.", "Mixed_6d.", "Mixed_6e."):
            x = self._block_6(x, name)
        x = self._halve_7(x, "Mixed_7a.")  # [N, 1280, 8, 8]
        x = self._block_7(x, "Mixed_7b.", self.average(x))
        last = F.max_pool2d(x, 3, 1, 1) if self.of_2015 else self.average(x)
        return self._block_7(x, "Mixed_7c.", last).mean(dim=[2, 3]).cpu()  # [N, 2048]

    def average(self, x: Tensor) -> Tensor:
        """Mean of 3x3 pixels around each."""
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=not self.of_2015)

    def _block_5(self, x: Tensor, name: str) -> Tensor:
        return torch.cat([
            self._chain(x, name, "branch1x1"),
            self._chain(x, name, "branch5x5_1", "branch5x5_2"),
            self._chain(x, name, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
            self._chain(self.average(x), name, "branch_pool"),
        ], dim=1)  # fmt: skip

    def _halve_6(self, x: Tensor, name: str) -> Tensor:
        double = self._chain(x, name, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
        return torch.cat([self._chain(x, name, "branch3x3"), double, F.max_pool2d(x, 3, 2)], dim=1)

    def _block_6(self, x: Tensor, name: str) -> Tensor:
        return torch.cat([
            self._chain(x, name, "branch1x1"),
            self._chain(x, name, *(f"branch7x7_{i}" for i in range(1, 4))),
            self._chain(x, name, *(f"branch7x7dbl_{i}" for i in range(1, 6))),
            self._chain(self.average(x), name, "branch_pool"),
        ], dim=1)  # fmt: skip

    def _halve_7(self, x: Tensor, name: str) -> Tensor:
        long = self._chain(x, name, *(f"branch7x7x3_{i}" for i in range(1, 5)))
        return torch.cat([self._chain(x, name, "branch3x3_1", "branch3x3_2"), long, F.max_pool2d(x, 3, 2)], dim=1)

    def _block_7(self, x: Tensor, name: str, pooled: Tensor) -> Tensor:
        middle = self._chain(x, name, "branch3x3_1")
        double = self._chain(x, name, "branch3x3dbl_1", "branch3x3dbl_2")
        return torch.cat([
            self._chain(x, name, "branch1x1"),
            self._chain(middle, name, "branch3x3_2a"), self._chain(middle, name, "branch3x3_2b"),
            self._chain(double, name, "branch3x3dbl_3a"), self._chain(double, name, "branch3x3dbl_3b"),
            self._chain(pooled, name, "branch_pool"),
        ], dim=1)  # fmt: skip

    def _chain(self, x: Tensor, block: str, *names: str) -> Tensor:
        """Convolution, normalisation and ReLU, one after the other."""
        for name in names:
            weight, bias = self.kernels[block + name]
            halving = block + name in HALVING
            H, W = weight.shape[2:]
            padding = (0, 0) if halving or block + name in UNPADDED else (H // 2, W // 2)
            x = F.conv2d(x, weight, bias, 2 if halving else 1, padding).relu_()
        return x


def _folded(state: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Kernel and bias of a convolution with the batch normalisation behind it, whose statistics stand still."""
    gain, bias, mean, variance = (
        state[f"{name}.bn.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = gain / (variance + BN_EPSILON).sqrt()
    weight = state[f"{name}.conv.weight"].double() * gain[:, None, None, None]
    return weight.float().contiguous(memory_format=torch.channels_last), (bias - mean * gain).float()


def open_inception(path: Path) -> Inception:
    """The network of a file that the user has; CheckpointError says which file it should be."""
    classes = {"fc.bias": (None,)}  # tells the two networks apart; the features do not need it
    state = read_tensors(path, tensors_of_file() | classes, ADVICE)
    count = len(state["fc.bias"])
    if count not in NETWORKS:
        raise CheckpointError(f"{path.name}: expected 1008 or 1000 classes, found {count}; {ADVICE}")
    return Inception(state, NETWORKS[count])
