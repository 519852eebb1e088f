"""The discriminator: its configuration read off the tensors, and the tensors that a configuration must have."""

from engine.checkpoints.limits import refusal
from engine.checkpoints.shapes import MAX_RESOLUTION, OTHER_KIND, Shape, Shapes, Traits, dense
from engine.networks.common import MappingConfig
from engine.networks.discriminator import Config


def config_of(shapes: Shapes, traits: Traits) -> Config:
    """Configuration of a discriminator with these tensors; raises CheckpointError where they do not fit together."""
    channels = _channels(shapes)
    first = f"b{2 << len(channels)}"
    labels = "mapping.embed.weight" in shapes
    c_dim = shapes.of("mapping.embed.weight", 2)[1] if labels else 0
    return Config(
        c_dim=c_dim, img_resolution=2 << len(channels), img_channels=shapes.of(f"{first}.fromrgb.weight", 4)[1],
        channels=channels, architecture=_architecture(shapes, first), num_fp16_res=traits.num_fp16_res,
        conv_clamp=None if traits.conv_clamp is None else float(traits.conv_clamp),
        cmap_dim=shapes.of("b4.out.weight", 2)[0] if labels else None,
        resample_filter=traits.resample_filter, activation=traits.activation,
        mbstd_group_size=_group(traits.more.get("mbstd_group_size", 4)),
        mbstd_num_channels=shapes.of("b4.conv.weight", 4)[1] - channels[0],
        freeze_layers=_whole(traits.more.get("freeze_layers", 0)),
        mapping=_mapping(shapes, traits) if labels else MappingConfig(w_avg_beta=None),
    )  # fmt: skip


def _group(size: object) -> int | None:
    if size is not None and (type(size) is not int or not 0 < size < 1 << 20):
        raise refusal("a group size for the minibatch standard deviation", "none", OTHER_KIND)
    return size


def _whole(count: object) -> int:
    if type(count) is not int or not 0 <= count < 1 << 20:
        raise refusal("a number of frozen layers", "none", OTHER_KIND)
    return count


def _mapping(shapes: Shapes, traits: Traits) -> MappingConfig:
    depth = shapes.count("mapping.fc{}.weight")
    return MappingConfig(
        num_layers=depth, embed_features=shapes.of("mapping.embed.weight", 2)[0],
        layer_features=shapes.of("mapping.fc0.weight", 2)[0] if depth > 1 else None,
        activation=traits.mapping_activation, lr_multiplier=float(traits.lr_multiplier), w_avg_beta=None,
    )  # fmt: skip


def _channels(shapes: Shapes) -> tuple[int, ...]:
    """Channels at 4x4, 8x8 ...: each stage's second convolution leads to the next smaller resolution."""
    channels = [shapes.of("b4.conv.weight", 4)[0]]
    resolution = 8
    while resolution <= MAX_RESOLUTION and f"b{resolution}.conv0.weight" in shapes:
        channels.append(shapes.of(f"b{resolution}.conv0.weight", 4)[0])
        resolution *= 2
    if len(channels) < 2:
        raise refusal("a discriminator of at least 8x8", "none", OTHER_KIND)
    return tuple(channels)


def _architecture(shapes: Shapes, first: str) -> str:
    if f"{first}.skip.weight" in shapes:
        return "resnet"
    return "skip" if "b4.fromrgb.weight" in shapes else "orig"


def shapes_of(config: Config) -> dict[str, Shape]:
    """Key -> shape of every tensor that a discriminator of this configuration has."""
    taps = len(config.resample_filter)
    fir: Shape = (taps, taps) if taps < 8 else (taps,)
    shapes: dict[str, Shape] = {}
    for level in range(len(config.channels) - 1, 0, -1):
        shapes |= _stage(config, level, fir)
    C = config.channels[0]
    cmap_dim = (config.cmap_dim or 0) if config.c_dim else 0
    if config.architecture == "skip":
        shapes |= {**_conv("b4.fromrgb", config.img_channels, C, 1, fir), "b4.resample_filter": fir}
    shapes |= _conv("b4.conv", C + config.mbstd_num_channels, C, 3, fir)
    shapes |= dense("b4.fc", C * 16, C) | dense("b4.out", C, cmap_dim or 1)
    return shapes | (_mapping_shapes(config, cmap_dim) if cmap_dim else {})


def _stage(config: Config, level: int, fir: Shape) -> dict[str, Shape]:
    block, T, O = f"b{4 << level}", config.channels[level], config.channels[level - 1]
    shapes: dict[str, Shape] = {f"{block}.resample_filter": fir}
    if level == len(config.channels) - 1 or config.architecture == "skip":
        shapes |= _conv(f"{block}.fromrgb", config.img_channels, T, 1, fir)
    shapes |= _conv(f"{block}.conv0", T, T, 3, fir) | _conv(f"{block}.conv1", T, O, 3, fir)
    if config.architecture == "resnet":
        shapes |= {f"{block}.skip.weight": (O, T, 1, 1), f"{block}.skip.resample_filter": fir}
    return shapes


def _conv(name: str, inputs: int, outputs: int, kernel: int, fir: Shape) -> dict[str, Shape]:
    return {
        f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,), f"{name}.resample_filter": fir,
    }  # fmt: skip


def _mapping_shapes(config: Config, cmap_dim: int) -> dict[str, Shape]:
    features, hidden = config.mapping.embed_features or cmap_dim, config.mapping.layer_features or cmap_dim
    widths = [features, *[hidden] * (config.mapping.num_layers - 1), cmap_dim]
    shapes = dense("mapping.embed", config.c_dim, features)
    for i in range(config.mapping.num_layers):
        shapes |= dense(f"mapping.fc{i}", widths[i], widths[i + 1])
    return shapes
