"""StyleGAN3 (Karras et al. 2021): Fourier features, alias-free layers, configurations T and R, as named steps."""

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from cuda_ops.filtered_lrelu import filtered_lrelu
from cuda_ops.modulated_conv import modulated_conv2d
from cuda_ops.upfirdn import Padding
from engine.networks.common import (
    FullyConnected,
    Generator,
    GeneratorConfig,
    Inputs,
    Mapping,
    State,
    Step,
    Synthesis,
)  # fmt: skip
from engine.networks.filters import lowpass
from engine.precision import activation


@dataclass(frozen=True)
class LayerPlan:
    """One layer's sizes and rates. Rates are in samples, cutoffs and half widths in cycles, per picture width."""

    name: str
    in_channels: int
    out_channels: int
    in_size: int
    out_size: int
    in_rate: float
    out_rate: float
    in_cutoff: float
    out_cutoff: float
    in_half_width: float
    out_half_width: float
    kernel: int
    up: int
    down: int
    up_taps: int
    down_taps: int
    radial: bool
    is_torgb: bool
    use_fp16: bool

    @property
    def padding(self) -> Padding:
        """Padding of the nonlinearity that turns in_size into out_size; negative crops the margin."""
        conv = self.in_size + self.kernel - 1
        total = (self.out_size - 1) * self.down + 1 - conv * self.up + self.up_taps + self.down_taps - 2
        before = (total + self.up) // 2
        return (before, total - before, before, total - before)


@dataclass(frozen=True)
class Config(GeneratorConfig):
    """Constructor settings of the published generator; configuration R doubles the channels and sets
    `conv_kernel` 1 and `use_radial_filters`."""

    channel_base: int = 32768
    channel_max: int = 512
    num_layers: int = 14
    num_critical: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin_size: int = 10
    output_scale: float = 0.25
    num_fp16_res: int = 4
    conv_kernel: int = 3
    filter_size: int = 6
    lrelu_upsampling: int = 2
    use_radial_filters: bool = False
    conv_clamp: float | None = 256.0
    magnitude_ema_beta: float = 0.999
    channels: tuple[int, ...] = ()  # of layers 0 .. num_layers, where a file deviates from the formula


def plan(config: Config, highest_rate: int | None = None, margin: int | None = None) -> tuple[LayerPlan, ...]:
    """The layers of a configuration: equations of section 3.2 and appendix C, evaluated in float64.

    For an approximation, sampling rates and the bands below them end at `highest_rate`, and `margin` is around them.
    """
    n, R = config.num_layers, config.img_resolution
    e = np.minimum(np.arange(n + 1) / (n - config.num_critical), 1)
    last_cutoff = R / 2
    last_stopband = last_cutoff * config.last_stopband_rel
    cutoffs = config.first_cutoff * (last_cutoff / config.first_cutoff) ** e
    stopbands = config.first_stopband * (last_stopband / config.first_stopband) ** e
    channels = np.rint(np.minimum((config.channel_base / 2) / cutoffs, config.channel_max))
    rates = np.exp2(np.ceil(np.log2(np.minimum(stopbands * 2, R))))
    if highest_rate is not None:
        rates, cutoffs = np.minimum(rates, highest_rate), np.minimum(cutoffs, highest_rate / 2)
        stopbands = np.minimum(stopbands, highest_rate / 2 * config.last_stopband_rel)
    half_widths = np.maximum(stopbands, rates / 2) - cutoffs
    sizes = rates + (config.margin_size if margin is None else margin) * 2
    sizes[-2:] = R if highest_rate is None else rates[-2:]
    channels[-1] = config.img_channels
    if config.channels:
        channels = np.asarray(config.channels)
    return tuple(
        _layer(config, i, cutoffs, rates, half_widths, sizes.astype(int), channels.astype(int))
        for i in range(n + 1)
    )


def _layer(
    config: Config,
    i: int,
    cutoffs: np.ndarray,
    rates: np.ndarray,
    half_widths: np.ndarray,
    sizes: np.ndarray,
    channels: np.ndarray,
) -> LayerPlan:
    p, n = max(i - 1, 0), config.num_layers
    is_torgb, is_critical = i == n, i >= n - config.num_critical
    tmp_rate = max(rates[p], rates[i]) * (1 if is_torgb else config.lrelu_upsampling)
    up, down = round(tmp_rate / rates[p]), round(tmp_rate / rates[i])
    return LayerPlan(
        name=f"L{i}_{sizes[i]}_{channels[i]}",
        in_channels=int(channels[p]), out_channels=int(channels[i]),
        in_size=int(sizes[p]), out_size=int(sizes[i]),
        in_rate=float(rates[p]), out_rate=float(rates[i]),
        in_cutoff=float(cutoffs[p]), out_cutoff=float(cutoffs[i]),
        in_half_width=float(half_widths[p]), out_half_width=float(half_widths[i]),
        kernel=1 if is_torgb else config.conv_kernel,
        up=up, down=down,
        up_taps=config.filter_size * up if up > 1 and not is_torgb else 1,
        down_taps=config.filter_size * down if down > 1 and not is_torgb else 1,
        radial=config.use_radial_filters and not is_critical,
        is_torgb=is_torgb,
        use_fp16=bool(rates[i] * 2**config.num_fp16_res > config.img_resolution),
    )  # fmt: skip


# --- layers, in the order in which data flows ---------------------------------------------------------------------


class SynthesisInput(nn.Module):
    """Fourier features of a plane that w may rotate and translate, mixed by one dense layer."""

    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, w_dim: int, channels: int, size: int, sampling_rate: float, bandwidth: float):
        super().__init__()
        self.channels, self.size, self.sampling_rate, self.bandwidth = (
            channels,
            size,
            sampling_rate,
            bandwidth,
        )
        freqs = torch.randn(channels, 2)
        radii = freqs.square().sum(dim=1, keepdim=True).sqrt()
        freqs = freqs / radii * torch.exp(-radii.square() / 4) * bandwidth  # uniform on the disc
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = FullyConnected(w_dim, 4, weight_init=0)
        with torch.no_grad():
            self.affine.bias.copy_(torch.tensor([1.0, 0, 0, 0]))  # type: ignore[union-attr]
        self.register_buffer("freqs", freqs)
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def forward(
        self, w: Tensor, input_transform: Tensor | None = None, anchor: bool = False, size: int | None = None
    ) -> Tensor:
        """w [N, w_dim] -> [N, C, size, size]; `input_transform` maps output to input coordinates, None = stored.

        `size` is that of the canvas with its margin, None for the network's own.
        """
        user = self.transform if input_transform is None else input_transform.to(self.transform)
        T = user.expand(w.shape[0], 3, 3) if anchor else self.learned_transform(w) @ user  # [N, 3, 3]
        freqs = self.freqs @ T[:, :2, :2]  # [N, C, 2]
        phases = self.phases + (self.freqs @ T[:, :2, 2:]).squeeze(2)  # [N, C]
        nyquist = self.sampling_rate / 2
        fade = (freqs.norm(dim=2) - self.bandwidth) / (nyquist - self.bandwidth)
        amplitudes = (1 - fade).clamp(0, 1)  # [N, C]
        size = size or self.size
        x = freqs @ self._positions(w, size) + phases[:, :, None]  # [N, C, H W]
        x = torch.sin(x * (2 * math.pi)) * amplitudes[:, :, None]
        x = (self.weight / math.sqrt(self.channels)) @ x
        return x.unflatten(2, (size, size))  # [N, C, H, W]

    def learned_transform(self, w: Tensor) -> Tensor:
        """Rotation and translation [N, 3, 3] that the network reads from w (appendix F)."""
        t = self.affine(w)  # [N, 4]: cosine, sine, x, y
        t = t / t[:, :2].norm(dim=1, keepdim=True)
        one, zero = torch.ones_like(t[:, 0]), torch.zeros_like(t[:, 0])
        rotation = torch.stack([t[:, 0], -t[:, 1], zero, t[:, 1], t[:, 0], zero, zero, zero, one], dim=1)
        translation = torch.stack([one, zero, -t[:, 2], zero, one, -t[:, 3], zero, zero, one], dim=1)
        return rotation.reshape(-1, 3, 3) @ translation.reshape(-1, 3, 3)

    def _positions(self, like: Tensor, size: int) -> Tensor:
        """Sample positions [2, H W] (x, y) in picture widths; y points down and the margin lies outside +-1/2."""
        steps = (torch.arange(size, device=like.device) + 0.5 - size / 2) / self.sampling_rate
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        return torch.stack([x.flatten(), y.flatten()])


class SynthesisLayer(nn.Module):
    """Modulated convolution and filtered leaky ReLU; the last one, toRGB, is linear and not demodulated."""

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(self, config: Config, layer: LayerPlan):
        super().__init__()
        self.plan, self.conv_clamp, self.beta = layer, config.conv_clamp, config.magnitude_ema_beta
        k = layer.kernel
        self.affine = FullyConnected(config.w_dim, layer.in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(layer.out_channels, layer.in_channels, k, k))
        self.bias = nn.Parameter(torch.zeros(layer.out_channels))
        self.register_buffer("magnitude_ema", torch.ones([]))
        rate = layer.in_rate * layer.up
        up = lowpass(layer.up_taps, layer.in_cutoff, layer.in_half_width * 2, rate)
        down = lowpass(layer.down_taps, layer.out_cutoff, layer.out_half_width * 2, rate, radial=layer.radial)
        self.register_buffer("up_filter", up)
        self.register_buffer("down_filter", down)

    def forward(
        self, x: Tensor, w: Tensor, update_emas: bool = False, shift: Tensor | None = None
    ) -> Tensor:
        """x [N, I, H, W], w [N, w_dim] -> [N, O, out_size, out_size]; `shift` [I] is added to the styles."""
        layer = self.plan
        if update_emas:
            magnitude = x.detach().float().square().mean()
            self.magnitude_ema.copy_(magnitude.lerp(self.magnitude_ema, self.beta))
        styles = self.affine(w) if shift is None else self.affine(w) + shift  # [N, I]
        if layer.is_torgb:
            styles = styles / math.sqrt(layer.in_channels)
        else:
            styles = styles * styles.square().mean().rsqrt()  # over the whole batch; demodulation cancels it
        x = modulated_conv2d(
            x,
            self.weight,
            styles,
            padding=layer.kernel - 1,
            demodulate=not layer.is_torgb,
            normalise=not layer.is_torgb,
            input_gain=self.magnitude_ema.rsqrt(),
        )
        return filtered_lrelu(
            x, self.up_filter, self.down_filter, self.bias, up=layer.up, down=layer.down, padding=layer.padding,
            gain=1.0 if layer.is_torgb else math.sqrt(2), slope=1.0 if layer.is_torgb else 0.2, clamp=self.conv_clamp,
        )  # fmt: skip


class SynthesisNetwork(Synthesis):
    """Input and layers in order; row 0 of ws drives the input, row i+1 layer i. There is no noise."""

    has_input_transform = True

    def __init__(self, config: Config):
        super().__init__()
        layers = plan(config)
        first = layers[0]
        self.config = config
        self.output_scale, self.conv_clamp = config.output_scale, config.conv_clamp
        self.num_ws = len(layers) + 1
        self.layer_names = [layer.name for layer in layers]
        self.input = SynthesisInput(
            config.w_dim, first.in_channels, first.in_size, first.in_rate, first.in_cutoff
        )
        for layer in layers:
            self.add_module(layer.name, SynthesisLayer(config, layer))
        self.steps = (
            self._input_step(first),
            *(self._layer_step(i, layer) for i, layer in enumerate(layers)),
        )

    def picture(self, state: State) -> Tensor:
        """The picture [N, C, H, W]: the last layer's output, scaled."""
        assert state.x is not None
        return state.x.float() * self.output_scale

    def _input_step(self, first: LayerPlan) -> Step:
        shape = (first.in_channels, first.in_size, first.in_size)
        reads = frozenset({"input_transform", "anchor"})
        return Step("input", self._run_input, shape, (0,), reads=reads, rate=first.in_rate)

    def _layer_step(self, i: int, layer: LayerPlan) -> Step:
        shape = (layer.out_channels, layer.out_size, layer.out_size)
        run = partial(self._run_layer, self.get_submodule(layer.name), i + 1)
        rate, clamp, styles = layer.out_rate, self.conv_clamp, layer.in_channels
        return Step(layer.name, run, shape, (i + 1,), rate=rate, clamp=clamp, styles=styles)

    def _run_input(self, state: State, inputs: Inputs) -> State:
        x = self.input(inputs.ws[:, 0], inputs.input_transform, inputs.anchor)
        return State(x=x, out=x)

    def _run_layer(self, layer: nn.Module, row: int, state: State, inputs: Inputs) -> State:
        assert state.x is not None
        x = activation(state.x, layer.plan.use_fp16)  # type: ignore[union-attr]
        shift = inputs.style_shifts.get(layer.plan.name)  # type: ignore[union-attr]
        x = layer(x, inputs.ws[:, row], inputs.update_emas, shift)
        return replace(state, x=x, out=x)


class StyleGAN3(Generator):
    """The generator of StyleGAN3, configurations T and R."""

    family = "stylegan3"

    def __init__(self, config: Config):
        super().__init__(config)
        self.synthesis = SynthesisNetwork(config)
        self.mapping = Mapping(
            config.z_dim, config.c_dim, config.w_dim, self.synthesis.num_ws, config.mapping
        )

    def reductions(self) -> tuple[Generator, ...]:
        from engine.networks.reduced3 import reductions  # builds on this file

        return reductions(self)
