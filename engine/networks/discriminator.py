"""The discriminator of StyleGAN2, StyleGAN2-ADA and StyleGAN3: residual, skip or original, published state keys."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from cuda_ops.bias_act import bias_act
from cuda_ops.conv_resample import conv2d_resample
from cuda_ops.upfirdn import downsample2d, setup_filter
from engine.networks.common import FullyConnected, Mapping, MappingConfig
from engine.networks.stylegan2 import DEFAULT_FILTER
from engine.precision import half_serves


@dataclass(frozen=True)
class Config:
    """`channels` at 4x4, 8x8 ... up to the full resolution; `cmap_dim` None = channels at 4x4 where there are labels.

    `freeze_layers` counts layers from the picture on (fromrgb, conv0, conv1, skip of each stage) that do not learn.
    """

    c_dim: int
    img_resolution: int
    img_channels: int
    channels: tuple[int, ...]
    architecture: str = "resnet"
    num_fp16_res: int = 0
    conv_clamp: float | None = None
    cmap_dim: int | None = None
    resample_filter: tuple[float, ...] = DEFAULT_FILTER
    activation: str = "lrelu"
    freeze_layers: int = 0
    mbstd_group_size: int | None = 4
    mbstd_num_channels: int = 1
    mapping: MappingConfig = field(default_factory=lambda: MappingConfig(w_avg_beta=None))


class Conv(nn.Module):
    """Convolution with equalised learning rate, bias, activation, gain and clamp."""

    resample_filter: Tensor

    def __init__(self, config: Config, in_channels: int, out_channels: int, kernel: int, *,
                 down: int = 1, linear: bool = False, clamp: bool = True):  # fmt: skip
        super().__init__()
        self.down, self.padding, self.activation = (
            down,
            kernel // 2,
            "linear" if linear else config.activation,
        )
        self.conv_clamp = config.conv_clamp if clamp else None
        self.weight_gain = 1 / math.sqrt(in_channels * kernel**2)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = None if linear else nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("resample_filter", setup_filter(config.resample_filter))

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """x [N, I, H, W] -> [N, O, H / down, W / down]; `gain` scales activation and clamp alike."""
        weight = (self.weight * self.weight_gain).to(x.dtype)
        x = conv2d_resample(x, weight, self.resample_filter, down=self.down, padding=self.padding)
        clamp = None if self.conv_clamp is None else self.conv_clamp * gain
        act_gain = gain * (1 if self.activation == "linear" else math.sqrt(2))
        return bias_act(x, self.bias, self.activation, gain=act_gain, clamp=clamp)


class Stage(nn.Module):
    """One resolution: features of the picture where the architecture asks for them, then half the size."""

    resample_filter: Tensor

    def __init__(self, config: Config, level: int):
        super().__init__()
        first = level == len(config.channels) - 1
        self.architecture = config.architecture
        self.use_fp16 = level >= max(len(config.channels) - config.num_fp16_res, 1)
        T, O = config.channels[level], config.channels[level - 1]
        self.register_buffer("resample_filter", setup_filter(config.resample_filter))
        self.fromrgb = (
            Conv(config, config.img_channels, T, 1) if first or config.architecture == "skip" else None
        )
        self.conv0 = Conv(config, T, T, 3)
        self.conv1 = Conv(config, T, O, 3, down=2)
        self.skip = (
            Conv(config, T, O, 1, down=2, linear=True, clamp=False)
            if config.architecture == "resnet"
            else None
        )

    def forward(self, x: Tensor | None, img: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Features [N, T, H, W] and picture -> features [N, O, H/2, W/2] and, if still needed, the smaller picture."""
        x = None if x is None else self._cast(x)
        if self.fromrgb is not None:
            assert img is not None
            y = self.fromrgb(self._cast(img))
            x = y if x is None else x + y
            img = downsample2d(img, self.resample_filter) if self.architecture == "skip" else None
        assert x is not None
        if self.skip is None:
            return self.conv1(self.conv0(x)), img
        y = self.skip(x, gain=math.sqrt(0.5))
        return y + self.conv1(self.conv0(x), gain=math.sqrt(0.5)), img

    def _cast(self, x: Tensor) -> Tensor:
        return x.half() if self.use_fp16 and half_serves(x.device) else full(x)

    def layers(self) -> list[Conv]:
        """The layers in the order in which freezing counts them."""
        return [layer for layer in (self.fromrgb, self.conv0, self.conv1, self.skip) if layer is not None]


def full(x: Tensor) -> Tensor:
    """Half precision becomes fp32, more precision stays."""
    return x.float() if x.dtype == torch.float16 else x


class Epilogue(nn.Module):
    """4x4: minibatch standard deviation, convolution, dense layers; always fp32."""

    resample_filter: Tensor

    def __init__(self, config: Config, cmap_dim: int):
        super().__init__()
        C = config.channels[0]
        self.group, self.extra = config.mbstd_group_size, config.mbstd_num_channels
        skip = config.architecture == "skip"
        self.fromrgb = Conv(config, config.img_channels, C, 1, clamp=False) if skip else None
        self.conv = Conv(config, C + self.extra, C, 3)
        self.fc = FullyConnected(C * 16, C, activation=config.activation)
        self.out = FullyConnected(C, cmap_dim or 1)
        if skip:
            self.register_buffer("resample_filter", setup_filter(config.resample_filter))

    def forward(self, x: Tensor, img: Tensor | None, cmap: Tensor | None) -> Tensor:
        """x [N, C, 4, 4] -> logits [N, 1], projected on the mapped label where there is one."""
        x = full(x)
        if self.fromrgb is not None:
            assert img is not None
            x = x + self.fromrgb(full(img))
        if self.extra > 0:
            x = torch.cat([x, minibatch_std(x, self.group, self.extra)], dim=1)
        x = self.out(self.fc(self.conv(x).flatten(1)))
        if cmap is None:
            return x
        return (x * cmap).sum(dim=1, keepdim=True) / math.sqrt(cmap.shape[1])


def minibatch_std(x: Tensor, group: int | None, features: int = 1) -> Tensor:
    """Standard deviation over groups of the batch as `features` extra channels [N, F, H, W]: Karras et al. 2018.

    Members of a group lie N/G apart in the batch; N must be divisible by G = min(group, N).
    """
    N, C, H, W = x.shape
    G = N if group is None else min(group, N)
    y = x.reshape(G, N // G, features, C // features, H, W)
    y = (y - y.mean(dim=0)).square().mean(dim=0)  # [N/G, F, c, H, W]
    y = (y + 1e-8).sqrt().mean(dim=[2, 3, 4])  # [N/G, F]
    return y.repeat(G, 1)[:, :, None, None].expand(N, features, H, W)


class Discriminator(nn.Module):
    """Stages b{R} ... b8, then the epilogue b4. State keys are the published ones."""

    family = "discriminator"

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        cmap_dim = (
            0 if config.c_dim == 0 else config.channels[0] if config.cmap_dim is None else config.cmap_dim
        )
        self.stage_names = [f"b{4 << level}" for level in range(len(config.channels) - 1, 0, -1)]
        for name, level in zip(self.stage_names, range(len(config.channels) - 1, 0, -1), strict=True):
            self.add_module(name, Stage(config, level))
        self.b4 = Epilogue(config, cmap_dim)
        self.mapping = Mapping(0, config.c_dim, cmap_dim, None, config.mapping) if cmap_dim else None
        for layer in self.layers()[: config.freeze_layers]:
            layer.requires_grad_(False)

    def forward(self, img: Tensor, c: Tensor | None = None) -> Tensor:
        """Logits [N, 1] of pictures `img` [N, C, R, R] in -1..1 and labels `c` [N, c_dim]; positive means real."""
        [(x, rest)] = deque(self._stages(img), maxlen=1)  # the last stage; the others' features are let go
        return self.b4(x, rest, None if self.mapping is None else self.mapping(None, c))

    def features(self, img: Tensor) -> list[Tensor]:
        """What the stages b{R} ... b8 make of pictures: [N, C, R/2, R/2] ... [N, C, 4, 4]."""
        return [x for x, _ in self._stages(img)]

    def _stages(self, img: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
        x, rest = None, img
        for name in self.stage_names:
            x, rest = self.get_submodule(name)(x, rest)
            yield x, rest

    def layers(self) -> list[Conv]:
        """All layers before the epilogue, from the picture on."""
        return [layer for name in self.stage_names for layer in self.get_submodule(name).layers()]  # type: ignore[operator]
