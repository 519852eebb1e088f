"""lucidrains' network: its configuration read off the tensors, and the tensors that a configuration must have."""

from engine.checkpoints.limits import refusal
from engine.checkpoints.shapes import (
    MAX_LAYERS,
    MAX_RESOLUTION,
    MAX_WIDTH,
    OTHER_KIND,
    Shape,
    Shapes,
    Traits,
    dense,
)
from engine.networks.common import Mapping, MappingConfig
from engine.networks.lucidrains import HEAD_DIM, HEADS, Config, StyleMapping


def config_of(shapes: Shapes, traits: Traits) -> Config:
    """Configuration of a generator with these tensors; raises CheckpointError where they do not fit together."""
    depth = 0
    while f"mapping.net.{2 * depth}.weight" in shapes and depth <= MAX_LAYERS:
        depth += 1
    w_dim = shapes.of("mapping.net.0.weight", 2)[0]
    levels = shapes.count("synthesis.blocks.{}.conv2.weight")
    channels = tuple(shapes.of(f"synthesis.blocks.{i}.conv2.weight", 4)[0] for i in range(levels))
    if not channels or 2 << levels > MAX_RESOLUTION or w_dim > MAX_WIDTH:
        raise refusal("blocks of usable sizes", "others", OTHER_KIND)
    return Config(
        z_dim=w_dim, c_dim=0, w_dim=w_dim, img_resolution=2 << levels,
        img_channels=shapes.of("synthesis.blocks.0.to_rgb.conv.weight", 4)[0], channels=channels,
        mapping=MappingConfig(num_layers=depth, lr_multiplier=float(traits.lr_multiplier)),
        attention=tuple(i for i in range(levels) if f"synthesis.attns.{i}.0.fn.norm.g" in shapes),
        const_input="synthesis.initial_block" in shapes,
    )  # fmt: skip


def mapping_network(config: Config) -> Mapping:
    """The mapping network alone, to estimate its average."""
    return StyleMapping(config, len(config.channels))


def shapes_of(config: Config) -> dict[str, Shape]:
    """Key -> shape of every tensor that a generator of this configuration has."""
    C, w_dim = config.channels[0], config.w_dim
    shapes: dict[str, Shape] = {"mapping.w_avg": (w_dim,)}
    shapes["synthesis.noise_const"] = (config.img_resolution, config.img_resolution)
    for i in range(config.mapping.num_layers):
        shapes |= dense(f"mapping.net.{2 * i}", w_dim, w_dim)
    if config.const_input:
        shapes["synthesis.initial_block"] = (1, C, 4, 4)
    else:
        shapes["synthesis.to_initial_block.weight"] = (w_dim, C, 4, 4)
    shapes |= _conv("synthesis.initial_conv", C, C, 3)
    for i in range(len(config.channels)):
        shapes |= _block(config, i)
    for i in config.attention:
        shapes |= _attention(f"synthesis.attns.{i}", config.channels[max(i - 1, 0)])
    return shapes


def _conv(name: str, inputs: int, outputs: int, kernel: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def _block(config: Config, level: int) -> dict[str, Shape]:
    name, w_dim = f"synthesis.blocks.{level}", config.w_dim
    I, O = config.channels[max(level - 1, 0)], config.channels[level]
    shapes: dict[str, Shape] = {}
    for which, inputs in ((1, I), (2, O)):
        shapes |= dense(f"{name}.to_style{which}", w_dim, inputs) | dense(f"{name}.to_noise{which}", 1, O)
        shapes[f"{name}.conv{which}.weight"] = (O, inputs, 3, 3)
    shapes |= dense(f"{name}.to_rgb.to_style", w_dim, O)
    shapes[f"{name}.to_rgb.conv.weight"] = (config.img_channels, O, 1, 1)
    return shapes | ({f"{name}.to_rgb.upsample.1.f": (3,)} if level < len(config.channels) - 1 else {})


def _attention(name: str, channels: int) -> dict[str, Shape]:
    inner, scale = HEADS * HEAD_DIM, (1, channels, 1, 1)
    shapes: dict[str, Shape] = {f"{name}.{i}.fn.norm.{part}": scale for i in (0, 1) for part in ("g", "b")}
    shapes |= {
        f"{name}.0.fn.fn.to_q.weight": (inner, channels, 1, 1),
        f"{name}.0.fn.fn.to_kv.net.0.weight": (channels, 1, 3, 3),
        f"{name}.0.fn.fn.to_kv.net.1.weight": (2 * inner, channels, 1, 1),
    }
    shapes |= _conv(f"{name}.0.fn.fn.to_out", inner, channels, 1)
    return (
        shapes
        | _conv(f"{name}.1.fn.fn.0", channels, 2 * channels, 1)
        | _conv(f"{name}.1.fn.fn.2", 2 * channels, channels, 1)
    )
