"""State dicts by published keys (torch.save or safetensors), with a JSON of settings beside them if there is one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.checkpoints import fit
from engine.checkpoints.fit import Draft, Entry
from engine.checkpoints.limits import refusal
from engine.checkpoints.shapes import Traits, is_number
from engine.checkpoints.tensors import TensorRef

NO_SETTINGS = (
    "The file brings no settings: the published ones were assumed; to change them put the generator's arguments "
    "into a .json of the same name."
)
LONGEST_SETTINGS = 1 << 20  # bytes
_NAMES = ("G_ema", "G", "D", "g_ema", "generator", "state_dict", "params_ema", "params", "model")
_TRAITS = ("architecture", "activation", "conv_clamp", "num_fp16_res", "lod")


def recognise(top: Any) -> bool:
    """Whether a dict holds a generator by published keys, itself or under one of the usual names."""
    return bool(_state_dicts(top))


def _state_dicts(top: Any) -> dict[str, dict[str, Entry]]:
    """Our name -> key -> tensor, for each state dict in `top`."""
    if not isinstance(top, dict):
        return {}
    found = {}
    for name, state in [("G_ema", top), *((name, top.get(name)) for name in _NAMES)]:
        if isinstance(state, dict):
            entries = {
                _plain(str(key)): value if isinstance(value, Entry) else Entry.of(value)
                for key, value in state.items()
                if isinstance(value, TensorRef | Entry)
            }
            if "mapping.fc0.weight" in entries and (
                "synthesis.b4.const" in entries or "synthesis.input.weight" in entries
            ):
                found[name if name in ("G", "G_ema") else "G_ema"] = entries
    return found


def _plain(key: str) -> str:
    """The key without what wrappers put in front of it."""
    for prefix in ("module.", "generator.", "G_ema.", "G."):
        key = key.removeprefix(prefix)
    return key[:120]


def networks(
    top: dict, settings: Mapping[str, Any] | None
) -> tuple[dict[str, Callable[[], Draft]], list[str]]:
    """Name -> how to read it; and what else is inside."""
    states = _state_dicts(top)
    found = {name: lambda entries=entries: _network(entries, settings) for name, entries in states.items()}
    others = [
        str(name)[:40]
        for name, value in top.items()
        if not isinstance(value, TensorRef | Entry) and name not in _NAMES
    ]
    return found, others


def _network(entries: dict[str, Entry], settings: Mapping[str, Any] | None) -> Draft:
    family = "stylegan3" if "synthesis.input.weight" in entries else "stylegan2"
    traits = traits_of(dict(settings or {}), family)
    notes = () if settings else (NO_SETTINGS,)
    return fit.network(family, entries, traits, notes)


def traits_of(settings: dict[str, Any], family: str) -> Traits:
    """The generator's arguments (flat, or as `synthesis_kwargs` and `mapping_kwargs`), as traits."""
    given = settings.get("G_kwargs", settings.get("config", settings))
    flat = dict(given) if isinstance(given, dict) else {}
    for name in ("synthesis_kwargs", "synthesis"):
        nested = flat.pop(name, None)
        flat |= nested if isinstance(nested, dict) else {}
    mapping = flat.get("mapping_kwargs", flat.get("mapping"))
    mapping = mapping if isinstance(mapping, dict) else {}
    chosen = {name: flat[name] for name in _TRAITS if name in flat}
    if family == "stylegan3":
        chosen = {"conv_clamp": flat.get("conv_clamp", 256)}
    taps = flat.get("resample_filter")
    if isinstance(taps, list) and all(is_number(tap) and abs(tap) < 1e6 for tap in taps):
        chosen["resample_filter"] = tuple(float(tap) for tap in taps)
    return Traits(
        mapping_activation=mapping.get("activation", "lrelu"),
        lr_multiplier=mapping.get("lr_multiplier", 0.01),
        w_avg_beta=mapping.get("w_avg_beta", 0.998),
        labels=mapping.get("labels", "embed"),
        more=flat,
        **chosen,
    )


def settings_beside(path: Path) -> dict[str, Any] | None:
    """The settings in NAME.json beside NAME.safetensors, or in the folder's `.config.json`; None without either."""
    for beside in (path.with_suffix(".json"), path.with_name(".config.json")):
        if beside.is_file() and beside != path:
            return parse_settings(beside.read_bytes(), beside.name)
    return None


def parse_settings(data: bytes, name: str) -> dict[str, Any]:
    """Settings from JSON; raises CheckpointError if it is none."""
    try:
        if len(data) > LONGEST_SETTINGS:
            raise msgspec.DecodeError
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refusal(
            f"the generator's arguments as JSON in {name}", "something else", "correct or remove that file"
        ) from None
