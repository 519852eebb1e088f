"""Errors whose text is meant for a person: what failed, what was expected, what was found, what to do next."""


class StyleScopeError(Exception):
    """Base of every error that is shown as a sentence instead of a traceback."""


class SceneError(StyleScopeError):
    """A scene, or a value for one of its parameters, is not usable."""


class CheckpointError(StyleScopeError):
    """A model file cannot be opened."""


class Cancelled(CheckpointError):
    """The person who asked for a file no longer wants it."""


class RenderError(StyleScopeError):
    """A scene cannot be rendered with the network it names."""
