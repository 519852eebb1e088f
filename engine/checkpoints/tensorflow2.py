"""StyleGAN2's variables under the published PyTorch keys: generators of all configurations, plain discriminators."""

import re
from collections.abc import Mapping
from typing import Any

from engine.checkpoints.fit import Entry
from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.shapes import Traits, is_number
from engine.checkpoints.variables import (
    Variables,
    dense_and_labels,
    mapping_traits,
    rotated,
    turned,
    without_axes,
)


def converted(
    own: Variables, mapping: Variables, synthesis: Variables, settings: Mapping[str, Any]
) -> tuple[dict[str, Entry], Traits]:
    """Key -> tensor, and what the settings say beyond the shapes."""
    growing = any(name.startswith("ToRGB_lod") for name in synthesis)
    entries, labels = dense_and_labels(mapping, own.get("dlatent_avg"))
    top = _top(synthesis)
    for name, entry in synthesis.items():
        if name != "lod":
            key, value = _entry(name, entry, top)
            entries[f"synthesis.{key}"] = value
    lod = own["lod"].read().item() if growing and "lod" in own and own["lod"].shape == () else 0.0
    taps = settings.get("resample_kernel") or (1, 3, 3, 1)
    if type(taps) not in (list, tuple) or not all(is_number(tap) and abs(tap) < 1e6 for tap in taps):
        raise damaged("a resampling filter of no usable size")
    traits = Traits(
        **mapping_traits(settings), labels=labels, architecture="revised" if growing else settings.get("architecture"),
        activation=settings.get("nonlinearity", "lrelu"), conv_clamp=settings.get("conv_clamp"),
        resample_filter=tuple(float(tap) for tap in taps), num_fp16_res=settings.get("num_fp16_res") or 0, lod=lod,
    )  # fmt: skip
    return entries, traits


def _top(names: Variables) -> int:
    """The largest resolution that variables are named after."""
    return max((int(match[1]) for name in names if (match := re.match(r"(\d{1,5})x\1/", name))), default=4)


_PARTS = {
    "weight": "weight",
    "mod_weight": "affine.weight",
    "mod_bias": "affine.bias",
    "bias": "bias",
    "noise_strength": "noise_strength",
}
_LAYERS = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}


def _entry(name: str, entry: Entry, top: int) -> tuple[str, Entry]:
    """Published key and tensor for a variable of the synthesis network; unknown names stay and are refused later."""
    if match := re.fullmatch(r"noise(\d{1,2})", name):
        j = int(match[1])
        layer = "b4.conv1" if j == 0 else f"b{8 << (j - 1) // 2}.conv{(j - 1) % 2}"
        return f"{layer}.noise_const", without_axes(entry, 2)
    if name == "4x4/Const/const":
        return "b4.const", without_axes(entry, 1)
    if match := re.fullmatch(r"ToRGB_lod(\d{1,2})/(\w+)", name):
        return _part(f"b{top >> int(match[1])}", "ToRGB", match[2], entry)
    if match := re.fullmatch(r"(\d{1,5})x\1/(\w+)/(\w+)", name):
        return _part(f"b{match[1]}", match[2], match[3], entry)
    return name, entry


def _part(block: str, layer: str, part: str, entry: Entry) -> tuple[str, Entry]:
    key = f"{block}.{_LAYERS.get(layer, layer)}.{_PARTS.get(part, part)}"
    if part in ("weight", "mod_weight"):
        entry = turned(entry)
    if part == "weight" and layer in (
        "Conv0_up",
        "Skip",
    ):  # stored unrotated; PyTorch's upsampling layers convolve
        entry = rotated(entry)
    if part == "mod_bias":
        entry = entry.changed(entry.shape, lambda bias: bias + 1)
    return key, entry


def converted_critic(
    own: Variables, settings: Mapping[str, Any], function: str
) -> tuple[dict[str, Entry], Traits]:
    """A discriminator; those that pick an output by label, as plain StyleGAN2 does, have no PyTorch form: refused."""
    if (
        (settings.get("label_size", 0) != 0 and "LabelEmbed/weight" not in own)
        or "4x4/Dense0/weight" not in own
        or "Output/weight" not in own
    ):
        raise refusal(
            "a discriminator of StyleGAN2 without labels, or one that embeds them",
            f"one built by {function!r}",
            "play the generator",
        )
    top = _top(own)
    entries = {}
    for name, entry in own.items():
        if name != "lod" and not re.match(r"FromRGB_lod[1-9]", name):  # which only serve while it grows
            entries[_critic_key(name, top)] = turned(entry)
    traits = Traits(
        conv_clamp=settings.get("conv_clamp"), num_fp16_res=settings.get("num_fp16_res") or 0,
        activation=settings.get("nonlinearity", "lrelu"), lr_multiplier=settings.get("mapping_lrmul", 0.1),
        more={"mbstd_group_size": settings.get("mbstd_group_size", 4)},
    )  # fmt: skip
    return entries, traits


_CRITIC = {"Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip", "FromRGB": "fromrgb"}


def _critic_key(name: str, top: int) -> str:
    fixed = {
        "4x4/Conv": "b4.conv",
        "4x4/Dense0": "b4.fc",
        "Output": "b4.out",
        "LabelEmbed": "mapping.embed",
        "FromRGB_lod0": f"b{top}.fromrgb",
    }
    layer, _, part = name.rpartition("/")
    if layer in fixed:
        return f"{fixed[layer]}.{part}"
    if match := re.fullmatch(r"Mapping(\d{1,3})", layer):
        return f"mapping.fc{int(match[1])}.{part}"
    match = re.fullmatch(r"(\d{1,5})x\1/(\w+)", layer)
    return f"b{match[1]}.{_CRITIC.get(match[2], match[2])}.{part}" if match else f"b?.{name}"
