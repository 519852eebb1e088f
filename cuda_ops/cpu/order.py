"""How often the caller will differentiate: a promise that lets training take faster gradients."""

from collections.abc import Iterator
from contextlib import contextmanager

_first_order = False


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
