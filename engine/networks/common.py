"""What all generations share: equalised layers, mapping, truncation, and the idea of a network as a list of steps."""

import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from cuda_ops.dense import dense
from engine.devices import send

# --- what a synthesis run reads, and what it carries from step to step --------------------------------------------


@dataclass(frozen=True)
class Noise:
    """Noise inputs: `mode` const, random or none; factors for all layers and for each; seed of random noise.

    A seed gives each layer its own generator, so that a run which starts half-way draws the same noise; without a
    seed (training) noise comes from torch's default generator.
    """

    mode: str = "const"
    strength: float = 1.0
    layers: tuple[float, ...] = ()
    seed: int | None = None

    def factor(self, layer: int) -> float:
        """Factor on the learned strength of noise layer `layer`."""
        own = self.layers[layer] if layer < len(self.layers) else 1.0
        return 0.0 if self.mode == "none" else self.strength * own

    def active(self, layer: int) -> bool:
        """Whether noise layer `layer` adds anything; asked before `factor`, whose number may be on the GPU alone."""
        return self.factor(layer) != 0

    def draw(self, layer: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """Random noise for one layer, the same on every device."""
        if self.seed is None:
            return torch.randn(shape, device=device)
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + layer) % 2**63)
        return send(torch.randn(shape, generator=generator), device)

    def image(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """Uniform random noise in 0..1 that all layers share, the same on every device."""
        generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        return send(torch.rand(shape, generator=generator), device)


@dataclass(frozen=True)
class Inputs:
    """Everything that a synthesis run reads.

    `ws` [N, num_ws, w_dim]; `input_transform` [3, 3] or [N, 3, 3] maps output to input coordinates (StyleGAN3), None
    for the checkpoint's own; `anchor` leaves the learned transform out; `lod` is StyleGAN's level of detail, None for
    the checkpoint's own; `update_emas` lets running averages learn (training). `style_shifts` are added to the styles
    of steps, by name: [I] or [N, I] (StyleSpace).
    """

    ws: Tensor
    noise: Noise = field(default_factory=Noise)
    input_transform: Tensor | None = None
    anchor: bool = False
    lod: float | None = None
    update_emas: bool = False
    style_shifts: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """What passes between steps: features, picture so far, residual, and what the last step itself gave out."""

    x: Tensor | None = None  # [N, C, H, W]
    img: Tensor | None = None  # [N, img_channels, H, W]
    skip: Tensor | None = None  # [N, C, H, W]
    out: Tensor | None = None  # activation of the last step


@dataclass(frozen=True)
class Step:
    """One named step of a synthesis network: `run(state, inputs) -> state`.

    `name` is the published module path; `ws` the rows of ws it reads, `noise` its noise layer, `reads` what else of
    Inputs it depends on; `shape` [C, H, W] of its output. Where it reads `lod`, `lod_key` tells what of it matters:
    two levels of detail with one key give one output. A step that a level of detail leaves out returns the very state
    it was given.

    `join(state before, out, inputs) -> state` is how an output that only adds to the picture gets into it; outputs of
    other steps are what the state carries on. `rate` is samples per picture width where that is not the width of the
    output; `clamp` the magnitude at which outputs are cut; `styles` how many style channels it has that may be shifted.
    """

    name: str
    run: Callable[[State, Inputs], State]
    shape: tuple[int, int, int]
    ws: tuple[int, ...] = ()
    noise: int | None = None
    reads: frozenset[str] = frozenset()
    lod_key: Callable[[float | None], Hashable] | None = None
    join: Callable[[State, Tensor, Inputs], State] | None = None
    rate: float | None = None
    clamp: float | None = None
    styles: int = 0


class Synthesis(nn.Module):
    """A synthesis network: `steps` in order, each a function of the state before it and of the inputs."""

    steps: tuple[Step, ...]
    num_ws: int
    has_input_transform = False
    lod = 0.0  # the checkpoint's own level of detail
    max_lod = 0.0  # the coarsest one; 0 where a network did not grow
    previews: tuple[int, ...] = ()  # numbers of steps after which `picture` is the whole picture, at a lower resolution

    def forward(
        self,
        ws: Tensor,
        noise_mode: str = "const",
        input_transform: Tensor | None = None,
        lod: float | None = None,
        **options: object,
    ) -> Tensor:
        """Picture [N, C, H, W], nominally in -1..1, for `ws` [N, num_ws, w_dim].

        `noise_mode` is const, random or none; `input_transform` [3, 3] maps output to input coordinates (StyleGAN3;
        None = the checkpoint's own); `lod` is StyleGAN's level of detail (None = the checkpoint's own).
        Further options are those of `Inputs`.
        """
        noise = options.pop("noise", None) or Noise(mode=noise_mode)
        if input_transform is not None:
            input_transform = torch.as_tensor(input_transform, dtype=torch.float32, device=ws.device)
        inputs = Inputs(ws, noise, input_transform, lod=lod, **options)  # type: ignore[arg-type]
        state = State()
        for step in self.steps:
            state = step.run(state, inputs)
        return self.picture(state)

    def run(self, inputs: Inputs, start: int = 0, state: State | None = None) -> Iterator[tuple[Step, State]]:
        """Run the steps from number `start` on, yielding each with the state after it."""
        state = state or State()
        for step in self.steps[start:]:
            state = step.run(state, inputs)
            yield step, state

    def picture(self, state: State) -> Tensor:
        """The picture [N, C, H, W] in fp32, once all steps have run."""
        assert state.img is not None
        return state.img.float()

    def activation(self, name: str, ws: Tensor, **options: object) -> Tensor:
        """Output of the step called `name`, by its published module path."""
        for step, state in self.run(Inputs(ws, **options)):  # type: ignore[arg-type]
            if step.name == name:
                assert state.out is not None
                return state.out
        raise KeyError(f"{name}: no such step; there are {', '.join(s.name for s in self.steps)}")


# --- layers -------------------------------------------------------------------------------------------------------


class FullyConnected(nn.Module):
    """Dense layer with equalised learning rate: weights are stored with unit variance and scaled at run time."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        activation: str = "linear",
        lr_multiplier: float = 1.0,
        weight_init: float = 1.0,
        bias_init: float = 0.0,
    ):
        super().__init__()
        self.activation = activation
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier
        self.weight = nn.Parameter(torch.randn(out_features, in_features) * (weight_init / lr_multiplier))
        self.bias = nn.Parameter(torch.full([out_features], float(bias_init))) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """[N, in_features] -> [N, out_features]"""
        return dense(
            x, self.weight, self.bias, gain=self.weight_gain, bias_gain=self.bias_gain, act=self.activation
        )


def normalize_2nd_moment(x: Tensor) -> Tensor:
    """Scale each row of [N, C] to unit mean square."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


# --- mapping ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MappingConfig:
    """Shape of a mapping network. `labels` embed: a dense layer, normalised by itself (PyTorch releases);
    concat: a bare matrix, normalised together with z (TensorFlow StyleGAN and StyleGAN2)."""

    num_layers: int = 8
    embed_features: int | None = None
    layer_features: int | None = None
    activation: str = "lrelu"
    lr_multiplier: float = 0.01
    w_avg_beta: float | None = 0.998
    labels: str = "embed"


class LabelMatrix(nn.Module):
    """Label embedding of the TensorFlow releases: a matrix [c_dim, features] without gain or bias."""

    def __init__(self, c_dim: int, features: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_dim, features))

    def forward(self, c: Tensor) -> Tensor:
        """[N, c_dim] -> [N, features]"""
        return c @ self.weight


class Mapping(nn.Module):
    """z and label to the intermediate latent w, with truncation towards its running mean `w_avg`.

    With z_dim 0 only the label is mapped (discriminator); with num_ws None w is not repeated and not truncated.
    """

    embed: FullyConnected | LabelMatrix | None
    w_avg: Tensor

    def __init__(self, z_dim: int, c_dim: int, w_dim: int, num_ws: int | None, config: MappingConfig):
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.num_ws, self.config = z_dim, c_dim, w_dim, num_ws, config
        self.default_cutoff: int | None = None  # of StyleGAN: how many rows its own tools truncate
        embed = 0
        if c_dim > 0:
            embed = config.embed_features or (z_dim if config.labels == "concat" else w_dim)
            concat = config.labels == "concat"
            self.embed = LabelMatrix(c_dim, embed) if concat else FullyConnected(c_dim, embed)
        hidden = config.layer_features or w_dim
        widths = [z_dim + embed] + [hidden] * (config.num_layers - 1) + [w_dim]
        for i in range(config.num_layers):
            layer = FullyConnected(
                widths[i], widths[i + 1], activation=config.activation, lr_multiplier=config.lr_multiplier
            )
            self.add_module(f"fc{i}", layer)
        if num_ws is not None and config.w_avg_beta is not None:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor | None,
        c: Tensor | None = None,
        truncation_psi: float = 1,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
    ) -> Tensor:
        """ws [N, num_ws, w_dim] of `z` [N, z_dim] and label `c` [N, c_dim].

        Rows before `truncation_cutoff` (None = all) become w_avg + psi (w - w_avg).
        """
        w = self.map(z, c)
        if update_emas and self.config.w_avg_beta is not None:
            self.w_avg.copy_(w.detach().mean(dim=0).lerp(self.w_avg, self.config.w_avg_beta))
        if self.num_ws is None:
            return w
        ws = w.unsqueeze(1).repeat(1, self.num_ws, 1)  # [N, num_ws, w_dim]
        return self.truncate(ws, truncation_psi, truncation_cutoff)

    def map(self, z: Tensor | None, c: Tensor | None = None) -> Tensor:
        """w [N, w_dim], neither repeated nor truncated."""
        x = self._joined(z, c)
        for i in range(self.config.num_layers):
            x = self.get_submodule(f"fc{i}")(x)
        return x

    def truncate(self, ws: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
        """Pull the first `cutoff` rows (None = all) of ws towards w_avg: Karras et al. 2019, appendix B."""
        if psi == 1:
            return ws
        cutoff = ws.shape[1] if cutoff is None else cutoff
        near = self.w_avg.lerp(ws[:, :cutoff], psi)
        return torch.cat([near, ws[:, cutoff:]], dim=1)

    def _joined(self, z: Tensor | None, c: Tensor | None) -> Tensor:
        parts = []
        if self.z_dim > 0:
            assert z is not None and z.shape[1] == self.z_dim, f"z must be [N, {self.z_dim}]"
            parts.append(z.float())
        if self.c_dim > 0:
            if c is None:
                raise ValueError(
                    f"this network is conditional: pass a label c [N, {self.c_dim}], all zeros for none"
                )
            assert self.embed is not None
            parts.append(self.embed(c.float()))
        if self.config.labels == "embed":
            return torch.cat([normalize_2nd_moment(p) for p in parts], dim=1)
        return normalize_2nd_moment(torch.cat(parts, dim=1))


# --- generator ----------------------------------------------------------------------------------------------------


class Generator(nn.Module):
    """Mapping and synthesis together. `config` is the family's own dataclass; state keys are the published ones."""

    family: str
    mapping: Mapping
    synthesis: Synthesis

    def __init__(self, config: "GeneratorConfig"):
        super().__init__()
        self.config = config
        self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
        self.img_resolution, self.img_channels = config.img_resolution, config.img_channels

    @property
    def num_ws(self) -> int:
        return self.synthesis.num_ws

    def reductions(self) -> "tuple[Generator, ...]":
        """Quick approximations of itself at lower resolutions, the finest first, with the same weights and steps."""
        return ()

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1,
        truncation_cutoff: int | None = None,
        **synthesis: object,
    ) -> Tensor:
        """Pictures [N, C, H, W] of `z` [N, z_dim]; further arguments are those of `synthesis`."""
        ws = self.mapping(z, c, truncation_psi, truncation_cutoff)
        return self.synthesis(ws, **synthesis)


@dataclass(frozen=True)
class GeneratorConfig:
    """What every generator's configuration has."""

    z_dim: int
    c_dim: int
    w_dim: int
    img_resolution: int
    img_channels: int
    mapping: MappingConfig
