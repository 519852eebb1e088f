"""StyleGAN2: its configuration read off the tensors, and the tensors that a configuration must have."""

from engine.checkpoints.limits import refusal
from engine.checkpoints.shapes import (
    MAX_RESOLUTION,
    OTHER_KIND,
    Shape,
    Shapes,
    Traits,
    dense,
    mapping_of,
    mapping_shapes,
)
from engine.networks.stylegan2 import Config


def config_of(shapes: Shapes, traits: Traits) -> Config:
    """Configuration of a generator with these tensors; raises CheckpointError where they do not fit together."""
    z_dim, c_dim, w_dim, mapping = mapping_of(shapes, traits)
    channels = _channels(shapes)
    last = f"synthesis.b{2 << len(channels)}"
    base = shapes.of("synthesis.b4.const", 3)[1:]
    if max(base) << (len(channels) - 1) > MAX_RESOLUTION:
        raise refusal(f"pictures of at most {MAX_RESOLUTION} pixels", "larger ones", OTHER_KIND)
    return Config(
        z_dim=z_dim, c_dim=c_dim, w_dim=w_dim, mapping=mapping,
        img_resolution=max(base) << (len(channels) - 1), img_channels=shapes.of(f"{last}.torgb.weight", 4)[0],
        channels=channels, architecture=_architecture(shapes, traits, len(channels)),
        resample_filter=traits.resample_filter,
        conv_clamp=None if traits.conv_clamp is None else float(traits.conv_clamp),
        use_noise="synthesis.b4.conv1.noise_strength" in shapes, activation=traits.activation,
        num_fp16_res=traits.num_fp16_res, kernel_size=shapes.of("synthesis.b4.conv1.weight", 4)[2],
        base=(base[0], base[1]), lod=float(traits.lod),
    )  # fmt: skip


def _channels(shapes: Shapes) -> tuple[int, ...]:
    channels = []
    resolution = 4
    while resolution <= MAX_RESOLUTION and f"synthesis.b{resolution}.conv1.weight" in shapes:
        channels.append(shapes.of(f"synthesis.b{resolution}.conv1.weight", 4)[0])
        resolution *= 2
    if not channels:
        shapes.of("synthesis.b4.conv1.weight", 4)
    return tuple(channels)


def _architecture(shapes: Shapes, traits: Traits, levels: int) -> str:
    """Seen from the tensors; a file's own word only decides where two look the same."""
    if "synthesis.b8.skip.weight" in shapes:
        seen = "resnet"
    elif "synthesis.b4.torgb.weight" in shapes:
        seen = "revised" if traits.architecture == "revised" else "skip"
    else:
        seen = "orig"
    said = traits.architecture
    if said is not None and said != seen and levels > 1:
        raise refusal(
            f"the tensors of a {str(said)[:20]!r} network", f"those of a {seen!r} one", "the file is damaged"
        )
    return seen if levels > 1 or said not in ("skip", "orig", "resnet", "revised") else said


def shapes_of(config: Config) -> dict[str, Shape]:
    """Key -> shape of every tensor that a generator of this configuration has."""
    shapes = mapping_shapes(config.z_dim, config.c_dim, config.w_dim, config.mapping)
    taps = len(config.resample_filter)
    fir: Shape = (taps, taps) if taps < 8 else (taps,)
    for level in range(len(config.channels)):
        shapes |= _block(config, level, fir)
    return shapes


def _block(config: Config, level: int, fir: Shape) -> dict[str, Shape]:
    block = f"synthesis.b{4 << level}"
    inputs, outputs = config.channels[max(level - 1, 0)], config.channels[level]
    size = (config.base[0] << level, config.base[1] << level)
    shapes: dict[str, Shape] = {f"{block}.resample_filter": fir}
    if level == 0:
        shapes[f"{block}.const"] = (outputs, *size)
    else:
        shapes |= _conv(config, f"{block}.conv0", inputs, outputs, size, fir)
    shapes |= _conv(config, f"{block}.conv1", outputs, outputs, size, (4, 4))
    if config.architecture in ("skip", "revised") or level == len(config.channels) - 1:
        torgb = f"{block}.torgb"
        shapes |= dense(f"{torgb}.affine", config.w_dim, outputs)
        shapes |= {
            f"{torgb}.weight": (config.img_channels, outputs, 1, 1),
            f"{torgb}.bias": (config.img_channels,),
        }
    if config.architecture == "resnet" and level:
        shapes |= {f"{block}.skip.weight": (outputs, inputs, 1, 1), f"{block}.skip.resample_filter": fir}
    return shapes


def _conv(config: Config, name: str, inputs: int, outputs: int, size: Shape, fir: Shape) -> dict[str, Shape]:
    k = config.kernel_size
    shapes = dense(f"{name}.affine", config.w_dim, inputs)
    shapes |= {
        f"{name}.weight": (outputs, inputs, k, k),
        f"{name}.bias": (outputs,),
        f"{name}.resample_filter": fir,
    }
    if config.use_noise:
        shapes |= {f"{name}.noise_strength": (), f"{name}.noise_const": size}
    return shapes
