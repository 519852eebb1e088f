"""The variables and settings of TensorFlow networks, and how their layouts become PyTorch's."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from engine.checkpoints.fit import Entry
from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.records import TFNetwork
from engine.checkpoints.shapes import is_number
from engine.checkpoints.source import Source
from engine.checkpoints.tensors import ArrayRef

Variables = dict[str, Entry]
MAX_VARIABLES = 4096

# settings that do not change what a finished network computes, or that are read, or that its variables show
_KNOWN = re.compile(
    r"num_channels|resolution|label_size|latent_size|dlatent_size|fmap_\w+|mapping_\w+|label_fmaps|architecture|nonlinearity"
    r"|resample_kernel|\w+_func|dtype|randomize_noise|dlatent_avg_beta|w_avg_beta|truncation_\w+|is_\w+|style_mixing_prob"
    r"|structure|conditioning|fused_modconv|num_fp16_res|conv_clamp|dlatent_broadcast|use_noise|normalize_\w+"
    r"|use_styles|const_input_layer|use_wscale|use_pixel_norm|use_instance_norm|fused_scale|blur_filter|mbstd_\w+|input_shape|lr_mul|gain"
)


def components(network: TFNetwork) -> Mapping[str, TFNetwork]:
    found = network.state.get("components", {})
    return (
        {str(name): part for name, part in found.items() if isinstance(part, TFNetwork)}
        if isinstance(found, dict)
        else {}
    )


def variables(network: TFNetwork | None, source: Source) -> Variables:
    """Local name -> tensor, float32, as TensorFlow lays it out."""
    listed = network.state.get("variables", []) if network is not None else []
    if not isinstance(listed, list) or len(listed) > MAX_VARIABLES:
        raise damaged("a network without a list of variables")
    found = {}
    for item in listed:
        if type(item) not in (tuple, list) or len(item) != 2 or type(item[0]) is not str:
            raise damaged("a variable without name and value")
        found[item[0][:120]] = _entry(item[1], source)
    return found


def _entry(value: Any, source: Source) -> Entry:
    if is_number(value) and abs(value) < 1e38:
        return Entry((), 4, lambda: torch.tensor(float(value)))
    if not isinstance(value, ArrayRef):
        raise damaged("a variable that is neither a number nor an array")
    size = value.data.length if isinstance(value.data, Source) else len(value.data)
    return Entry(
        value.shape,
        size,
        lambda: torch.from_numpy(np.ascontiguousarray(value.values(source), dtype=np.float32)),
    )


def settings_of(network: TFNetwork, parts: Mapping[str, TFNetwork]) -> dict[str, Any]:
    """The settings of the network and of its components, which repeat them."""
    merged: dict[str, Any] = {}
    for part in (*parts.values(), network):
        given = part.state.get("static_kwargs", {})
        merged |= {str(key)[:60]: value for key, value in given.items()} if isinstance(given, dict) else {}
    return merged


def setting_notes(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """A note for each setting that nobody knows."""
    return tuple(
        f"Ignored the setting {name!r}: StyleScope does not know it, and every tensor is accounted for without it."
        for name in settings
        if not _KNOWN.fullmatch(name)
    )


def dense_and_labels(mapping: Variables, average: Entry | None) -> tuple[dict[str, Entry], str]:
    """Published keys of the mapping network, and how it reads labels: "embed" or "concat"."""
    entries = {}
    for name, entry in mapping.items():
        if match := re.fullmatch(r"Dense(\d{1,3})/(weight|bias)", name):
            entries[f"mapping.fc{int(match[1])}.{match[2]}"] = turned(entry)
        elif name == "LabelConcat/weight":
            entries["mapping.embed.weight"] = entry
        elif name in ("LabelEmbed/weight", "LabelEmbed/bias"):
            entries[f"mapping.embed.{name[11:]}"] = turned(entry)
        else:
            entries[f"mapping.{name}"] = entry  # unknown: refused later, by name
    if average is not None:
        entries["mapping.w_avg"] = average
    return entries, "concat" if "LabelConcat/weight" in mapping else "embed"


def mapping_traits(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the settings say of the mapping network."""
    if settings.get("normalize_latents", True) is not True:
        raise refusal(
            "a mapping network that normalises its input", "one that does not", "StyleScope cannot play it"
        )
    beta = settings.get("dlatent_avg_beta", settings.get("w_avg_beta", 0.995))
    return {
        "mapping_activation": settings.get("mapping_nonlinearity", "lrelu"),
        "lr_multiplier": settings.get("mapping_lrmul", 0.01), "w_avg_beta": beta,
    }  # fmt: skip


def turned(entry: Entry) -> Entry:
    """A dense layer's [in, out] or a convolution's [k, k, in, out] as PyTorch has it: [out, in], [out, in, k, k]."""
    if len(entry.shape) == 2:
        return entry.changed(entry.shape[::-1], lambda weight: weight.t())
    if len(entry.shape) == 4:
        a, b, c, d = entry.shape
        return entry.changed((d, c, a, b), lambda weight: weight.permute(3, 2, 0, 1))
    return entry


def rotated(entry: Entry) -> Entry:
    """A convolution kernel [out, in, k, k] turned by 180 degrees."""
    return entry.changed(entry.shape, lambda weight: weight.flip([2, 3])) if len(entry.shape) == 4 else entry


def without_axes(entry: Entry, axes: int) -> Entry:
    """The tensor without its first `axes` axes, which have length 1."""
    if entry.shape[:axes] != (1,) * axes:
        raise damaged("a variable with a strange shape")
    return entry.changed(entry.shape[axes:], lambda value: value.reshape(value.shape[axes:]))
