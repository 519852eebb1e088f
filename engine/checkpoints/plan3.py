"""StyleGAN3: its configuration read off the tensors and settings, and the tensors that a configuration must have."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.shapes import (
    MAX_LAYERS,
    MAX_RESOLUTION,
    Shape,
    Shapes,
    Traits,
    dense,
    mapping_of,
    mapping_shapes,
)
from engine.networks.stylegan3 import Config, LayerPlan, plan

MAX_TAPS = 512
_NAME = re.compile(r"synthesis\.(L(\d{1,3})_(\d{1,5})_(\d{1,6}))\.weight")

# what may be set, and between which bounds it makes sense
_BOUNDS: dict[str, tuple[float, float]] = {
    "channel_base": (1, 1 << 24), "channel_max": (1, 1 << 16), "num_critical": (0, MAX_LAYERS),
    "first_cutoff": (1e-3, 1e4), "first_stopband": (1e-3, 1e4), "last_stopband_rel": (1e-3, 1e3),
    "margin_size": (0, 1024), "output_scale": (-1e6, 1e6), "num_fp16_res": (0, 64), "filter_size": (1, 64),
    "lrelu_upsampling": (1, 16), "magnitude_ema_beta": (0, 1),
}  # fmt: skip
_WHOLE = (
    "channel_base",
    "channel_max",
    "num_critical",
    "margin_size",
    "num_fp16_res",
    "filter_size",
    "lrelu_upsampling",
)


def layer_names(shapes: Shapes) -> list[str]:
    """L0_36_512, L1_36_512 ... in the order in which they run."""
    found = [match for key in shapes.all if (match := _NAME.fullmatch(key))]
    found.sort(key=lambda match: int(match[2]))
    if (
        len(found) < 3
        or len(found) > MAX_LAYERS
        or [int(match[2]) for match in found] != list(range(len(found)))
    ):
        raise refusal(
            "layers L0, L1, L2 ...",
            f"{len(found)} layers, not in one row",
            "the file is damaged or of another kind",
        )
    return [match[1] for match in found]


def config_of(shapes: Shapes, traits: Traits) -> Config:
    """Configuration of a generator with these tensors; raises CheckpointError where they do not fit together."""
    z_dim, c_dim, w_dim, mapping = mapping_of(shapes, traits)
    names = layer_names(shapes)
    channels = tuple(shapes.of(f"synthesis.{name}.weight", 4)[0] for name in names)
    config = Config(
        z_dim=z_dim, c_dim=c_dim, w_dim=w_dim, mapping=mapping,
        img_resolution=_resolution(names[-1], traits), img_channels=channels[-1],
        num_layers=len(names) - 1, conv_clamp=None if traits.conv_clamp is None else float(traits.conv_clamp),
        conv_kernel=shapes.of(f"synthesis.{names[0]}.weight", 4)[2],
        use_radial_filters=any(len(shapes.all.get(f"synthesis.{name}.down_filter", ())) == 2 for name in names),
        **_settings(traits.more),
    )  # fmt: skip
    if config.num_critical >= config.num_layers or config.first_cutoff >= config.img_resolution / 2:
        raise damaged("layer settings that contradict each other")
    if "margin_size" not in traits.more:
        config = replace(config, margin_size=_margin(names[0], config))
    if tuple(layer.out_channels for layer in checked_plan(config)) != channels:
        config = replace(config, channels=channels)
    return config


def _margin(first: str, config: Config) -> int:
    """Margin around the picture, from the size that is part of the first layer's name."""
    margin = (int(first.split("_")[1]) - int(plan(replace(config, margin_size=0))[0].in_size)) // 2
    return min(max(margin, 0), 1024)


def _resolution(last: str, traits: Traits) -> int:
    resolution = int(last.split("_")[1])
    if not 4 <= resolution <= MAX_RESOLUTION or resolution & (resolution - 1):
        raise refusal(
            "a picture size that is a power of two", str(resolution), "the file is damaged or of another kind"
        )
    return resolution


def _settings(more: Any) -> dict[str, Any]:
    settings = {}
    for name, (low, high) in _BOUNDS.items():
        if name not in more:
            continue
        value = more[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise refusal(
                f"{name} between {low:g} and {high:g}",
                f"a {type(value).__name__} outside of it",
                "the file is damaged or of another kind",
            )
        settings[name] = int(value) if name in _WHOLE else float(value)
    return settings


def checked_plan(config: Config) -> tuple[LayerPlan, ...]:
    """The layers, once it is sure that their filters are of a size that one can design."""
    layers = plan(config)
    if any(
        max(layer.up_taps, layer.down_taps) > MAX_TAPS or min(layer.up, layer.down) < 1 for layer in layers
    ):
        raise damaged("layer settings whose filters have no usable size")
    return layers


def shapes_of(config: Config) -> dict[str, Shape]:
    """Key -> shape of every tensor that a generator of this configuration has."""
    shapes = mapping_shapes(config.z_dim, config.c_dim, config.w_dim, config.mapping)
    layers = checked_plan(config)
    C = layers[0].in_channels
    shapes |= dense("synthesis.input.affine", config.w_dim, 4)
    shapes |= {
        "synthesis.input.weight": (C, C), "synthesis.input.freqs": (C, 2), "synthesis.input.phases": (C,),
        "synthesis.input.transform": (3, 3),
    }  # fmt: skip
    for layer in layers:
        shapes |= _layer(config, layer)
    return shapes


def _layer(config: Config, layer: LayerPlan) -> dict[str, Shape]:
    name = f"synthesis.{layer.name}"
    shapes = dense(f"{name}.affine", config.w_dim, layer.in_channels)
    shapes |= {
        f"{name}.weight": (layer.out_channels, layer.in_channels, layer.kernel, layer.kernel),
        f"{name}.bias": (layer.out_channels,), f"{name}.magnitude_ema": (),
    }  # fmt: skip
    if layer.up_taps > 1:
        shapes[f"{name}.up_filter"] = (layer.up_taps,)
    if layer.down_taps > 1:
        shapes[f"{name}.down_filter"] = (layer.down_taps,) * (2 if layer.radial else 1)
    return shapes


def check_layer(layer: LayerPlan, attributes: Mapping[str, Any]) -> None:
    """Compare a planned layer with what the file's own layer says; raises CheckpointError if they differ."""
    planned = {
        "in_sampling_rate": layer.in_rate, "out_sampling_rate": layer.out_rate, "in_cutoff": layer.in_cutoff,
        "out_cutoff": layer.out_cutoff, "in_half_width": layer.in_half_width, "out_half_width": layer.out_half_width,
        "up_factor": layer.up, "down_factor": layer.down,
    }  # fmt: skip
    for name, value in planned.items():
        said = attributes.get(name, value)
        usable = isinstance(said, int | float) and abs(said) < 1e9
        if not usable or not math.isclose(said, value, rel_tol=1e-6):
            raise refusal(
                f"{layer.name} with {name} {value:g}",
                f"{float(said):g}" if usable else "no such number",
                "this network was planned by other rules than the published ones and would play wrong",
            )
