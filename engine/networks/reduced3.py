"""StyleGAN3 at lower sampling rates: a quick approximation of its picture with the network's own weights.

Signals of StyleGAN3 are continuous (Karras et al. 2021, section 2), so that a layer may be sampled more coarsely: what
lies beyond the lower band is lost, and what the activation makes of it. A smaller margin lets the border in.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import torch
from torch import Tensor

from cuda_ops.filtered_lrelu import filtered_lrelu
from cuda_ops.modulated_conv import EPS, modulated_conv2d, normalised_weight
from engine.networks.common import Generator, Inputs, State, Step, Synthesis
from engine.networks.filters import lowpass
from engine.networks.stylegan3 import LayerPlan, StyleGAN3, SynthesisLayer, SynthesisNetwork, plan
from engine.precision import activation

LOWEST = 32  # samples per picture width
MARGIN = 3  # samples on each side; the network itself has 10


class Reduced(Generator):
    """The generator `G` with no rate above `rate`; weights are shared, so it costs next to no memory."""

    def __init__(self, G: StyleGAN3, rate: int):
        super().__init__(G.config)  # type: ignore[arg-type]
        self.family, self.mapping = G.family, G.mapping
        self.synthesis = ReducedSynthesis(G.synthesis, rate)  # type: ignore[arg-type]


def reductions(G: StyleGAN3) -> tuple[Reduced, ...]:
    """Approximations of `G`, the finest first: half its resolution, a quarter, and so on."""
    R, rates = G.img_resolution, []
    while R % 2 == 0 and R // 2 >= LOWEST:
        R //= 2
        rates.append(R)
    return tuple(Reduced(G, rate) for rate in rates if rate & (rate - 1) == 0)


class ReducedSynthesis(Synthesis):
    """The same steps as the network's, at lower rates."""

    has_input_transform = True

    def __init__(self, whole: SynthesisNetwork, rate: int):
        super().__init__()
        self.whole, self.num_ws = whole, whole.num_ws
        layers = plan(whole.config, rate, MARGIN)
        first, own = layers[0], plan(whole.config)
        self.size = first.in_size
        shape = (first.in_channels, first.in_size, first.in_size)
        reads = frozenset({"input_transform", "anchor"})
        self.steps = (
            Step("input", self._run_input, shape, (0,), reads=reads, rate=first.in_rate),
            *(self._layer_step(i, layer, mine) for i, (layer, mine) in enumerate(zip(layers, own))),
        )

    def picture(self, state: State) -> Tensor:
        """The picture [N, C, rate, rate]."""
        return self.whole.picture(state)

    def _layer_step(self, i: int, layer: LayerPlan, own: LayerPlan) -> Step:
        module: SynthesisLayer = self.whole.get_submodule(own.name)  # type: ignore[assignment]
        run = partial(self._run_layer, ReducedLayer(module, layer), i + 1)
        shape, rate, styles = (layer.out_channels, layer.out_size, layer.out_size), layer.out_rate, layer.in_channels
        return Step(own.name, run, shape, (i + 1,), rate=rate, clamp=module.conv_clamp, styles=styles)

    def _run_input(self, state: State, inputs: Inputs) -> State:
        x = self.whole.input(inputs.ws[:, 0], inputs.input_transform, inputs.anchor, self.size)
        return State(x=x, out=x)

    def _run_layer(self, layer: "ReducedLayer", row: int, state: State, inputs: Inputs) -> State:
        assert state.x is not None
        x = activation(state.x, layer.plan.use_fp16)
        x = layer(x, inputs.ws[:, row], inputs.style_shifts.get(layer.own.plan.name))
        return replace(state, x=x, out=x)


class ReducedLayer:
    """One layer at the rates of `plan`: its kernel reaches as far as in the network, its filters are designed anew."""

    def __init__(self, own: SynthesisLayer, plan: LayerPlan):
        self.own, self.plan = own, plan
        rate, device = plan.in_rate * plan.up, own.weight.device
        same = plan.in_rate == own.plan.in_rate and plan.out_rate == own.plan.out_rate
        up = lowpass(plan.up_taps, plan.in_cutoff, plan.in_half_width * 2, rate)
        down = lowpass(plan.down_taps, plan.out_cutoff, plan.out_half_width * 2, rate, radial=plan.radial)
        self.up_filter = own.up_filter if same or up is None else up.to(device)
        self.down_filter = own.down_filter if same or down is None else down.to(device)
        self.ratio = own.plan.in_rate / plan.in_rate  # how much closer samples are in the network
        self.prepared: Callable[[], tuple[Tensor, Tensor]] = cache(self._prepare)

    def __call__(self, x: Tensor, w: Tensor, shift: Tensor | None = None) -> Tensor:
        """x [N, I, H, W], w [N, w_dim] -> [N, O, out_size, out_size]"""
        own, plan = self.own, self.plan
        styles = own.affine(w) if shift is None else own.affine(w) + shift  # [N, I]
        gain = own.magnitude_ema.rsqrt()
        if plan.is_torgb:
            x = modulated_conv2d(x, own.weight, styles / math.sqrt(plan.in_channels), demodulate=False, input_gain=gain)
        else:
            x = self._convolved(x, styles * styles.square().mean().rsqrt(), gain)
        return filtered_lrelu(
            x, self.up_filter, self.down_filter, own.bias, up=plan.up, down=plan.down, padding=plan.padding,
            gain=1.0 if plan.is_torgb else math.sqrt(2), slope=1.0 if plan.is_torgb else 0.2, clamp=own.conv_clamp,
        )  # fmt: skip

    def _convolved(self, x: Tensor, styles: Tensor, gain: Tensor) -> Tensor:
        """The modulated convolution, demodulated as in the network."""
        pad = self.plan.kernel - 1
        if self.ratio == 1 or self.plan.kernel == 1:
            return modulated_conv2d(x, self.own.weight, styles, padding=pad, normalise=True, input_gain=gain)
        weight, energy = self.prepared()
        x = modulated_conv2d(x, weight, styles, padding=pad, demodulate=False, input_gain=gain)
        dcoefs = (styles.square() @ energy + EPS).rsqrt()  # [N, O]
        return x * dcoefs[:, :, None, None]

    @torch.inference_mode(False)
    @torch.no_grad()
    def _prepare(self) -> tuple[Tensor, Tensor]:
        """The kernel [O, I, 3, 3] between coarser samples, and its energies [I, O] before that."""
        weight = normalised_weight(self.own.weight.detach())
        T = spread(self.ratio).to(weight)
        return (T @ weight @ T.t()).contiguous(), weight.square().sum(dim=[2, 3]).t().contiguous()


def spread(ratio: float) -> Tensor:
    """[3, 3] that brings taps 1/ratio of a sample apart onto whole samples, by linear interpolation."""
    near = 1 / ratio
    return torch.tensor([[near, 0, 0], [1 - near, 1, 1 - near], [0, 0, near]])
