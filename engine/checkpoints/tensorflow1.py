"""StyleGAN's variables under the keys of `networks/stylegan1.py`, whose docstring has the table."""

import math
import re
from collections.abc import Mapping
from typing import Any

from engine.checkpoints.fit import Entry
from engine.checkpoints.limits import refusal
from engine.checkpoints.shapes import Traits
from engine.checkpoints.variables import Variables, dense_and_labels, mapping_traits, turned, without_axes

_FIRST = {"4x4/Const": "b4.const", "4x4/Dense": "b4.dense", "4x4/Conv": "b4.conv"}
_PARTS = {
    "weight": "weight",
    "bias": "bias",
    "const": "const",
    "Noise/weight": "noise_strength",
    "StyleMod/weight": "affine.weight",
    "StyleMod/bias": "affine.bias",
}
_KEPT = (
    "structure",
    "fused_scale",
    "blur_filter",
    "use_pixel_norm",
    "use_instance_norm",
    "truncation_psi",
    "truncation_cutoff",
)


def recognise(synthesis: Mapping[str, Entry]) -> bool:
    return any(
        name.startswith(("4x4/Const/Noise", "4x4/Const/StyleMod", "4x4/Dense/")) for name in synthesis
    ) or ("4x4/Conv/weight" in synthesis and "4x4/Conv/mod_weight" not in synthesis)


def converted(
    own: Variables, mapping: Variables, synthesis: Variables, settings: Mapping[str, Any]
) -> tuple[dict[str, Entry], Traits]:
    """Key -> tensor, and what the settings say beyond the shapes."""
    scaled = settings.get("use_wscale", True) is not False
    entries, labels = dense_and_labels(mapping, own.get("dlatent_avg"))
    for key, entry in entries.items():
        if re.fullmatch(
            r"mapping\.fc\d+\.bias", key
        ):  # ours scales the whole activation by sqrt(2), not the weights alone
            entries[key] = entry.changed(entry.shape, lambda bias: bias / math.sqrt(2))
        elif key.startswith("mapping.fc") and not scaled:
            entries[key] = _unscaled(entry, math.sqrt(2))
    top = max((int(match[1]) for name in synthesis if (match := re.match(r"(\d{1,5})x\1/", name))), default=4)
    for name, entry in synthesis.items():
        if name != "lod":
            key, entry = _entry(name, entry, top)
            entries[f"synthesis.{key}"] = (
                entry if scaled or not key.endswith("weight") else _unscaled(entry, _gain(key))
            )
    more = {name: settings[name] for name in _KEPT if name in settings}
    traits = Traits(
        **mapping_traits(settings),
        labels=labels,
        activation=settings.get("nonlinearity", "lrelu"),
        lod=_lod(own),
        more=more,
    )
    return entries, traits


def _entry(name: str, entry: Entry, top: int) -> tuple[str, Entry]:
    """Key and tensor for a variable of the synthesis network; unknown names stay and are refused later."""
    if match := re.fullmatch(r"noise(\d{1,2})", name):
        level, second = divmod(int(match[1]), 2)
        layer = ("const", "conv")[second] if level == 0 else f"conv{second}"
        return f"b{4 << level}.{layer}.noise_const", without_axes(entry, 2)
    if match := re.fullmatch(r"ToRGB_lod(\d{1,2})/(weight|bias)", name):
        return f"b{top >> int(match[1])}.torgb.{match[2]}", turned(entry)
    if match := re.fullmatch(r"((\d{1,5})x\2/(Const|Dense|Conv|Conv0_up|Conv1))/(.+)", name):
        layer = _FIRST.get(match[1]) or f"b{match[2]}.{match[3].lower().removesuffix('_up')}"
        part = _PARTS.get(match[4], match[4])
        if part == "const":
            return f"{layer}.const", without_axes(entry, 1)
        return f"{layer}.{part}", turned(entry) if part.endswith("weight") else entry
    return name, entry


def _gain(key: str) -> float:
    if key.endswith((".affine.weight", ".torgb.weight")):
        return 1.0
    return math.sqrt(2) / 4 if ".dense." in key else math.sqrt(2)


def _unscaled(entry: Entry, gain: float) -> Entry:
    """A weight [out, in, ...] stored with its scale inside, as one that is scaled at run time."""
    fan_in = math.prod(entry.shape[1:])
    return (
        entry.changed(entry.shape, lambda weight: weight * (math.sqrt(fan_in) / gain))
        if len(entry.shape) > 1
        else entry
    )


_CRITIC = {"Conv0": "conv0", "Conv1_down": "conv1", "Conv": "conv", "Dense0": "fc", "Dense1": "out"}


def converted_critic(own: Variables, settings: Mapping[str, Any]) -> tuple[dict[str, Entry], Traits]:
    """Key -> tensor of the discriminator, and what the settings say beyond the shapes."""
    if settings.get("nonlinearity", "lrelu") != "lrelu":
        raise refusal("a discriminator with leaky ReLU", "another activation", "play the generator")
    scaled = settings.get("use_wscale", True) is not False
    top = max((int(match[1]) for name in own if (match := re.match(r"(\d{1,5})x\1/", name))), default=4)
    entries = {}
    for name, entry in own.items():
        if name == "lod":
            continue
        if match := re.fullmatch(r"FromRGB_lod(\d{1,2})/(weight|bias)", name):
            key = f"b{top >> int(match[1])}.fromrgb.{match[2]}"
        elif match := re.fullmatch(r"(\d{1,5})x\1/(\w+)/(weight|bias)", name):
            key = f"b{match[1]}.{_CRITIC.get(match[2], match[2])}.{match[3]}"
        else:
            key = f"b?.{name}"
        entry = turned(entry)
        entries[key] = entry if scaled else _unscaled(entry, 1.0 if key == "b4.out.weight" else math.sqrt(2))
    more = {name: settings[name] for name in ("mbstd_group_size", "blur_filter") if name in settings}
    more["c_dim"] = settings.get("label_size", 0)
    return entries, Traits(lod=_lod(own), more=more)


def _lod(own: Variables) -> float:
    """The level of detail that the network was saved at."""
    return own["lod"].read().item() if "lod" in own and own["lod"].shape == () else 0.0
