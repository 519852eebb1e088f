"""The network of the package stylegan2-pytorch (lucidrains, 1.x): StyleGAN2's ideas in another form, as named steps.

Keys are those of its `.pt` files, with SE. (or S.) written as mapping. and GE. (or G.) as synthesis. What differs
from StyleGAN2: no equalised learning rate in synthesis, one row of ws for each resolution, bilinear upsampling, one
uniform noise image for all layers, attention between blocks, pictures in 0..1. Two tensors are in no file:
`mapping.w_avg`, which is estimated, and `synthesis.noise_const`, for which `fixed_noise` stands in.
"""

from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cuda_ops.bias_act import bias_act
from cuda_ops.cpu.prepared import prepared
from cuda_ops.dense import dense
from cuda_ops.modulated_conv import modulated_conv2d
from cuda_ops.upfirdn import upfirdn2d
from engine.networks.common import Generator, GeneratorConfig, Inputs, Mapping, Noise, State, Step, Synthesis

SLOPE = 0.2  # of every leaky ReLU
HEADS, HEAD_DIM = 8, 64  # of the attention


@dataclass(frozen=True)
class Config(GeneratorConfig):
    """`channels` at 4x4, 8x8 ... up to the full resolution; `attention` lists the blocks that have one before them.

    `mapping` says how many layers there are and their learning rate multiplier (0.1). A picture with transparency has
    4 channels. z_dim and w_dim are equal, and there are no labels.
    """

    channels: tuple[int, ...]
    attention: tuple[int, ...] = ()
    const_input: bool = True


def fixed_noise(size: int) -> Tensor:
    """Noise image [size, size], uniform in 0..1, for the constant noise that these files do not have."""
    return torch.rand(size, size, generator=torch.Generator().manual_seed(0), device="cpu")


# --- mapping ------------------------------------------------------------------------------------------------------


class StyleMapping(Mapping):
    """z on the unit sphere, then dense layers and leaky ReLU without gain; keys net.0, net.2 ..."""

    def __init__(self, config: Config, num_ws: int):
        depth = config.mapping.num_layers
        super().__init__(config.z_dim, 0, config.w_dim, num_ws, replace(config.mapping, num_layers=0))
        self.lr_multiplier = config.mapping.lr_multiplier
        layers = [nn.Linear(config.w_dim, config.w_dim) for _ in range(depth)]
        self.net = nn.ModuleDict({str(2 * i): layer for i, layer in enumerate(layers)})
        for layer in layers:
            nn.init.normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def map(self, z: Tensor | None, c: Tensor | None = None) -> Tensor:
        """w [N, w_dim], neither repeated nor truncated."""
        assert z is not None and z.shape[1] == self.z_dim, f"z must be [N, {self.z_dim}]"
        x, m = F.normalize(z.float(), dim=1), self.lr_multiplier
        for layer in self.net.values():
            assert isinstance(layer, nn.Linear)
            x = bias_act(dense(x, layer.weight, gain=m), layer.bias * m, "lrelu", alpha=SLOPE, gain=1)
        return x


# --- layers, in the order in which data flows ---------------------------------------------------------------------


class ChannelNorm(nn.Module):
    """Mean 0 and variance 1 over the channels of every pixel, then a learned scale and shift."""

    def __init__(self, channels: int):
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.b = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]"""
        variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * self.g + self.b


class LinearAttention(nn.Module):
    """Attention whose cost grows with the number of pixels, not with its square (Shen et al. 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        inner = HEADS * HEAD_DIM
        self.to_q = nn.Conv2d(channels, inner, 1, bias=False)
        depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        pointwise = nn.Conv2d(channels, 2 * inner, 1, bias=False)
        self.to_kv = nn.ModuleDict({"net": nn.Sequential(depthwise, pointwise)})
        self.to_out = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]"""
        N, _, H, W = x.shape
        k, v = self.to_kv["net"](x).chunk(2, dim=1)
        q, k, v = (t.reshape(N, HEADS, HEAD_DIM, H * W) for t in (self.to_q(x), k, v))
        q = q.softmax(dim=2) * HEAD_DIM**-0.5  # [N, heads, d, HW]
        context = k.softmax(dim=3) @ v.transpose(2, 3)  # [N, heads, d, d]
        out = context.transpose(2, 3) @ q  # [N, heads, d, HW]
        return self.to_out(F.gelu(out.reshape(N, HEADS * HEAD_DIM, H, W)))


class Residual(nn.Module):
    """x + fn(norm(x)), under the keys fn.norm and fn.fn."""

    def __init__(self, channels: int, fn: nn.Module):
        super().__init__()
        self.fn = nn.ModuleDict({"norm": ChannelNorm(channels), "fn": fn})

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]"""
        return x + self.fn["fn"](self.fn["norm"](x))


def attention(channels: int) -> nn.Sequential:
    """Attention, then two 1x1 convolutions, both residual."""
    wide, narrow = nn.Conv2d(channels, 2 * channels, 1), nn.Conv2d(2 * channels, channels, 1)
    feed_forward = nn.Sequential(wide, nn.LeakyReLU(SLOPE), narrow)
    return nn.Sequential(Residual(channels, LinearAttention(channels)), Residual(channels, feed_forward))


class ModulatedConv(nn.Module):
    """Convolution with weights that 1 + style modulates."""

    def __init__(self, in_channels: int, channels: int, kernel: int, demodulate: bool = True):
        super().__init__()
        self.kernel, self.demodulate = kernel, demodulate
        self.weight = nn.Parameter(torch.empty(channels, in_channels, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, a=SLOPE)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x [N, I, H, W], style [N, I] -> [N, O, H, W]"""
        pad = self.kernel // 2
        return modulated_conv2d(x, self.weight, style + 1, padding=pad, demodulate=self.demodulate)


class Blur(nn.Module):
    """The taps `f` along both axes; the border is mirrored."""

    f: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("f", torch.tensor([1.0, 2.0, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]"""
        f = prepared(self.f, "blur", lambda f: torch.outer(f, f) / torch.outer(f, f).abs().sum())  # [T, T]
        pad = len(self.f) // 2
        return upfirdn2d(F.pad(x, (pad, pad, pad, pad), mode="reflect"), f, flip=True)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution added to the picture, which is then made ready for the next block."""

    def __init__(self, config: Config, channels: int, last: bool):
        super().__init__()
        self.to_style = nn.Linear(config.w_dim, channels)
        self.conv = ModulatedConv(channels, config.img_channels, 1, demodulate=False)
        self.upsample = None if last else nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), Blur())

    def forward(self, x: Tensor, w: Tensor, shift: Tensor | None = None) -> Tensor:
        """x [N, I, H, W], w [N, w_dim] -> [N, img_channels, H, W]; `shift` [I] is added to the styles."""
        return self.conv(x, self.to_style(w) if shift is None else self.to_style(w) + shift)


class Block(nn.Module):
    """One resolution: two modulated convolutions with noise, and toRGB."""

    def __init__(self, config: Config, level: int):
        super().__init__()
        self.level = level
        I, O = config.channels[max(level - 1, 0)], config.channels[level]
        self.to_style1, self.to_style2 = nn.Linear(config.w_dim, I), nn.Linear(config.w_dim, O)
        self.to_noise1, self.to_noise2 = nn.Linear(1, O), nn.Linear(1, O)
        self.conv1, self.conv2 = ModulatedConv(I, O, 3), ModulatedConv(O, O, 3)
        self.to_rgb = ToRGB(config, O, last=level == len(config.channels) - 1)

    def convolve(self, which: int, x: Tensor, w: Tensor, u: Tensor, shift: Tensor | None = None) -> Tensor:
        """First (0) or second (1) convolution of x [N, I, H, W] with w [N, w_dim] and noise image u [N or 1, R, R].
        `shift` [I] is added to the styles.

        Each takes the image's upper left corner, with rows and columns exchanged.
        """
        if self.level > 0 and which == 0:
            x = F.interpolate(x, scale_factor=2, mode="bilinear")
        style = (self.to_style1, self.to_style2)[which](w)  # [N, I]
        style = style if shift is None else style + shift
        x = (self.conv1, self.conv2)[which](x, style)
        u = u[:, : x.shape[3], : x.shape[2], None]  # [N, W, H, 1]
        noise = (self.to_noise1, self.to_noise2)[which](u)  # [N, W, H, O]
        return bias_act(x + noise.permute(0, 3, 2, 1), act="lrelu", alpha=SLOPE, gain=1)


# --- synthesis ----------------------------------------------------------------------------------------------------


class SynthesisNetwork(Synthesis):
    """initial_conv, then the blocks in order; row i of ws drives block i, noise layers 2i and 2i+1 are its own.

    Noise is not centred: strength s stands for a noise image 1/2 + s (u - 1/2), so that without noise every layer
    gets the image's mean.
    """

    noise_const: Tensor

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.num_ws = len(config.channels)
        C = config.channels[0]
        if config.const_input:
            self.initial_block = nn.Parameter(torch.randn(1, C, 4, 4))
        else:
            self.to_initial_block = nn.ConvTranspose2d(config.w_dim, C, 4, bias=False)
        self.initial_conv = nn.Conv2d(C, C, 3, padding=1)
        blocks = [Block(config, level) for level in range(self.num_ws)]
        self.blocks = nn.ModuleList(blocks)
        self.attns = nn.ModuleDict(
            {str(i): attention(config.channels[max(i - 1, 0)]) for i in config.attention}
        )
        self.register_buffer("noise_const", fixed_noise(config.img_resolution))
        self.steps = (*self._first_steps(C), *(step for block in blocks for step in self._steps(block)))

    def forward(self, ws: Tensor, noise_mode: str = "const", *args: object, **options: object) -> Tensor:
        """As every synthesis network; random noise is one image for all layers, drawn anew for each call."""
        if noise_mode == "random" and options.get("noise") is None:
            options["noise"] = Noise("random", seed=int(torch.randint(1 << 31, ())))
        return super().forward(ws, noise_mode, *args, **options)  # type: ignore[arg-type]

    def picture(self, state: State) -> Tensor:
        """The picture [N, C, H, W], brought from 0..1 to -1..1."""
        assert state.img is not None
        return state.img.float() * 2 - 1

    def _first_steps(self, C: int) -> list[Step]:
        steps = []
        if not self.config.const_input:
            all_rows = tuple(range(self.num_ws))
            steps.append(Step("to_initial_block", self._run_initial_block, (C, 4, 4), all_rows))
        return [*steps, Step("initial_conv", self._run_initial_conv, (C, 4, 4))]

    def _steps(self, block: Block) -> list[Step]:
        i, steps = block.level, []
        if i in self.config.attention:
            before = max(i - 1, 0)
            shape = (self.config.channels[before], 4 << before, 4 << before)
            steps.append(Step(f"attns.{i}", partial(self._run_attention, self.attns[str(i)]), shape))
        size, C = 4 << i, self.config.channels[i]
        for which in (0, 1):
            name, run = f"blocks.{i}.conv{which + 1}", partial(self._run_conv, block, which)
            styles = self.config.channels[max(i - 1, 0)] if which == 0 else C
            steps.append(Step(name, run, (C, size, size), ws=(i,), noise=2 * i + which, styles=styles))
        shape = (self.config.img_channels, size, size)
        join = partial(self._join, block)
        run = partial(self._run_to_rgb, block)
        return [*steps, Step(f"blocks.{i}.to_rgb", run, shape, (i,), join=join, styles=C)]

    def _run_initial_block(self, state: State, inputs: Inputs) -> State:
        x = self.to_initial_block(inputs.ws.mean(dim=1)[:, :, None, None])  # [N, C, 4, 4]
        return State(x=x, out=x)

    def _run_initial_conv(self, state: State, inputs: Inputs) -> State:
        x = self.initial_block.expand(len(inputs.ws), -1, -1, -1) if self.config.const_input else state.x
        x = self.initial_conv(x)
        return replace(state, x=x, out=x)

    def _run_attention(self, layer: nn.Module, state: State, inputs: Inputs) -> State:
        x = layer(state.x)
        return replace(state, x=x, out=x)

    def _run_conv(self, block: Block, which: int, state: State, inputs: Inputs) -> State:
        u = self._noise(inputs.noise, 2 * block.level + which, inputs.ws)
        assert state.x is not None
        shift = inputs.style_shifts.get(f"blocks.{block.level}.conv{which + 1}")
        x = block.convolve(which, state.x, inputs.ws[:, block.level], u, shift)
        return replace(state, x=x, out=x)

    def _run_to_rgb(self, block: Block, state: State, inputs: Inputs) -> State:
        shift = inputs.style_shifts.get(f"blocks.{block.level}.to_rgb")
        return self._join(block, state, block.to_rgb(state.x, inputs.ws[:, block.level], shift), inputs)

    def _join(self, block: Block, state: State, y: Tensor, inputs: Inputs) -> State:
        """The picture so far and this block's share of it, doubled where a finer block follows."""
        upsample = block.to_rgb.upsample
        img = y if state.img is None else state.img + y
        return replace(state, img=img if upsample is None else upsample(img), out=y)

    def _noise(self, noise: Noise, layer: int, ws: Tensor) -> Tensor:
        """The noise image [N or 1, R, R], the same for all layers up to its strength."""
        factor, R = noise.factor(layer), self.config.img_resolution
        u = self.noise_const.unsqueeze(0)
        if noise.mode == "random":
            u = noise.image((len(ws), R, R), ws.device)
        return 0.5 + factor * (u - 0.5)


class Lucidrains(Generator):
    """The generator of stylegan2-pytorch."""

    family = "lucidrains"

    def __init__(self, config: Config):
        super().__init__(config)
        self.synthesis = SynthesisNetwork(config)
        self.mapping = StyleMapping(config, self.num_ws)
