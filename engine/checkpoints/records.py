"""The inert records that stand for whatever a pickle mentions: nothing here does anything but hold values."""

from collections.abc import Callable
from typing import Any

from engine.checkpoints.limits import damaged
from engine.checkpoints.source import Source


class Stub:
    """Stands for an allowed function or class; `call` makes the record that stands for its result."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[[Source, tuple], Any]):
        self.name = name
        self.call = call


class Buildable:
    """A record whose state may arrive after it was made."""

    __slots__ = ()

    def build(self, state: Any) -> None:
        raise NotImplementedError


class Settings(dict, Buildable):
    """A dictionary by any name: OrderedDict, EasyDict."""

    def build(self, state: Any) -> None:
        """An OrderedDict of tensors carries `_metadata` (version numbers), an EasyDict nothing: neither is needed."""
        if state is not None and not isinstance(state, dict | tuple):
            raise damaged("a dictionary with a strange state")


class Record(Buildable):
    """An object of a class that is not run: its name and its attributes."""

    __slots__ = ("class_name", "state")

    def __init__(self, class_name: str, state: dict | None = None):
        self.class_name = class_name
        self.state: dict = {} if state is None else state

    def build(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise damaged(f"a {self.class_name} without attributes")
        self.state = state


class Module(Record):
    """A PyTorch module: `state` is its `__dict__` with `_parameters`, `_buffers`, `_modules` and settings."""

    __slots__ = ()


class TFNetwork(Record):
    """A `dnnlib.tflib` network: `state` has `static_kwargs`, `variables`, `components`, `build_func_name`."""

    __slots__ = ()


class Namespace(Record):
    """The command line of a training run."""

    __slots__ = ()


def kindof(value: Any) -> str:
    """What kind of thing a value is, for a message; never shows the value, which can be endless."""
    return value.name if isinstance(value, Stub) else f"a {type(value).__name__}"
