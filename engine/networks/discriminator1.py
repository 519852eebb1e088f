"""The discriminator of StyleGAN (Karras et al. 2019), which grows with its generator by a level of detail.

Level i is the resolution R = 4 * 2**i, k = levels - 1 - i. Variables of a TensorFlow pickle, kernels transposed
(3, 2, 0, 1), dense weights (1, 0): FromRGB_lod{k} is bR.fromrgb, RxR/Conv0 bR.conv0, RxR/Conv1_down bR.conv1,
4x4/Conv b4.conv, 4x4/Dense0 b4.fc, 4x4/Dense1 b4.out.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cuda_ops.bias_act import bias_act
from cuda_ops.conv_resample import conv2d_resample
from cuda_ops.resize import average2d
from engine.networks.discriminator import minibatch_std
from engine.networks.stylegan1 import blur


@dataclass(frozen=True)
class Config:
    """`channels` at 4x4, 8x8 ... up to the full resolution; `features` is the width of the dense layer."""

    c_dim: int
    img_resolution: int
    img_channels: int
    channels: tuple[int, ...]
    features: int
    mbstd_group_size: int = 4
    mbstd_num_channels: int = 1
    blur_filter: tuple[float, ...] = (1.0, 2.0, 1.0)
    lod: float = 0.0


class Conv(nn.Module):
    """Convolution with equalised learning rate, bias and leaky ReLU; the gain sqrt(2) lies in the weights."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int):
        super().__init__()
        self.weight_gain = math.sqrt(2) / math.sqrt(in_channels * kernel**2)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor, down: bool = False) -> Tensor:
        """x [N, I, H, W] -> [N, O, H, W], or half the size"""
        k = self.weight.shape[-1]
        x = conv2d_resample(x, self.weight * self.weight_gain, padding=k // 2)
        if down:
            x = average2d(x)
        return bias_act(x, self.bias, "lrelu", gain=1)


class Dense(nn.Module):
    """Dense layer with equalised learning rate, with leaky ReLU unless `linear`."""

    def __init__(self, in_features: int, out_features: int, linear: bool = False):
        super().__init__()
        self.activation = "linear" if linear else "lrelu"
        self.weight_gain = (1 if linear else math.sqrt(2)) / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.randn(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))

    def forward(self, x: Tensor) -> Tensor:
        """[N, in_features] -> [N, out_features]"""
        return bias_act(x @ (self.weight * self.weight_gain).t(), self.bias, self.activation, gain=1)


class Stage(nn.Module):
    """One resolution: fromRGB, where the picture enters, and two convolutions to half the size."""

    def __init__(self, config: Config, level: int):
        super().__init__()
        T, O = config.channels[level], config.channels[level - 1]
        self.blur_filter = config.blur_filter
        self.fromrgb = Conv(config.img_channels, T, 1)
        self.conv0 = Conv(T, T, 3)
        self.conv1 = Conv(T, O, 3)

    def forward(self, x: Tensor) -> Tensor:
        """[N, T, H, W] -> [N, O, H/2, W/2]"""
        return self.conv1(blur(self.conv0(x), self.blur_filter), down=True)


class Epilogue(nn.Module):
    """4x4: minibatch standard deviation, convolution, two dense layers."""

    def __init__(self, config: Config):
        super().__init__()
        C = config.channels[0]
        self.group, self.extra = (
            config.mbstd_group_size,
            config.mbstd_num_channels if config.mbstd_group_size > 1 else 0,
        )
        self.fromrgb = Conv(config.img_channels, C, 1)
        self.conv = Conv(C + self.extra, C, 3)
        self.fc = Dense(C * 16, config.features)
        self.out = Dense(config.features, max(config.c_dim, 1), linear=True)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        """x [N, C, 4, 4] -> logits [N, 1]; with labels, the output of the picture's own class"""
        if self.extra:
            x = torch.cat([x, minibatch_std(x, self.group, self.extra)], dim=1)
        x = self.out(self.fc(self.conv(x).flatten(1)))
        return x if self.out.weight.shape[0] == 1 or c is None else (x * c).sum(dim=1, keepdim=True)


class Discriminator1(nn.Module):
    """Stages b{R} ... b8, then b4; those finer than `lod` are left out, and a fractional lod fades."""

    family = "discriminator1"

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.levels = len(config.channels)
        for level in range(self.levels - 1, 0, -1):
            self.add_module(f"b{4 << level}", Stage(config, level))
        self.b4 = Epilogue(config)

    def forward(self, img: Tensor, c: Tensor | None = None, lod: float | None = None) -> Tensor:
        """Logits [N, 1] of full-size pictures `img` [N, C, R, R]; `lod` None is the configuration's own."""
        lod = min(self.config.lod if lod is None else lod, self.levels - 1)
        whole, fade = int(lod), lod - int(lod)
        img = average2d(img, 2**whole) if whole else img
        level = self.levels - 1 - whole
        x = self._stage(level).fromrgb(img)
        for i in range(level, 0, -1):
            x = self._stage(i)(x)
            if i == level and fade:
                x = x.lerp(self._stage(i - 1).fromrgb(average2d(img)), fade)
        return self.b4(x, c)

    def _stage(self, level: int) -> Any:  # a Stage, or the epilogue, which has a fromrgb too
        return self.get_submodule(f"b{4 << level}")
