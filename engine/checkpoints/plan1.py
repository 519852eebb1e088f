"""StyleGAN: its configuration read off the tensors and settings, and the tensors that a configuration must have."""

from collections.abc import Mapping
from typing import Any

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
    mapping_of,
    mapping_shapes,
)  # fmt: skip
from engine.networks.stylegan1 import Config

STRUCTURES = ("auto", "fixed", "linear", "recursive")


def config_of(shapes: Shapes, traits: Traits) -> Config:
    """Configuration of a generator with these tensors; raises CheckpointError where they do not fit together."""
    z_dim, c_dim, w_dim, mapping = mapping_of(shapes, traits)
    channels = [shapes.of("synthesis.b4.conv.weight", 4)[0]]
    while f"synthesis.b{4 << len(channels)}.conv1.weight" in shapes and 4 << len(channels) <= MAX_RESOLUTION:
        channels.append(shapes.of(f"synthesis.b{4 << len(channels)}.conv1.weight", 4)[0])
    learned = "synthesis.b4.const.const" in shapes
    base = shapes.of("synthesis.b4.const.const", 3)[1:] if learned else (4, 4)
    if max(base) << (len(channels) - 1) > MAX_RESOLUTION:
        raise refusal(f"pictures of at most {MAX_RESOLUTION} pixels", "larger ones", OTHER_KIND)
    return Config(
        z_dim=z_dim, c_dim=c_dim, w_dim=w_dim, mapping=mapping,
        img_resolution=max(base) << (len(channels) - 1), img_channels=shapes.of("synthesis.b4.torgb.weight", 4)[0],
        channels=tuple(channels), lod=float(traits.lod), activation=traits.activation, const_input_layer=learned,
        use_styles="synthesis.b4.conv.affine.weight" in shapes, use_noise="synthesis.b4.conv.noise_strength" in shapes,
        base=(base[0], base[1]), **_settings(traits.more),
    )  # fmt: skip


def _settings(more: Mapping[str, Any]) -> dict[str, Any]:
    structure, fused, taps = (
        more.get("structure", "auto"),
        more.get("fused_scale"),
        more.get("blur_filter", (1, 2, 1)),
    )
    psi, cutoff = more.get("truncation_psi", 0.7), more.get("truncation_cutoff", 8)
    norms = {
        name: more.get(name, default)
        for name, default in (("use_pixel_norm", False), ("use_instance_norm", True))
    }
    taps = () if taps is None else taps
    good = (
        structure in STRUCTURES and fused in (None, "auto", True, False)
        and isinstance(taps, list | tuple) and len(taps) <= MAX_TAPS and all(map(_usable, taps))
        and (psi is None or _usable(psi)) and (cutoff is None or _usable(cutoff))
        and all(type(norm) is bool for norm in norms.values())
    )  # fmt: skip
    if not good or (taps and not sum(taps)):
        raise refusal("the settings of a StyleGAN generator", "values that it cannot have", OTHER_KIND)
    return {
        "structure": structure, "fused_scale": None if fused == "auto" else fused,
        "blur_filter": tuple(float(tap) for tap in taps), "truncation_psi": None if psi is None else float(psi),
        "truncation_cutoff": None if cutoff is None else int(cutoff), **norms,
    }  # fmt: skip


def _usable(value: Any) -> bool:
    return is_number(value) and abs(value) < 1e6


def shapes_of(config: Config) -> dict[str, Shape]:
    """Key -> shape of every tensor that a generator of this configuration has."""
    shapes = mapping_shapes(config.z_dim, config.c_dim, config.w_dim, config.mapping)
    for level, channels in enumerate(config.channels):
        block, inputs = f"synthesis.b{4 << level}", config.channels[max(level - 1, 0)]
        size = (config.base[0] << level, config.base[1] << level)
        if level == 0:
            shapes |= _first(config, channels, size)
        else:
            shapes |= _layer(config, f"{block}.conv0", channels, size) | {
                f"{block}.conv0.weight": (channels, inputs, 3, 3)
            }
        second = f"{block}.conv1" if level else f"{block}.conv"
        shapes |= _layer(config, second, channels, size) | {f"{second}.weight": (channels, channels, 3, 3)}
        colours = config.img_channels
        shapes |= {f"{block}.torgb.weight": (colours, channels, 1, 1), f"{block}.torgb.bias": (colours,)}
    return shapes


def _first(config: Config, channels: int, size: Shape) -> dict[str, Shape]:
    if config.const_input_layer:
        return _layer(config, "synthesis.b4.const", channels, size) | {
            "synthesis.b4.const.const": (channels, *size)
        }
    shapes = _layer(config, "synthesis.b4.dense", channels, size)
    return shapes | {"synthesis.b4.dense.weight": (channels * size[0] * size[1], config.w_dim)}


def _layer(config: Config, name: str, channels: int, size: Shape) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {f"{name}.bias": (channels,)}
    if config.use_noise:
        shapes |= {f"{name}.noise_const": size, f"{name}.noise_strength": (channels,)}
    return shapes | (dense(f"{name}.affine", config.w_dim, 2 * channels) if config.use_styles else {})
