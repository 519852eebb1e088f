"""How parameters are declared: `param` says what a number means, a `Topic` groups parameters."""

import msgspec


def param(
    low: float | None = None,
    high: float | None = None,
    *,
    label: str,
    help: str,
    unit: str = "",
    slider: tuple[float, float] | None = None,
    step: float | None = None,
) -> msgspec.Meta:
    """Declare a parameter: hard range `low..high`, words for people, the range a slider shows, one fine step."""
    extra = {"unit": unit, "slider": slider, "step": step}
    return msgspec.Meta(ge=low, le=high, title=label, description=help, extra=extra)


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of parameters: frozen, comparable, hashable, and strict about what a file may contain."""
