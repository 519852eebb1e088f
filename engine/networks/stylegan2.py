"""StyleGAN2 and StyleGAN2-ADA (Karras et al. 2020a, 2020b): skip, original and residual synthesis as named steps."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from cuda_ops.conv_resample import conv2d_resample
from cuda_ops.modulated_conv import modulated_layer
from cuda_ops.resize import repeat2d
from cuda_ops.upfirdn import setup_filter, upsample2d
from engine.networks.common import (
    FullyConnected,
    Generator,
    GeneratorConfig,
    Inputs,
    Mapping,
    Noise,
    State,
    Step,
    Synthesis,
)  # fmt: skip
from engine.precision import activation

DEFAULT_FILTER = (1.0, 3.0, 3.0, 1.0)


@dataclass(frozen=True)
class Config(GeneratorConfig):
    """`channels` at 4x4, 8x8 ... up to the full resolution; `base` is the size (height, width) of the learned constant.

    `architecture` is skip, orig, resnet, or revised: orig with a toRGB at every resolution and StyleGAN's fading
    between them (configurations b to d of the paper), for which `lod` is the checkpoint's own level of detail.
    """

    channels: tuple[int, ...]
    architecture: str = "skip"
    resample_filter: tuple[float, ...] = DEFAULT_FILTER
    conv_clamp: float | None = None
    use_noise: bool = True
    activation: str = "lrelu"
    num_fp16_res: int = 0
    kernel_size: int = 3
    base: tuple[int, int] = (4, 4)
    lod: float = 0.0


def channel_plan(resolution: int, channel_base: int = 32768, channel_max: int = 512) -> tuple[int, ...]:
    """Channels at 4, 8 ... resolution: min(channel_base / res, channel_max)."""
    levels = int(math.log2(resolution)) - 1
    return tuple(min(channel_base // (4 << i), channel_max) for i in range(levels))


# --- layers, in the order in which data flows ---------------------------------------------------------------------


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU. `layer` numbers the noise inputs."""

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(
        self,
        config: Config,
        in_channels: int,
        out_channels: int,
        size: tuple[int, int],
        layer: int,
        up: int = 1,
    ):
        super().__init__()
        k = config.kernel_size
        self.up, self.size, self.layer, self.padding = up, size, layer, k // 2
        self.activation, self.conv_clamp, self.use_noise = (
            config.activation,
            config.conv_clamp,
            config.use_noise,
        )
        self.affine = FullyConnected(config.w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, k, k))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        taps = (
            config.resample_filter if up > 1 else DEFAULT_FILTER
        )  # unused at up=1, but part of the file format
        self.register_buffer("resample_filter", setup_filter(taps))
        if config.use_noise:
            self.register_buffer("noise_const", torch.randn(size))
            self.noise_strength = nn.Parameter(torch.zeros([]))

    def forward(
        self, x: Tensor, w: Tensor, noise: Noise, gain: float = 1.0, shift: Tensor | None = None
    ) -> Tensor:
        """x [N, I, H, W], w [N, w_dim] -> [N, O, H up, W up]; `gain` scales activation and clamp alike, `shift` [I] is
        added to the styles."""
        styles = self.affine(w) if shift is None else self.affine(w) + shift  # [N, I]
        noisy = self.use_noise and noise.active(self.layer)
        strength = self.noise_strength * noise.factor(self.layer) if noisy else None
        clamp = None if self.conv_clamp is None else self.conv_clamp * gain
        return modulated_layer(
            x,
            self.weight,
            styles,
            self.bias,
            noise=None if strength is None else self._noise(noise, x) * strength,
            act=self.activation,
            gain=None if gain == 1 else math.sqrt(2) * gain,
            clamp=clamp,
            up=self.up,
            padding=self.padding,
            resample_filter=self.resample_filter,
            flip=self.up > 1,
        )

    def _noise(self, noise: Noise, x: Tensor) -> Tensor:
        if noise.mode == "random":
            return noise.draw(self.layer, (x.shape[0], 1, *self.size), x.device)
        return self.noise_const


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to the picture's channels, without demodulation or noise."""

    def __init__(self, config: Config, in_channels: int):
        super().__init__()
        self.conv_clamp = config.conv_clamp
        self.weight_gain = 1 / math.sqrt(in_channels)
        self.affine = FullyConnected(config.w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(config.img_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(config.img_channels))

    def forward(self, x: Tensor, w: Tensor, shift: Tensor | None = None) -> Tensor:
        """x [N, I, H, W], w [N, w_dim] -> [N, img_channels, H, W]; `shift` [I] is added to the styles."""
        styles = self.affine(w) if shift is None else self.affine(w) + shift
        styles = styles * self.weight_gain  # [N, I]
        return modulated_layer(
            x, self.weight, styles, self.bias, act="linear", clamp=self.conv_clamp, demodulate=False
        )


class Skip(nn.Module):
    """The residual architecture's shortcut: 1x1 convolution and upsampling, at gain sqrt(1/2)."""

    resample_filter: Tensor

    def __init__(self, config: Config, in_channels: int, out_channels: int):
        super().__init__()
        self.weight_gain = math.sqrt(0.5) / math.sqrt(in_channels)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1))
        self.register_buffer("resample_filter", setup_filter(config.resample_filter))

    def forward(self, x: Tensor) -> Tensor:
        """[N, I, H, W] -> [N, O, 2H, 2W]"""
        weight = (self.weight * self.weight_gain).to(x.dtype)
        return conv2d_resample(x, weight, self.resample_filter, up=2)


class SynthesisBlock(nn.Module):
    """One resolution: its convolutions, its toRGB where it has one, and the steps that they are."""

    resample_filter: Tensor

    def __init__(self, config: Config, level: int):
        super().__init__()
        self.config, self.level = config, level
        self.name = f"b{4 << level}"
        self.size = (config.base[0] << level, config.base[1] << level)
        self.first, self.last = level == 0, level == len(config.channels) - 1
        self.use_fp16 = level >= max(len(config.channels) - config.num_fp16_res, 1)
        self.row = max(2 * level - 1, 0)  # of ws, read by the first convolution
        I, O = config.channels[max(level - 1, 0)], config.channels[level]
        self.register_buffer("resample_filter", setup_filter(config.resample_filter))
        if self.first:
            self.const = nn.Parameter(torch.randn(O, *self.size))
        else:
            self.conv0 = SynthesisLayer(config, I, O, self.size, self.row, up=2)
        self.conv1 = SynthesisLayer(config, O, O, self.size, self.row + (not self.first))
        self.has_torgb = self.last or config.architecture in ("skip", "revised")
        if self.has_torgb:
            self.torgb = ToRGB(config, O)
        self.has_skip = config.architecture == "resnet" and not self.first
        if self.has_skip:
            self.skip = Skip(config, I, O)

    def steps(self) -> list[Step]:
        """conv0, conv1, torgb, with the shortcut before and the sum after them where the block is residual."""
        C, noisy = self.config.channels[self.level], self.config.use_noise
        shape, row, clamp = (C, *self.size), self.row, self.config.conv_clamp
        I = self.config.channels[max(self.level - 1, 0)]
        gain = math.sqrt(0.5) if self.has_skip else 1.0
        steps = []
        if self.has_skip:
            steps.append(Step(f"{self.name}.skip", self._run_skip, shape))
        if not self.first:
            run = partial(self._run_conv, "conv0", row, 1.0)
            steps.append(
                Step(f"{self.name}.conv0", run, shape, (row,), row if noisy else None, clamp=clamp, styles=I)
            )
            row += 1
        run = partial(self._run_conv, "conv1", row, gain)
        last = None if clamp is None else clamp * gain
        steps.append(Step(f"{self.name}.conv1", run, shape, (row,), row if noisy else None, clamp=last, styles=C))
        if self.has_skip:
            steps.append(Step(self.name, self._run_sum, shape))
        if self.has_torgb:
            revised = self.config.architecture == "revised"
            reads, key = (frozenset({"lod"}), self._fade) if revised else (frozenset(), None)
            join = self._join_fading if revised else self._join
            run = partial(self._run_torgb, join, row + 1)
            shape = (self.config.img_channels, *self.size)
            steps.append(
                Step(f"{self.name}.torgb", run, shape, (row + 1,), None, reads, key, join, clamp=clamp, styles=C)
            )
        return steps

    def _input(self, state: State, ws: Tensor) -> Tensor:
        if state.x is None:
            return self.const.unsqueeze(0).repeat(ws.shape[0], 1, 1, 1)  # [N, C, 4, 4]
        return activation(state.x, self.use_fp16)

    def _run_skip(self, state: State, inputs: Inputs) -> State:
        y = self.skip(self._input(state, inputs.ws))
        return replace(state, skip=y, out=y)

    def _run_conv(self, name: str, row: int, gain: float, state: State, inputs: Inputs) -> State:
        layer: nn.Module = self.get_submodule(name)
        shift = inputs.style_shifts.get(f"{self.name}.{name}")
        x = layer(self._input(state, inputs.ws), inputs.ws[:, row], inputs.noise, gain, shift)
        return replace(state, x=x, out=x)

    def _run_sum(self, state: State, inputs: Inputs) -> State:
        assert state.x is not None and state.skip is not None
        x = state.skip + state.x
        return replace(state, x=x, skip=None, out=x)

    def _run_torgb(
        self, join: Callable[[State, Tensor, Inputs], State], row: int, state: State, inputs: Inputs
    ) -> State:
        torgb: nn.Module = self.torgb
        y = torgb(state.x, inputs.ws[:, row], inputs.style_shifts.get(f"{self.name}.torgb"))
        return join(state, y.float(), inputs)

    def _join(self, state: State, y: Tensor, inputs: Inputs) -> State:
        """The picture so far, doubled, and this resolution's share of it."""
        img = y if state.img is None else upsample2d(state.img, self.resample_filter, add=y)
        return replace(state, img=img, out=y)

    def _join_fading(self, state: State, y: Tensor, inputs: Inputs) -> State:
        """toRGB of configurations b to d: fades between resolutions as StyleGAN's growing does."""
        t = self._fade(inputs.lod)
        coarse = None if state.img is None else repeat2d(state.img)
        img = y if coarse is None or t == 0 else y + (coarse - y) * t
        return replace(state, img=img, out=y)

    def _fade(self, lod: float | None) -> float:
        """Share, from 0 to 1, of the coarser picture at this resolution."""
        lod = self.config.lod if lod is None else lod
        return min(max(lod - (len(self.config.channels) - 1 - self.level), 0.0), 1.0)


class SynthesisNetwork(Synthesis):
    """Blocks b4, b8 ... in order; row 2r-5 of ws drives conv0 at 2^r, 2r-4 conv1, 2r-3 toRGB."""

    def __init__(self, config: Config):
        super().__init__()
        levels = len(config.channels)
        self.num_ws = 2 * levels
        if config.architecture == "revised":
            self.lod, self.max_lod = config.lod, float(levels - 1)
        blocks = [SynthesisBlock(config, level) for level in range(levels)]
        for block in blocks:
            self.add_module(block.name, block)
        self.steps = tuple(step for block in blocks for step in block.steps())
        if config.architecture == "skip":  # every resolution adds its RGB to what is there
            self.previews = tuple(i for i, step in enumerate(self.steps[:-1]) if step.name.endswith(".torgb"))


class StyleGAN2(Generator):
    """The generator of StyleGAN2 and StyleGAN2-ADA."""

    family = "stylegan2"

    def __init__(self, config: Config):
        super().__init__(config)
        self.synthesis = SynthesisNetwork(config)
        self.mapping = Mapping(
            config.z_dim, config.c_dim, config.w_dim, self.synthesis.num_ws, config.mapping
        )
