"""rosinality's stylegan2-pytorch: a dict of state dicts, converted (g_ema, latent_avg) or of training (g, d, g_ema)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from engine.checkpoints import fit
from engine.checkpoints.fit import Draft, Entry
from engine.checkpoints.limits import damaged
from engine.checkpoints.shapes import Traits
from engine.checkpoints.tensors import TensorRef

_NAMES = {"g_ema": "G_ema", "g": "G", "d": "D"}
_LAYERS = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
}
_COLOURS = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "bias": "bias",
}
_D_LAYERS = {
    "conv1.0.weight": "conv0.weight",
    "conv1.1.bias": "conv0.bias",
    "conv2.1.weight": "conv1.weight",
    "conv2.2.bias": "conv1.bias",
    "conv2.0.kernel": "conv1.resample_filter",
    "skip.1.weight": "skip.weight",
    "skip.0.kernel": "skip.resample_filter",
}
_D_LAST = {
    "final_conv.0.weight": "b4.conv.weight",
    "final_conv.1.bias": "b4.conv.bias",
    "final_linear.0.weight": "b4.fc.weight",
    "final_linear.0.bias": "b4.fc.bias",
    "final_linear.1.weight": "b4.out.weight",
    "final_linear.1.bias": "b4.out.bias",
}


def recognise(top: Any) -> bool:
    """Whether a dict holds a state dict with rosinality's names."""
    return isinstance(top, dict) and any(_is_generator(top.get(name)) for name in ("g_ema", "g"))


def _is_generator(state: Any) -> TypeGuard[dict]:
    return isinstance(state, dict) and "input.input" in state and "conv1.conv.weight" in state


def networks(top: dict) -> tuple[dict[str, Callable[[], Draft]], list[str]]:
    """Name -> how to read it; and what else is inside."""
    found: dict[str, Callable[[], Draft]] = {}
    for theirs, ours in _NAMES.items():
        state = top.get(theirs)
        if _is_generator(state):
            average = top.get("latent_avg") if theirs == "g_ema" or "g_ema" not in top else None
            found[ours] = lambda state=state, average=average: read_generator(state, average)
        elif isinstance(state, dict) and "final_linear.1.weight" in state:
            found[ours] = lambda state=state: read_discriminator(state)
    others = [str(name)[:40] for name in top if name not in (*_NAMES, "latent_avg")]
    return found, others


def read_generator(state: Mapping[str, Any], average: Any) -> Draft:
    """A generator by its published PyTorch keys; the average latent and the noise are made if the file has none."""
    entries: dict[str, Entry] = {}
    for name, ref in _tensors(state).items():
        key, entry = _generator_entry(name, Entry.of(ref))
        entries[key] = entry
    if isinstance(average, TensorRef):
        entries["mapping.w_avg"] = Entry.of(average)
    traits = Traits(w_avg_beta=0.995, architecture="skip")
    return fit.network("stylegan2", entries, traits)


def _generator_entry(name: str, entry: Entry) -> tuple[str, Entry]:
    """Published key and tensor for rosinality's `name`; names that nobody knows keep theirs and are refused later."""
    if match := re.fullmatch(r"style\.(\d{1,3})\.(weight|bias)", name):
        return f"mapping.fc{int(match[1]) - 1}.{match[2]}", entry
    if name == "input.input":
        return "synthesis.b4.const", _dropped(entry, 1)
    if match := re.fullmatch(r"noises\.noise_(\d{1,3})", name):
        return f"synthesis.{_layer(int(match[1]))}.noise_const", _dropped(entry, 2)
    if match := re.fullmatch(r"(conv1|convs\.(\d{1,3}))\.(.+)", name):
        return _layer_entry(0 if match[2] is None else int(match[2]) + 1, match[3], entry)
    if match := re.fullmatch(r"(to_rgb1|to_rgbs\.(\d{1,2}))\.(.+)", name):
        return _colour_entry(0 if match[2] is None else int(match[2]) + 1, match[3], entry)
    return f"synthesis.{name[:80]}", entry


def _layer(index: int) -> str:
    """Published name of layer `index`, counted as noise inputs are: one at 4x4, then two for each resolution."""
    return "b4.conv1" if index == 0 else f"b{8 << (index - 1) // 2}.conv{(index - 1) % 2}"


def _layer_entry(index: int, part: str, entry: Entry) -> tuple[str, Entry]:
    layer = f"synthesis.{_layer(min(index, 30))}"
    if part == "conv.blur.kernel":
        return f"{layer}.resample_filter", entry.changed(entry.shape, lambda kernel: kernel / 4)
    if part == "conv.weight":
        entry = _dropped(entry, 1)
    if part == "noise.weight":
        entry = entry.changed((), lambda weight: weight.reshape(-1)[0]) if entry.shape == (1,) else entry
    return f"{layer}.{_LAYERS.get(part, part[:60])}", entry


def _colour_entry(index: int, part: str, entry: Entry) -> tuple[str, Entry]:
    block = f"synthesis.b{4 << min(index, 20)}"
    if part == "upsample.kernel":
        return f"{block}.resample_filter", entry.changed(entry.shape, lambda kernel: kernel / 4)
    if part == "conv.weight":
        entry = _dropped(entry, 1)
    if part == "bias" and len(entry.shape) == 4:
        entry = entry.changed(entry.shape[1:2], lambda bias: bias.reshape(-1))
    return f"{block}.torgb.{_COLOURS.get(part, part[:60])}", entry


def read_discriminator(state: Mapping[str, Any]) -> Draft:
    """A residual discriminator by its published PyTorch keys."""
    refs = _tensors(state)
    stages = sum(name.endswith(".skip.1.weight") for name in refs)
    entries = {}
    for name, ref in refs.items():
        entry = Entry.of(ref)
        key = _discriminator_key(name, stages)
        is_filter = key.endswith("resample_filter")  # theirs is not multiplied by 4 when it filters down
        entries[key] = (
            entry if not is_filter else entry.changed(entry.shape, lambda kernel: kernel / kernel.sum())
        )
    return fit.network("discriminator", entries, Traits(more={"mbstd_group_size": 4}))


def _discriminator_key(name: str, stages: int) -> str:
    if name in _D_LAST:
        return _D_LAST[name]
    match = re.fullmatch(r"convs\.(\d{1,2})\.(.+)", name)
    if match is None or int(match[1]) > stages:
        return f"b?.{name[:80]}"
    index, part = int(match[1]), match[2]
    if index == 0:
        first = f"b{4 << stages}.fromrgb"
        return {"0.weight": f"{first}.weight", "1.bias": f"{first}.bias"}.get(part, f"{first}.{part[:60]}")
    return f"b{4 << (stages + 1 - index)}.{_D_LAYERS.get(part, part[:60])}"


def _dropped(entry: Entry, axes: int) -> Entry:
    """The tensor without its first `axes` axes, which have length 1."""
    if entry.shape[:axes] != (1,) * axes:
        raise damaged("a tensor with a strange shape")
    return entry.changed(entry.shape[axes:], lambda tensor: tensor.reshape(tensor.shape[axes:]))


def _tensors(state: Mapping[str, Any]) -> dict[str, TensorRef]:
    return {str(name)[:120]: ref for name, ref in state.items() if isinstance(ref, TensorRef)}
