"""StyleGAN's discriminator: its configuration read off the tensors, and the tensors that a configuration must have."""

from engine.checkpoints.limits import refusal
from engine.checkpoints.shapes import (
    MAX_RESOLUTION,
    MAX_TAPS,
    OTHER_KIND,
    Shape,
    Shapes,
    Traits,
    dense,
    is_number,
)
from engine.networks.discriminator1 import Config


def config_of(shapes: Shapes, traits: Traits) -> Config:
    """Configuration of a discriminator with these tensors; raises CheckpointError where they do not fit together."""
    channels = [shapes.of("b4.conv.weight", 4)[0]]
    while f"b{4 << len(channels)}.conv0.weight" in shapes and 4 << len(channels) <= MAX_RESOLUTION:
        channels.append(shapes.of(f"b{4 << len(channels)}.conv0.weight", 4)[0])
    units, features = shapes.of("b4.out.weight", 2)
    extra = shapes.of("b4.conv.weight", 4)[1] - channels[0]
    group, taps = traits.more.get("mbstd_group_size", 4), traits.more.get("blur_filter", (1, 2, 1)) or ()
    c_dim = traits.more.get("c_dim", 0 if units == 1 else units)
    usable = (
        isinstance(taps, list | tuple)
        and len(taps) <= MAX_TAPS
        and all(map(is_number, taps))
        and type(c_dim) is int
    )
    if (
        not usable
        or type(group) is not int
        or not 1 <= group < 1 << 20
        or extra < 0
        or max(c_dim, 1) != units
    ):
        raise refusal("a group size, statistics and labels that fit together", "others", OTHER_KIND)
    return Config(
        c_dim=c_dim, img_resolution=2 << len(channels), img_channels=shapes.of("b4.fromrgb.weight", 4)[1],
        channels=tuple(channels), features=features, mbstd_group_size=group if extra else 1,
        mbstd_num_channels=extra or 1, blur_filter=tuple(float(tap) for tap in taps), lod=float(traits.lod),
    )  # fmt: skip


def shapes_of(config: Config) -> dict[str, Shape]:
    """Key -> shape of every tensor that a discriminator of this configuration has."""
    shapes: dict[str, Shape] = {}
    for level, T in enumerate(config.channels):
        block = f"b{4 << level}"
        shapes |= _conv(f"{block}.fromrgb", config.img_channels, T, 1)
        if level:
            shapes |= _conv(f"{block}.conv0", T, T, 3) | _conv(
                f"{block}.conv1", T, config.channels[level - 1], 3
            )
    C = config.channels[0]
    extra = config.mbstd_num_channels if config.mbstd_group_size > 1 else 0
    shapes |= _conv("b4.conv", C + extra, C, 3) | dense("b4.fc", C * 16, config.features)
    return shapes | dense("b4.out", config.features, max(config.c_dim, 1))


def _conv(name: str, inputs: int, outputs: int, kernel: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}
