"""What the tests of the operations share: forcing a path, and comparing it with the specification in float64."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

from cuda_ops import cpu

PATHS = ("torch", "numba")


@contextmanager
def forced(name: str) -> Iterator[None]:
    before = cpu.mode()
    if name == "numba":
        assert cpu.wait().stage == "ready", cpu.status().why
    cpu.use(name)
    try:
        yield
    finally:
        cpu.use(before)


@contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def sharing() -> Iterator[None]:
    """However little there is to do, the kernels share it among all threads."""
    from cuda_ops.cpu import compiled

    before = compiled.LITTLE_WORK, compiled.LITTLE_PICTURE
    compiled.LITTLE_WORK = compiled.LITTLE_PICTURE = 0
    try:
        yield
    finally:
        compiled.LITTLE_WORK, compiled.LITTLE_PICTURE = before


def check(path: str, op: Callable[..., Tensor], *args: object, tol: float = 1e-5, **kwargs: object) -> None:
    """`op` on `path` in float32, by one thread and by two, against the reference in float64."""
    with torch.no_grad():
        with forced("reference"):
            want = op(*map(double, args), **{k: double(v) for k, v in kwargs.items()})
        for number in (1, 2) if path == "numba" else (1,):
            with forced(path), threads(number), nullcontext() if number == 1 else sharing():
                compare(op(*args, **kwargs), want, tol)


def compare(got: Tensor, want: Tensor, tol: float) -> None:
    """Within `tol` of the largest value; NaN and infinities in the very same places."""
    assert got.dtype == torch.float32 and got.shape == want.shape
    assert torch.equal(got.isnan(), want.isnan())
    assert torch.equal(got.isinf(), want.isinf())
    finite = want.isfinite()
    scale = want[finite].abs().max() if finite.any() else 1.0
    error = (got.double() - want)[finite].abs().max() if finite.any() else 0.0
    assert error <= tol * scale, f"off by {error / scale:.1e} of the largest value"


def double(value: object) -> object:
    return value.double() if isinstance(value, Tensor) else value


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + 7919 * len(shape)))
