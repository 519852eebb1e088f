"""What a person may know of the GPU's kernels: whether they serve, why not, and which single ones are off."""

from dataclasses import dataclass

from cuda_ops.gpu import choice, guard, verdict


@dataclass(frozen=True)
class Status:
    """`path` is kernels, torch or checking; `why` a sentence; `off` one sentence for each kernel that may not serve."""

    path: str
    why: str
    off: tuple[str, ...] = ()


def status(index: int = 0) -> Status:
    """The path that the next call on GPU `index` takes. Asking starts nothing."""
    if choice.mode() == "torch":
        return Status("torch", "Chosen: the GPU path is set to torch.")
    known = verdict.of(index)
    if known.stage == "idle":
        return Status("torch", "The kernels are checked when the first picture is computed.")
    if known.stage == "checking":
        return Status("checking", "The kernels are being checked in the background; torch computes meanwhile.")
    off = [f"{name}: {why}" for name, why in known.off.items()]
    off += [f"{use.kernel} ({use.what}): {use.why}" for use in guard.uses() if use.why is not None]
    if len(known.off) == len(verdict.KERNELS):
        return Status("torch", f"No kernel serves: {next(iter(known.off.values()))}.", tuple(off))
    if off:
        return Status("kernels", "Kernels serve, except these; torch computes in their place.", tuple(off))
    return Status("kernels", "Kernels compiled for this GPU, checked against torch.")
