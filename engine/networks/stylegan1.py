"""StyleGAN (Karras et al. 2019): AdaIN, noise for each layer, progressive growing, as named steps.

Where the variables of a TensorFlow pickle go. Level i = 0, 1 ... is the resolution R = 4 * 2**i, k = levels - 1 - i:

    TensorFlow variable                        key here                                      change
    dlatent_avg              [w]               mapping.w_avg                                 -
    Dense{i}/weight          [in, out]         mapping.fc{i}.weight        [out, in]         transpose
    Dense{i}/bias            [out]             mapping.fc{i}.bias          [out]             divide by sqrt(2)
    LabelConcat/weight       [c, z]            mapping.embed.weight        [c, z]            -
    4x4/Const/const          [1, C, 4, 4]      synthesis.b4.const.const    [C, 4, 4]         [0]
    4x4/Conv/weight          [3, 3, in, out]   synthesis.b4.conv.weight    [out, in, 3, 3]   transpose(3, 2, 0, 1)
    RxR/Conv0_up/weight      [3, 3, in, out]   synthesis.bR.conv0.weight   [out, in, 3, 3]   transpose(3, 2, 0, 1)
    RxR/Conv1/weight         [3, 3, in, out]   synthesis.bR.conv1.weight   [out, in, 3, 3]   transpose(3, 2, 0, 1)
    noise{l}                 [1, 1, H, W]      <layer l>.noise_const       [H, W]            [0, 0]
    <layer>/Noise/weight     [C]               <layer>.noise_strength      [C]               -
    <layer>/bias             [C]               <layer>.bias                [C]               -
    <layer>/StyleMod/weight  [w, 2C]           <layer>.affine.weight       [2C, w]           transpose
    <layer>/StyleMod/bias    [2C]              <layer>.affine.bias         [2C]              -
    ToRGB_lod{k}/weight      [1, 1, C, 3]      synthesis.bR.torgb.weight   [3, C, 1, 1]      transpose(3, 2, 0, 1)
    ToRGB_lod{k}/bias        [3]               synthesis.bR.torgb.bias     [3]               -
    lod of the generator     []                Config.lod

<layer l>: 0 is 4x4/Const = b4.const, 1 is 4x4/Conv = b4.conv, 2i is RxR/Conv0_up = bR.conv0, 2i+1 is RxR/Conv1 =
bR.conv1. No kernel is rotated, and no style bias gets 1 added. Mapping biases are divided because the shared mapping
scales its whole activation by sqrt(2), and TensorFlow its weights alone. Without a learned constant (4x4/Dense) the
first layer is b4.dense, with `weight` [16C, w], transposed. A file made with use_wscale=False stores weights with
their scale inside: multiply each by sqrt(fan_in) / G, where fan_in = in * k * k and G = 1 for StyleMod and ToRGB,
sqrt(2)/4 for 4x4/Dense, and sqrt(2) for all others; LabelConcat has no scale in either case.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from cuda_ops.adain import adain, instance_norm, style_mod
from cuda_ops.bias_act import bias_act
from cuda_ops.conv_resample import conv2d_enlarged, conv2d_resample
from cuda_ops.resize import repeat2d
from cuda_ops.upfirdn import filter_on, upfirdn2d
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
    normalize_2nd_moment,
)  # fmt: skip

FUSED_FROM = 128  # output size from which upscaling is fused where the configuration leaves it open


@dataclass(frozen=True)
class Config(GeneratorConfig):
    """`channels` at 4x4, 8x8 ... up to the full resolution; `base` is the size (height, width) of the learned constant.

    `structure` fixed ignores `lod`, the checkpoint's own level of detail; linear, recursive and auto give one picture.
    `fused_scale` None decides by size, as 'auto' does. `blur_filter` () is off. Truncation defaults are those of the
    file; either None leaves truncation off.
    """

    channels: tuple[int, ...]
    structure: str = "auto"
    lod: float = 0.0
    fused_scale: bool | None = None
    blur_filter: tuple[float, ...] = (1.0, 2.0, 1.0)
    activation: str = "lrelu"
    use_styles: bool = True
    const_input_layer: bool = True
    use_noise: bool = True
    use_pixel_norm: bool = False
    use_instance_norm: bool = True
    truncation_psi: float | None = 0.7
    truncation_cutoff: int | None = 8
    base: tuple[int, int] = (4, 4)


def channel_plan(
    resolution: int, fmap_base: int = 8192, fmap_decay: float = 1.0, fmap_max: int = 512
) -> tuple[int, ...]:
    """Channels at 4, 8 ... resolution: min(fmap_base / 2^(s decay), fmap_max) with s = log2(res) - 1."""
    levels = int(math.log2(resolution)) - 1
    return tuple(min(int(fmap_base / 2 ** ((i + 1) * fmap_decay)), fmap_max) for i in range(levels))


# --- layers, in the order in which data flows ---------------------------------------------------------------------


class Layer(nn.Module):
    """What follows every source of features: noise `layer`, bias, activation, normalisation, style."""

    noise_const: Tensor

    def __init__(self, config: Config, channels: int, size: tuple[int, int], layer: int):
        super().__init__()
        self.config, self.size, self.layer = config, size, layer
        self.bias = nn.Parameter(torch.zeros(channels))
        if config.use_noise:
            self.register_buffer("noise_const", torch.randn(size))
            self.noise_strength = nn.Parameter(torch.zeros(channels))
        if config.use_styles:
            self.affine = FullyConnected(config.w_dim, 2 * channels)

    def finish(self, x: Tensor, w: Tensor, noise: Noise, change: Tensor | None = None) -> Tensor:
        """x [N, C, H, W], w [N, w_dim] -> [N, C, H, W]; the activation has no gain of its own, `change` [2C] is added
        to the styles: the scales, then the shifts."""
        if self.config.use_noise and noise.active(self.layer):
            strength = self.noise_strength[:, None, None] * noise.factor(self.layer)
            x = torch.addcmul(x, self._noise(noise, x), strength)
        x = bias_act(x, self.bias, self.config.activation, gain=1)
        if self.config.use_pixel_norm:
            x = normalize_2nd_moment(x)
        if not self.config.use_styles:
            return instance_norm(x) if self.config.use_instance_norm else x
        styles = self.affine(w) if change is None else self.affine(w) + change  # [N, 2C]
        scale, shift = styles.chunk(2, dim=1)  # [N, C] each
        return adain(x, scale, shift) if self.config.use_instance_norm else style_mod(x, scale, shift)

    def _noise(self, noise: Noise, x: Tensor) -> Tensor:
        if noise.mode == "random":
            return noise.draw(self.layer, (x.shape[0], 1, *self.size), x.device)
        return self.noise_const


class ConstLayer(Layer):
    """The learned constant."""

    def __init__(self, config: Config, channels: int, size: tuple[int, int]):
        super().__init__(config, channels, size, layer=0)
        self.const = nn.Parameter(torch.ones(channels, *size))

    def forward(self, x: Tensor | None, w: Tensor, noise: Noise, change: Tensor | None = None) -> Tensor:
        """w [N, w_dim] -> [N, C, 4, 4]"""
        return self.finish(self.const.expand(w.shape[0], -1, -1, -1), w, noise, change)


class DenseLayer(Layer):
    """Before there was a learned constant: a dense layer makes the first features from w."""

    def __init__(self, config: Config, channels: int, size: tuple[int, int]):
        super().__init__(config, channels, size, layer=0)
        self.weight = nn.Parameter(torch.randn(channels * size[0] * size[1], config.w_dim))
        self.weight_gain = math.sqrt(2) / 4 / math.sqrt(config.w_dim)

    def forward(self, x: Tensor | None, w: Tensor, noise: Noise, change: Tensor | None = None) -> Tensor:
        """w [N, w_dim] -> [N, C, 4, 4]"""
        y = w @ (self.weight * self.weight_gain).t()
        return self.finish(y.reshape(len(w), -1, *self.size), w, noise, change)  # [N, C, 4, 4]


class ConvLayer(Layer):
    """3x3 convolution, which may double the size first and blur after that."""

    def __init__(self, config: Config, in_channels: int, channels: int, size: tuple[int, int], layer: int, up: bool):
        super().__init__(config, channels, size, layer)
        self.up = up
        self.fused = min(size) >= FUSED_FROM if config.fused_scale is None else config.fused_scale
        self.weight = nn.Parameter(torch.randn(channels, in_channels, 3, 3))
        self.weight_gain = math.sqrt(2) / math.sqrt(in_channels * 9)

    def forward(self, x: Tensor, w: Tensor, noise: Noise, change: Tensor | None = None) -> Tensor:
        """x [N, I, H, W], w [N, w_dim] -> [N, O, H, W], twice the size where the layer upscales.

        Unfused layers were trained as nearest neighbour and correlation; fused ones as a transposed convolution with
        the kernel summed at four offsets, which is the same with the kernel rotated by 180 degrees.
        """
        weight = self.weight * self.weight_gain
        if self.up:
            x = blur(conv2d_enlarged(x, weight, flip=self.fused), self.config.blur_filter)
        else:
            x = conv2d_resample(x, weight, padding=1)
        return self.finish(x, w, noise, change)


def blur(x: Tensor, taps: tuple[float, ...]) -> Tensor:
    """Correlate `x` [N, C, H, W] with `taps` along both axes, sum 1, keeping the size; () leaves it as it is."""
    if not taps:
        return x
    before, after = (len(taps) - 1) // 2, len(taps) // 2
    return upfirdn2d(x, filter_on(taps, x.device), padding=(before, after, before, after), flip=True)


class ToRGB(nn.Module):
    """1x1 convolution to the picture's channels, without style, noise or activation."""

    def __init__(self, config: Config, in_channels: int):
        super().__init__()
        self.weight_gain = 1 / math.sqrt(in_channels)
        self.weight = nn.Parameter(torch.randn(config.img_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(config.img_channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, I, H, W] -> [N, img_channels, H, W]"""
        return bias_act(conv2d_resample(x, self.weight * self.weight_gain), self.bias)


def double(img: Tensor | None) -> Tensor:
    """[N, C, H, W] -> [N, C, 2H, 2W], nearest neighbour."""
    assert img is not None
    return repeat2d(img)


class SynthesisBlock(nn.Module):
    """One resolution: its two layers, its toRGB, and the steps that they are."""

    def __init__(self, config: Config, level: int):
        super().__init__()
        self.config, self.level = config, level
        self.name = f"b{4 << level}"
        self.size = (config.base[0] << level, config.base[1] << level)
        I, O = config.channels[max(level - 1, 0)], config.channels[level]
        if level > 0:
            self.conv0 = ConvLayer(config, I, O, self.size, 2 * level, up=True)
            self.conv1 = ConvLayer(config, O, O, self.size, 2 * level + 1, up=False)
        else:
            first = ConstLayer if config.const_input_layer else DenseLayer
            self.add_module("const" if config.const_input_layer else "dense", first(config, O, self.size))
            self.conv = ConvLayer(config, O, O, self.size, 1, up=False)
        self.torgb = ToRGB(config, O)

    def steps(self) -> list[Step]:
        """The two layers, then toRGB. Blocks that a level of detail leaves out hand the state on untouched."""
        C, colours = self.config.channels[self.level], self.config.img_channels
        lod = frozenset({"lod"}) if self.level > 0 and self.config.structure != "fixed" else frozenset()
        steps = []
        for i, (name, layer) in enumerate(list(self.named_children())[:2]):  # the third is toRGB
            row = 2 * self.level + i
            run = partial(self._run_layer, layer, f"{self.name}.{name}", row)
            ws = (row,) if self.config.use_styles or isinstance(layer, DenseLayer) else ()
            noise = row if self.config.use_noise else None
            key = self._left_out if lod else None
            styles = 2 * C if self.config.use_styles else 0
            steps.append(Step(f"{self.name}.{name}", run, (C, *self.size), ws, noise, lod, key, styles=styles))
        shape = (colours, *self.size)
        key = self.fade if lod else None
        return [*steps, Step(f"{self.name}.torgb", self._run_torgb, shape, (), None, lod, key, self._join)]

    def fade(self, lod: float | None) -> float:
        """Share, from 0 to 1, of the coarser picture at this resolution; at 1 this block takes no part."""
        if self.level == 0 or self.config.structure == "fixed":
            return 0.0
        lod = self.config.lod if lod is None else lod
        return min(max(lod - (len(self.config.channels) - 1 - self.level), 0.0), 1.0)

    def _left_out(self, lod: float | None) -> Hashable:
        return self.fade(lod) == 1

    def _run_layer(self, layer: nn.Module, name: str, row: int, state: State, inputs: Inputs) -> State:
        if self._left_out(inputs.lod):
            return state
        w = inputs.ws[:, min(row, inputs.ws.shape[1] - 1)]  # a network without styles has a single row
        x = layer(state.x, w, inputs.noise, inputs.style_shifts.get(name))
        return replace(state, x=x, out=x)

    def _run_torgb(self, state: State, inputs: Inputs) -> State:
        if self.fade(inputs.lod) == 1:
            img = double(state.img)
            return replace(state, img=img, out=img)
        return self._join(state, self.torgb(state.x), inputs)

    def _join(self, state: State, y: Tensor, inputs: Inputs) -> State:
        """This resolution's picture, or its blend with the coarser one while the network grows."""
        t = self.fade(inputs.lod)
        return replace(state, img=y if t == 0 else torch.lerp(y, double(state.img), t), out=y)


class SynthesisNetwork(Synthesis):
    """Blocks b4, b8 ... in order; rows 2i and 2i+1 of ws drive the two layers of level i, noise counts alike."""

    def __init__(self, config: Config):
        super().__init__()
        levels = len(config.channels)
        self.num_ws = 2 * levels if config.use_styles else 1
        if config.structure != "fixed":
            self.lod, self.max_lod = config.lod, float(levels - 1)
        blocks = [SynthesisBlock(config, level) for level in range(levels)]
        for block in blocks:
            self.add_module(block.name, block)
        self.steps = tuple(step for block in blocks for step in block.steps())
        if config.structure != "fixed":  # toRGB of lower resolutions is what it was when the network grew past them
            self.previews = tuple(i for i, step in enumerate(self.steps[:-1]) if step.name.endswith(".torgb"))


class StyleGAN1(Generator):
    """The generator of StyleGAN. `default_psi` and `mapping.default_cutoff` are the truncation its own tools apply."""

    family = "stylegan1"

    def __init__(self, config: Config):
        super().__init__(config)
        self.synthesis = SynthesisNetwork(config)
        self.mapping = Mapping(config.z_dim, config.c_dim, config.w_dim, self.num_ws, config.mapping)
        on = config.truncation_psi is not None and config.truncation_cutoff is not None
        self.default_psi = config.truncation_psi if on else 1.0
        self.mapping.default_cutoff = config.truncation_cutoff if on else None
