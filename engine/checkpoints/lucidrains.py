"""lucidrains' stylegan2-pytorch: {"GAN": state dict}, with `.config.json` in the same folder."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.checkpoints import fit
from engine.checkpoints.fit import Draft, Entry
from engine.checkpoints.shapes import Traits
from engine.checkpoints.tensors import TensorRef

LR_MULTIPLIER = 0.1
PREFIXES = {"G_ema": ("SE.", "GE."), "G": ("S.", "G.")}
OTHER_PARTS = ("D.", "D_aug.", "D_cl.")
NO_SETTINGS = (
    f"No .config.json lies beside the file: the learning rate multiplier of its mapping network was assumed to be "
    f"{LR_MULTIPLIER}, which is that of the package."
)


def recognise(top: Any) -> bool:
    """Whether a dict holds the package's state dict."""
    state = top.get("GAN") if isinstance(top, dict) else None
    return isinstance(state, dict) and ("GE.initial_conv.weight" in state or "G.initial_conv.weight" in state)


def networks(
    top: dict, settings: Mapping[str, Any] | None
) -> tuple[dict[str, Callable[[], Draft]], list[str]]:
    """Name -> how to read it; and what else is inside."""
    refs = {str(key)[:120]: ref for key, ref in top["GAN"].items() if isinstance(ref, TensorRef)}
    found: dict[str, Callable[[], Draft]] = {}
    for name, (style, synthesis) in PREFIXES.items():
        if f"{synthesis}initial_conv.weight" in refs:
            found[name] = lambda style=style, synthesis=synthesis: _network(refs, style, synthesis, settings)
    others = [str(key)[:40] for key in top if key != "GAN"]
    if any(key.startswith(OTHER_PARTS) for key in refs):
        others.append("D")
    return found, others


def _network(
    refs: Mapping[str, TensorRef], style: str, synthesis: str, settings: Mapping[str, Any] | None
) -> Draft:
    entries = {}
    for key, ref in refs.items():
        for theirs, ours in ((style, "mapping."), (synthesis, "synthesis.")):
            if key.startswith(theirs):
                entries[ours + key.removeprefix(theirs)] = Entry.of(ref)
    given = (settings or {}).get("lr_mlp")
    traits = Traits(lr_multiplier=LR_MULTIPLIER if given is None else given)
    return fit.network("lucidrains", entries, traits, () if given is not None else (NO_SETTINGS,))
