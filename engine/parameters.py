"""Dotted paths into a scene: read, write, describe, compare. A parameter's path is its one name everywhere."""

import math
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from engine.errors import SceneError
from engine.scene import Scene, Topic


@dataclass(frozen=True)
class Parameter:
    """What a panel, a controller or a help text needs to know of one parameter.

    `kind` is float, int, bool, choice, text or list; `low..high` is what is accepted, `slider` what a bar shows.
    """

    path: str
    kind: str
    default: Any
    label: str
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    slider: tuple[float, float] | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False


def get(scene: Scene, path: str) -> Any:
    """Value at `path`; an index addresses an element of a list (`mixing.sources.0.seed`)."""
    node: Any = scene
    for key in path.split("."):
        node = _child(node, key, path)
    return node


def set(scene: Scene, path: str, value: Any) -> Scene:
    """A new scene with `value` at `path`, converted and checked against the declaration."""
    get(scene, path)
    checked = _convert(value, _type_at(path), path)
    return _replaced(scene, path.split("."), checked)


def set_text(scene: Scene, path: str, text: str) -> Scene:
    """Like `set` for a value typed by a person: `0.5`, `true`, `none`, `[0,1,2]`, a bare word."""
    kind = describe(path).kind
    if kind in ("text", "choice"):
        return set(scene, path, text)
    words = {
        "none": None,
        "all": None,
        "true": True,
        "on": True,
        "yes": True,
        "false": False,
        "off": False,
        "no": False,
    }
    if text.strip().lower() in words:
        return set(scene, path, words[text.strip().lower()])
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise SceneError(f"{path}: expected {_expected(_type_at(path))}, found {text!r}.") from None
    return set(scene, path, value)


def reset(scene: Scene, path: str) -> Scene:
    """A new scene with the parameter, or the topic, at `path` back at its default."""
    get(scene, path)
    default = (
        describe(path).default if path in _declared() or _generic(path) in _declared() else get(Scene(), path)
    )
    return _replaced(scene, path.split("."), default)


def describe(path: str) -> Parameter:
    """The declaration at `path`; elements of lists share one (`mixing.sources.3.amount`)."""
    found = _declared().get(_generic(path))
    if found is None:
        raise SceneError(f"{path}: no such parameter. Known ones begin with {', '.join(sorted(_topics()))}.")
    return replace(found, path=path)


def parameters() -> tuple[Parameter, ...]:
    """Every parameter that a fresh scene has (elements of lists excluded), in the order of declaration."""
    return tuple(p for p in _declared().values() if ".*" not in p.path)


def diff(a: Scene, b: Scene) -> tuple[str, ...]:
    """Paths of the parameters in which two scenes differ (a list counts as one parameter)."""
    if a is b:
        return ()
    return tuple(p.path for p in parameters() if get(a, p.path) != get(b, p.path))


def changed(scene: Scene) -> tuple[str, ...]:
    """Paths of the parameters that someone has touched."""
    return diff(scene, Scene())


def check(scene: Scene) -> Scene:
    """The same scene if every value is inside its declaration (also when built by hand), else SceneError."""
    return from_plain(msgspec.to_builtins(scene))


def from_plain(data: Any, where: str = "") -> Scene:
    """A scene from plain dicts and lists, as JSON gives them; `where` names the file in errors."""
    prefix = f"{where}: " if where else ""
    _refuse_non_finite(data, "", prefix)
    try:
        return msgspec.convert(data, Scene)
    except msgspec.ValidationError as error:
        raise SceneError(prefix + _explain(str(error), data)) from None


# --- the tree ---------------------------------------------------------------------------------------------------


def _child(node: Any, key: str, path: str) -> Any:
    if isinstance(node, Topic) and key in node.__struct_fields__:
        return getattr(node, key)
    if isinstance(node, tuple) and key.isdigit() and int(key) < len(node):
        return node[int(key)]
    if isinstance(node, tuple):
        raise SceneError(f"{path}: there is no element {key}, the list has {len(node)}.")
    raise SceneError(f"{path}: no such parameter. Known ones begin with {', '.join(sorted(_topics()))}.")


def _replaced(node: Any, keys: list[str], value: Any) -> Any:
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(node, tuple):
        i = int(key)
        return (*node[:i], _replaced(node[i], rest, value), *node[i + 1 :])
    return msgspec.structs.replace(node, **{key: _replaced(getattr(node, key), rest, value)})


def _topics() -> tuple[str, ...]:
    return Scene.__struct_fields__


def _generic(path: str) -> str:
    return re.sub(r"\.\d+(?=\.|$)", ".*", path)


@cache
def _declared() -> dict[str, Parameter]:
    return {p.path: p for p in _walk(Scene, "")}


def _walk(cls: type, prefix: str) -> Iterator[Parameter]:
    hints = get_type_hints(cls, include_extras=True)
    for field in msgspec.structs.fields(cls):
        hint, path = hints[field.name], prefix + field.name
        if isinstance(hint, type) and issubclass(hint, Topic):
            yield from _walk(hint, path + ".")
            continue
        yield _parameter(path, hint, field.default)
        element = _element(_bare(hint))  # of a list
        if isinstance(element, type) and issubclass(element, Topic):
            yield from _walk(element, path + ".*.")
        elif element is not None and _meta(element).title:
            yield _parameter(path + ".*", element, 1.0)


def _parameter(path: str, hint: Any, default: Any) -> Parameter:
    inner, optional = _without_none(hint)
    meta, bare = _meta(inner), _bare(inner)
    choices = get_args(bare) if get_origin(bare) is Literal else ()
    kinds = {float: "float", int: "int", bool: "bool", str: "text"}
    kind = "choice" if choices else kinds.get(bare, "list")
    extra = meta.extra or {}
    slider = extra.get("slider") or (
        (meta.ge, meta.le) if meta.ge is not None and meta.le is not None else None
    )
    return Parameter(
        path, kind, default, meta.title or path, meta.description or "", extra.get("unit", ""),
        meta.ge, meta.le, slider, extra.get("step"), choices, optional,
    )  # fmt: skip


def _meta(hint: Any) -> msgspec.Meta:
    return next((m for m in get_args(hint)[1:] if isinstance(m, msgspec.Meta)), msgspec.Meta())


def _type_at(path: str) -> Any:
    hint: Any = Scene
    for key in path.split("."):
        bare = _bare(hint)
        hint = _element(bare) if key.isdigit() else get_type_hints(bare, include_extras=True)[key]
    return hint


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _element(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is tuple else None


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        rest = [a for a in get_args(hint) if a is not type(None)]
        return rest[0], len(rest) < len(get_args(hint))
    return hint, False


# --- checks and their sentences ---------------------------------------------------------------------------------


def _convert(value: Any, hint: Any, path: str) -> Any:
    plain = msgspec.to_builtins(value)
    _refuse_non_finite(plain, path, "")
    try:
        return msgspec.convert(plain, hint)
    except msgspec.ValidationError as error:
        at = re.search(r" - at `\$(.*)`$", str(error))
        if at:
            raise SceneError(_explain_at(str(error), path + _dotted(at[1]), _dig(plain, at[1]))) from None
        raise SceneError(f"{path}: expected {_expected(hint)}, found {_short(plain)}.") from None


def _refuse_non_finite(data: Any, path: str, prefix: str) -> None:
    if isinstance(data, float) and not math.isfinite(data):
        raise SceneError(f"{prefix}{path or 'value'}: expected a finite number, found {data}.")
    if isinstance(data, dict | list | tuple):
        items = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in items:
            _refuse_non_finite(value, f"{path}.{key}" if path else str(key), prefix)


def _explain(message: str, data: Any) -> str:
    at = re.search(r" - at `\$(.*)`$", message)
    trail = at[1] if at else ""
    return _explain_at(message, _dotted(trail).lstrip(".") or "scene", _dig(data, trail))


def _explain_at(message: str, path: str, found: Any) -> str:
    unknown = re.search(r"unknown field `(.+?)`", message)
    if unknown:
        where = f"{path}.{unknown[1]}" if path != "scene" else unknown[1]
        return f"{where}: unknown parameter. It may come from a newer StyleScope, or be misspelt."
    try:
        expected = _expected(_type_at(path))
    except (KeyError, SceneError, TypeError):
        expected = message.split(" - at ")[0].removeprefix("Expected ").split(", got")[0]
    return f"{path}: expected {expected}, found {_short(found)}."


def _expected(hint: Any) -> str:
    p = _parameter("", hint, None)
    if p.kind == "choice":
        return "one of " + ", ".join(p.choices)
    span = f" from {p.low:.10g} to {p.high:.10g}" if p.low is not None and p.high is not None else ""
    names = {
        "float": "a number",
        "int": "a whole number",
        "bool": "true or false",
        "text": "text",
        "list": "a list",
    }
    return names[p.kind] + span + (", or none" if p.optional else "")


def _dotted(trail: str) -> str:
    return re.sub(r"\[(\d+)\]", r".\1", trail)


def _dig(data: Any, trail: str) -> Any:
    for key in _dotted(trail).strip(".").split("."):
        if isinstance(data, list | tuple) and key.isdigit():
            data = data[int(key)]
        elif isinstance(data, dict) and key in data:
            data = data[key]
    return data


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
