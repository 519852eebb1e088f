"""What the caller promises of its gradients, so that training takes the paths that suit it."""

from collections.abc import Iterator
from contextlib import contextmanager

_first_order = _training = False


@contextmanager
def first_order() -> Iterator[None]:
    """Within `with`, what needs gradients may take paths that cannot be differentiated twice."""
    global _first_order
    before, _first_order = _first_order, True
    try:
        yield
    finally:
        _first_order = before


def is_first_order() -> bool:
    """Whether the caller promised not to differentiate twice."""
    return _first_order


@contextmanager
def training() -> Iterator[None]:
    """Within `with`, passes without gradients take the same paths as those with: not the kernels for inference.

    Those are compiled in the background, and rounding would depend on the moment at which they are ready.
    """
    global _training
    before, _training = _training, True
    try:
        yield
    finally:
        _training = before


def is_training() -> bool:
    """Whether a training step is being computed."""
    return _training
