"""A kernel is believed once it has agreed with the torch path: on this machine, and in each specialisation."""

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch
from torch import Tensor

from cuda_ops.gpu import choice, device, verdict
from cuda_ops.gpu.fir import Unserved

log = logging.getLogger(__name__)

TOLERANCE = {torch.float32: 1e-4, torch.float16: 4e-3, torch.uint8: 0.0}  # of the largest value


@dataclass(frozen=True)
class Use:
    """One specialisation of one kernel as it was first used; `why` is None where it agreed."""

    kernel: str
    what: str
    why: str | None


_uses: dict[Hashable, Use] = {}
_lock = threading.Lock()


def uses() -> list[Use]:
    """Every specialisation that has been tried so far in this process."""
    return list(_uses.values())


def forget() -> None:
    _uses.clear()


def run(
    name: str, key: Hashable, x: Tensor, fast: Callable[[], Tensor], plain: Callable[[Tensor], Tensor]
) -> Tensor:
    """`fast()` where it is known to be right, else `plain(x)`; at the first use of `key` both, and the verdict is kept.

    `name` is the kernel, `key` its specialisation and device. Neither waits for the GPU after the first use. A graph
    that is being captured gets the torch path for what has not been tried before.
    """
    if not verdict.allows(kernel_name(name, x), device.index_of(x)):
        return _reference(plain, x)
    use = _uses.get((name, key))
    if use is None:
        if device.here.capturing():
            return _reference(plain, x)
        with _lock:
            return _first_use(name, key, x, fast, plain)
    if use.why is not None:
        return _reference(plain, x)
    try:
        return fast()
    except torch.OutOfMemoryError:
        raise  # says nothing against the kernel
    except (RuntimeError, OSError) as error:  # a launch that fails: this one is off from now on
        _judge(name, key, f"{type(error).__name__}: {error}")
        return _reference(plain, x)


def kernel_name(name: str, x: Tensor) -> str:
    """What verdicts are about: a kernel in one precision."""
    return f"{name} fp16" if x.dtype == torch.float16 else f"{name} fp32"


def disagreement(got: Tensor, want: Tensor, dtype: torch.dtype) -> str | None:
    """Why `got` is not `want` within its tolerance, or None; where `want` is not finite `got` may be anything."""
    if got.shape != want.shape:
        return f"shape {tuple(got.shape)} instead of {tuple(want.shape)}"
    got, want = got.float(), want.float()
    finite = want.isfinite()
    if not finite.any():
        return None
    scale = want[finite].abs().max().clamp_min(1e-6)
    error = float((got - want)[finite].abs().max() / scale)  # NaN where the kernel made one
    return None if error <= TOLERANCE[dtype] else f"off by {error:.1e} of the largest value"


def _first_use(
    name: str, key: Hashable, x: Tensor, fast: Callable[[], Tensor], plain: Callable[[Tensor], Tensor]
) -> Tensor:
    with device.here.exact():
        want = _reference(plain, x.float())  # before `fast`, which may write into x
    try:
        got = fast()
        device.here.synchronize(device.index_of(x))  # an error of the launch shows here
        why = disagreement(got, want, got.dtype)
    except torch.OutOfMemoryError:
        raise
    except Unserved as error:
        _uses[name, key] = Use(name, str(key), f"no specialisation for {error}")
        return _like(want, x)
    except (RuntimeError, OSError) as error:
        why = f"{type(error).__name__}: {error}"
    if why is None and not bool(want.float().isfinite().any()):
        return _like(want, x)  # nothing was proved; the next use is asked again
    _judge(name, key, why)
    return got if why is None else _like(want, x)


def _judge(name: str, key: Hashable, why: str | None) -> None:
    _uses[name, key] = Use(name, str(key), why)
    if why is not None:
        log.warning("%s %s: kernel off, the torch path serves (%s)", name, key, why)


def _like(want: Tensor, x: Tensor) -> Tensor:
    return want.to(x.dtype) if want.is_floating_point() else want


def _reference(plain: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with choice.reference():
        return plain(x)
