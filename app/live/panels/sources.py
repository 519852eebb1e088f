"""Who drives which layer in style mixing: pure functions on the sources, and the colour each one has everywhere."""

from collections.abc import Iterable

import msgspec
from imgui_bundle import imgui

from app.live.theme import Theme
from engine.scene import Mixing, Source

BASE = 0  # owner number of the base latent; source i of the scene is owner i + 1
_COLOURS = (("accent",), ("teal",), ("violet",), ("accent", "violet"), ("teal", "violet"), ("accent", "teal"))


def owner(mixing: Mixing, row: int) -> int:
    """Owner of a row of ws: the last source that claims it, else the base latent."""
    return next((i for i in range(len(mixing.sources), 0, -1) if row in mixing.sources[i - 1].layers), BASE)


def owners(mixing: Mixing, num_ws: int) -> tuple[int, ...]:
    """Owner of every row of ws."""
    return tuple(owner(mixing, row) for row in range(num_ws))


def assign(mixing: Mixing, new_owner: int, rows: Iterable[int]) -> Mixing:
    """The same sources with `rows` belonging to `new_owner` alone."""
    taken = frozenset(rows)
    return Mixing(
        tuple(
            _with_layers(source, set(source.layers) - taken | (taken if i == new_owner else set()))
            for i, source in enumerate(mixing.sources, 1)
        )
    )


def add(mixing: Mixing, seed: int) -> Mixing:
    """One more source, which owns no layer yet."""
    return Mixing((*mixing.sources, Source(seed=seed)))


def remove(mixing: Mixing, old_owner: int) -> Mixing:
    """Without one source: its layers go to whoever claims them next, which is usually the base latent."""
    return Mixing(tuple(source for i, source in enumerate(mixing.sources, 1) if i != old_owner))


def colour(theme: Theme, number: int, alpha: float = 1.0) -> int:
    """Packed colour of an owner: amber for the base latent, teal, violet, then mixtures of them."""
    return imgui.color_convert_float4_to_u32(_mixed(theme, _COLOURS[number % len(_COLOURS)], alpha))


def _mixed(theme: Theme, names: tuple[str, ...], alpha: float) -> imgui.ImVec4:
    parts = [getattr(theme, name) for name in names]
    r, g, b = (sum(getattr(part, channel) for part in parts) / len(parts) for channel in "xyz")
    return imgui.ImVec4(r, g, b, alpha)


def _with_layers(source: Source, layers: set[int]) -> Source:
    return msgspec.structs.replace(source, layers=tuple(sorted(layers)))
