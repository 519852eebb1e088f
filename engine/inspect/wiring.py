"""Who drives whom between the steps of a network: read off what each step took from the state and left in it."""

from collections.abc import Sequence
from typing import Protocol

from engine.networks.common import State


class Flows(Protocol):
    """What a step report tells of its place between the others."""

    @property
    def reads(self) -> tuple[str, ...]: ...
    @property
    def writes(self) -> tuple[str, ...]: ...


def flow(before: State, after: State) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which of `x`, `img` and `skip` a step read and wrote; nothing for a step that the level of detail leaves out."""
    changed = tuple(name for name in ("x", "img", "skip") if getattr(before, name) is not getattr(after, name))
    if not changed:
        return (), ()
    reads = [] if before.x is None else ["x"]
    if before.img is not None and "img" in changed and after.img is not after.out:
        reads.append("img")  # an output that is the whole picture needs nothing of the one before
    if before.skip is not None and after.skip is None:
        reads.append("skip")
    return tuple(reads), tuple(name for name in changed if getattr(after, name) is not None)


def wires(steps: Sequence[Flows]) -> tuple[tuple[int, int], ...]:
    """Pairs (from, to) of step numbers; `len(steps)` is the picture."""
    owner: dict[str, int] = {}
    painted = None  # the step whose features the picture so far was made from
    found = []
    for i, step in enumerate(steps):
        reads = step.reads
        if "img" in step.writes:
            if painted is not None and painted == owner.get("x"):
                reads = ("img",)  # a level of detail left this resolution out: the coarser picture, enlarged
            painted = owner.get("x")
        found += [(owner[name], i) for name in reads if name in owner]
        owner |= dict.fromkeys(step.writes, i)
    last = owner.get("img", owner.get("x"))
    return (*found, (last, len(steps))) if last is not None else ()
