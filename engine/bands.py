"""Coarse, middle and fine: which rows of ws and which noise layers belong to which range of resolutions."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.frame import ModelFacts, StepReport

NAMES = ("coarse", "middle", "fine")
LARGEST = (8, 32)  # resolution of coarse and of middle layers: Karras et al. 2019, section 3.1


@dataclass(frozen=True)
class Band:
    """A range of layers: the rows of ws that drive them, and in words what they are (`16²–32²`, `rows 5–9`)."""

    name: str
    rows: tuple[int, ...]
    span: str


def bands(facts: ModelFacts, steps: Sequence[StepReport]) -> tuple[Band, ...]:
    """Coarse, middle and fine rows of ws; one that this network does not have is empty.

    4²–8², 16²–32² and 64² or more, as in the paper. StyleGAN3, whose layers have no such ladder, in thirds.
    """
    n = facts.num_ws
    if facts.family == "stylegan3":
        ends = (0, round(n / 3), round(2 * n / 3), n)
        parts = [tuple(range(a, b)) for a, b in zip(ends, ends[1:])]
        return tuple(Band(name, rows, f"rows {_span(rows)}") for name, rows in zip(NAMES, parts))
    sizes = row_sizes(n, steps)
    found = []
    for i, name in enumerate(NAMES):
        rows = tuple(row for row in range(n) if _band_of(sizes[row]) == i)
        found.append(Band(name, rows, squares([sizes[row] for row in rows])))
    return tuple(found)


def row_sizes(num_ws: int, steps: Sequence[StepReport]) -> list[int]:
    """Resolution that each row of ws acts on: that of the last step that reads it.

    StyleGAN2's RGB output shares its row with the next resolution's first layer, which is the one that matters. A row
    that nothing reads counts as the one before it.
    """
    sizes = [0] * num_ws
    for step in steps:
        for row in step.ws:
            sizes[row] = max(step.shape[1:])
    for row in range(1, num_ws):
        sizes[row] = sizes[row] or sizes[row - 1]
    return sizes


def noise_sizes(facts: ModelFacts, steps: Sequence[StepReport]) -> list[int]:
    """Resolution of each noise layer, in order."""
    sizes = {step.name: max(step.shape[1:]) for step in steps}
    return [sizes[name] for name in facts.noise_layers]


def squares(sizes: Sequence[int]) -> str:
    """Resolutions in words: `4²–8²`; nothing for none."""
    low, high = (min(sizes), max(sizes)) if sizes else (0, 0)
    return "" if not sizes else f"{low}²" if low == high else f"{low}²–{high}²"


def _band_of(size: int) -> int:
    return sum(size > largest for largest in LARGEST)


def _span(rows: tuple[int, ...]) -> str:
    return f"{rows[0]}–{rows[-1]}" if rows else ""
