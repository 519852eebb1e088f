"""Network pickles of stylegan2-ada-pytorch and stylegan3: a dict of modules, each layer an object with its settings."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from engine.checkpoints import fit, plan3
from engine.checkpoints.fit import Draft, Entry
from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.records import Module
from engine.checkpoints.shapes import Shapes, Traits
from engine.checkpoints.tensors import ArrayRef, TensorRef

MAX_MODULES = 4096
MAX_DEPTH = 16
_KNOWN_SETTINGS = frozenset(
    """
    z_dim c_dim w_dim img_resolution img_channels mapping_kwargs synthesis_kwargs num_layers embed_features
    layer_features activation lr_multiplier w_avg_beta channel_base channel_max num_fp16_res architecture
    resample_filter conv_clamp fp16_channels_last fused_modconv_default use_noise kernel_size num_critical
    first_cutoff first_stopband last_stopband_rel margin_size output_scale conv_kernel filter_size
    lrelu_upsampling use_radial_filters magnitude_ema_beta
    """.split()  # noqa: SIM905
)
_SG3_DEFAULTS = {
    "num_critical": 2,
    "first_stopband": 2**2.1,
    "last_stopband_rel": 2**0.3,
    "num_fp16_res": 4,
    "filter_size": 6,
    "lrelu_upsampling": 2,
    "channel_base": 32768,
    "channel_max": 512,
}


def recognise(top: Any) -> bool:
    """Whether the object of a pickle is a module, or a dict with one."""
    return isinstance(top, Module) or (
        isinstance(top, dict) and any(isinstance(value, Module) for value in top.values())
    )


def describe(top: Any) -> str:
    """Name of the format, told by the structure, since the program text inside is not read."""
    modules = (
        [top] if isinstance(top, Module) else [value for value in top.values() if isinstance(value, Module)]
    )
    for module in modules:
        children = _children(_children(module).get("synthesis"))
        if "input" in children:
            return "stylegan3 pickle"
        if children:
            nested = isinstance(_settings(module).get("synthesis_kwargs"), dict)
            return "stylegan2-ada-pytorch pickle" if nested else "stylegan2 pickle (stylegan3 repository)"
    return "PyTorch network pickle"


def networks(top: Any) -> tuple[dict[str, Callable[[], Draft]], list[str]]:
    """Name -> how to read it, for all generators and discriminators; and what else is inside."""
    named = {"G_ema": top} if isinstance(top, Module) else top
    found: dict[str, Callable[[], Draft]] = {}
    others = []
    for name, value in named.items():
        if isinstance(value, Module) and "synthesis" in _children(value):
            found[str(name)] = lambda module=value: read_generator(module)
        elif isinstance(value, Module) and "b4" in _children(value):
            found[str(name)] = lambda module=value: read_discriminator(module)
        else:
            others.append(str(name)[:40])
    return found, others


def read_generator(module: Module) -> Draft:
    """A generator as its layers describe themselves."""
    layers = dict(walk(module))
    entries = {key: Entry.of(ref) for key, ref in tensors(layers).items()}
    if "synthesis.input.weight" in entries:
        draft = _stylegan3(module, layers, entries)
    else:
        draft = _stylegan2(module, layers, entries)
    _compare(draft.config, module.state)
    return draft


def read_discriminator(module: Module) -> Draft:
    """A discriminator as its layers describe themselves."""
    layers = dict(walk(module))
    entries = {key: Entry.of(ref) for key, ref in tensors(layers).items()}
    settings = _settings(module)
    fp16 = [
        m.state["use_fp16"]
        for prefix, m in layers.items()
        if prefix.count(".") == 1 and "use_fp16" in m.state
    ]
    first = next((m.state for prefix, m in layers.items() if prefix.endswith(".conv0.")), {})
    traits = Traits(
        **_mapping_traits(layers, settings, 0.995),
        activation=first.get("activation", "lrelu"),
        conv_clamp=first.get("conv_clamp", settings.get("conv_clamp")),
        resample_filter=_taps(entries.get("b8.resample_filter"), None),
        num_fp16_res=sum(map(bool, fp16)),
        more={"mbstd_group_size": _attributes(layers, "b4.mbstd.").get("group_size", 4)},
    )
    return fit.network("discriminator", entries, traits)


def walk(module: Module, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Module]]:
    """(prefix, module) for a module and all inside of it; raises CheckpointError for endless nesting."""
    yield from _bounded(_walk(module, prefix, depth))


def _bounded(modules: Iterator[tuple[str, Module]]) -> Iterator[tuple[str, Module]]:
    for count, item in enumerate(modules):
        if count > MAX_MODULES:
            raise refusal(
                f"at most {MAX_MODULES} layers", "more", "the file is damaged or made to hang its reader"
            )
        yield item


def _walk(module: Module, prefix: str, depth: int) -> Iterator[tuple[str, Module]]:
    if depth > MAX_DEPTH:
        raise refusal(
            f"layers nested at most {MAX_DEPTH} deep",
            "more",
            "the file is damaged or made to hang its reader",
        )
    yield prefix, module
    for name, child in _children(module).items():
        if isinstance(child, Module):
            yield from _walk(child, f"{prefix}{str(name)[:80]}.", depth + 1)


def tensors(layers: Mapping[str, Module]) -> dict[str, TensorRef]:
    """Key -> tensor of all parameters and buffers; slots that hold nothing are left out."""
    found = {}
    for prefix, module in layers.items():
        for kind in ("_parameters", "_buffers"):
            slots = module.state.get(kind, {})
            if not isinstance(slots, dict):
                raise damaged("a layer without tensors")
            found |= {
                f"{prefix}{str(name)[:80]}": ref for name, ref in slots.items() if isinstance(ref, TensorRef)
            }
    return found


def _stylegan2(module: Module, layers: Mapping[str, Module], entries: dict[str, Entry]) -> Draft:
    settings = _settings(module)
    nested = settings.get("synthesis_kwargs")
    ada = isinstance(nested, dict)
    synthesis: Mapping[str, Any] = nested if isinstance(nested, dict) else settings
    conv = _attributes(layers, "synthesis.b4.conv1.")
    blocks = [
        m.state for prefix, m in layers.items() if prefix.count(".") == 2 and prefix.startswith("synthesis.b")
    ]
    fp16 = [block["use_fp16"] for block in blocks if "use_fp16" in block]
    traits = Traits(
        **_mapping_traits(layers, settings, 0.995 if ada else 0.998),
        architecture=_attributes(layers, "synthesis.b4.").get("architecture", synthesis.get("architecture")),
        activation=conv.get("activation", "lrelu"),
        conv_clamp=_same_clamp(layers, synthesis.get("conv_clamp", None if ada else 256)),
        resample_filter=_taps(entries.get("synthesis.b4.resample_filter"), synthesis.get("resample_filter")),
        num_fp16_res=sum(map(bool, fp16)) if fp16 else synthesis.get("num_fp16_res", 0 if ada else 4),
    )
    return fit.network("stylegan2", entries, traits, _setting_notes(settings))


def _stylegan3(module: Module, layers: Mapping[str, Module], entries: dict[str, Entry]) -> Draft:
    settings = _settings(module)
    nested = settings.get("synthesis_kwargs")
    more = dict(_SG3_DEFAULTS)
    more |= {
        key: settings[key]
        for key in (*more, "margin_size", "output_scale", "magnitude_ema_beta")
        if key in settings
    }
    more |= nested if isinstance(nested, dict) else {}
    own = _attributes(layers, "synthesis.")
    more |= {
        key: own[key] for key in ("margin_size", "output_scale", "num_critical", "num_fp16_res") if key in own
    }
    first = _attributes(layers, "synthesis.input.")
    more["first_cutoff"] = first.get("bandwidth", settings.get("first_cutoff", 2))
    names = plan3.layer_names(Shapes({key: entry.shape for key, entry in entries.items()}))
    attributes = [_attributes(layers, f"synthesis.{name}.") for name in names]
    more["magnitude_ema_beta"] = attributes[0].get(
        "magnitude_ema_beta", more.get("magnitude_ema_beta", 0.999)
    )
    clamp = _same_clamp(layers, settings.get("conv_clamp", 256))
    traits = Traits(**_mapping_traits(layers, settings, 0.998), conv_clamp=clamp, more=more)
    draft = fit.network("stylegan3", entries, traits, _setting_notes(settings))
    for layer, said in zip(plan3.plan(draft.config), attributes, strict=True):
        plan3.check_layer(layer, said)
    return draft


def _mapping_traits(layers: Mapping[str, Module], settings: Mapping[str, Any], beta: float) -> dict[str, Any]:
    given = settings.get("mapping_kwargs")
    kwargs: dict = given if isinstance(given, dict) else {}
    layer = _attributes(layers, "mapping.fc0.")
    return {
        "mapping_activation": layer.get("activation", kwargs.get("activation", "lrelu")),
        "lr_multiplier": layer.get("bias_gain", kwargs.get("lr_multiplier", 0.01)),
        "w_avg_beta": _attributes(layers, "mapping.").get("w_avg_beta", kwargs.get("w_avg_beta", beta)),
    }


def _same_clamp(layers: Mapping[str, Module], default: Any) -> Any:
    """The clamp of all layers of the synthesis network, which must agree; shortcuts have none by design."""
    clamps = [
        module.state["conv_clamp"]
        for prefix, module in layers.items()
        if prefix.startswith("synthesis.") and "conv_clamp" in module.state and not prefix.endswith(".skip.")
    ]
    if any(type(clamp) not in (int, float, type(None)) for clamp in clamps) or len(set(clamps)) > 1:
        raise refusal("one conv_clamp for all layers", "several", "this is a network of another kind")
    return clamps[0] if clamps else default


def _taps(entry: Entry | None, said: Any) -> tuple[float, ...]:
    """The resampling filter as a row of taps, from the buffer that the blocks keep."""
    if entry is None or len(entry.shape) not in (1, 2) or not 1 <= entry.shape[0] <= 64:
        raise damaged("no resampling filter")
    stored = entry.read().double()
    row = stored.sum(0) if stored.ndim == 2 else stored
    if not torch.isfinite(stored).all() or row.sum().abs() < 1e-6:
        raise damaged("a resampling filter of no usable size")
    if stored.ndim == 2 and not torch.allclose(torch.outer(row, row), stored, atol=1e-5):
        raise refusal("a separable resampling filter", "another", "this is a network of another kind")
    if (
        isinstance(said, list | tuple)
        and len(said) == len(row)
        and all(type(tap) in (int, float) for tap in said)
    ):
        given = torch.tensor([float(tap) for tap in said], dtype=torch.float64)
        if torch.allclose(given / given.sum(), row, atol=1e-6):
            return tuple(given.tolist())
    first = row / row[0] if row[0] != 0 else row  # 1, 3, 3, 1 reads better than eighths
    return tuple((first.round() if torch.allclose(first, first.round(), atol=1e-5) else row).tolist())


def _compare(config: Any, said: Mapping[str, Any]) -> None:
    """What the generator says of itself must be what its tensors say."""
    for name in ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels"):
        seen = getattr(config, name)
        if name in said and said[name] != seen and not isinstance(said[name], list | tuple | ArrayRef):
            raise refusal(
                f"{name} {seen}, as its tensors have it", "another in its settings", "the file is damaged"
            )


def _setting_notes(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """A note for each setting that nobody knows, nested ones included."""
    names = list(settings)
    for nested in ("mapping_kwargs", "synthesis_kwargs"):
        names += list(settings[nested]) if isinstance(settings.get(nested), dict) else []
    return tuple(
        f"Ignored the setting {str(name)[:60]!r}: StyleScope does not know it, "
        "and every tensor is accounted for without it."
        for name in names
        if name not in _KNOWN_SETTINGS
    )


def _attributes(layers: Mapping[str, Module], prefix: str) -> Mapping[str, Any]:
    return layers[prefix].state if prefix in layers else {}


def _settings(module: Module) -> Mapping[str, Any]:
    settings = module.state.get("_init_kwargs", {})
    return settings if isinstance(settings, dict) else {}


def _children(module: Any) -> Mapping[str, Any]:
    children = module.state.get("_modules", {}) if isinstance(module, Module) else {}
    return children if isinstance(children, dict) else {}
