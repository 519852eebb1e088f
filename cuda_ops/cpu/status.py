"""What a person may know of the CPU paths: which one computes, why, and how far compilation has come."""

from dataclasses import dataclass

from cuda_ops.cpu import choice, compile


@dataclass(frozen=True)
class Status:
    """`path` is numba, torch or reference; `why` a sentence for people; `progress` 0..1 while compiling, else None."""

    path: str
    why: str
    progress: float | None = None


def status() -> Status:
    """The path that the next inference call on the CPU takes. Calling this starts nothing."""
    mode, state = choice.mode(), compile.state()
    if mode in ("torch", "reference"):
        return Status(mode, f"Chosen: the CPU path is set to {mode}.")
    if state.stage == "compiling":
        return Status("torch", state.why, state.done / max(state.total, 1))
    return Status("numba" if state.stage == "ready" else "torch", state.why)
