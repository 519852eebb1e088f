"""Scenes on disk: JSON files with a format version, and PNG pictures that carry the scene they show."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from engine import files, parameters
from engine.errors import SceneError
from engine.scene import Scene

FORMAT_VERSION = 1
PNG_KEY = "stylescope.scene"
MAX_BYTES = 16 << 20  # a scene is a few kB; more than this is another kind of file


def to_json(scene: Scene) -> str:
    """The scene as indented JSON text with its format version."""
    data = {"stylescope": FORMAT_VERSION, "scene": msgspec.to_builtins(scene)}
    return json.dumps(data, indent=2, allow_nan=False)


def from_json(text: str, where: str = "scene") -> Scene:
    """The scene in JSON text; SceneError names the path, what was expected and what was found."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SceneError(
            f"{where}: expected a scene as JSON, found text that is not JSON ({error})."
        ) from None
    if not isinstance(data, dict) or "stylescope" not in data or "scene" not in data:
        raise SceneError(
            f'{where}: expected a StyleScope scene with "stylescope" and "scene", found other JSON.'
        )
    if data["stylescope"] != FORMAT_VERSION:
        raise SceneError(
            f"{where}: expected scene format {FORMAT_VERSION}, found {data['stylescope']!r}. "
            "It was saved by another version of StyleScope; open it there, or update."
        )
    return parameters.from_plain(data["scene"], where)


def save(scene: Scene, path: str | Path) -> None:
    """Write the scene as JSON; the file is complete or untouched."""
    files.write(Path(path), to_json(scene).encode())


def load(path: str | Path) -> Scene:
    """A scene from a `.json` file or from a PNG that carries one."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES and not _is_png(path):
            raise SceneError(
                f"{path.name}: expected a scene of a few kB, found {path.stat().st_size >> 20} MB."
            )
        if _is_png(path):
            return _from_png(path)
        return from_json(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError:
        raise SceneError(f"{path.name}: expected a scene as JSON text, found binary data.") from None
    except OSError as error:
        raise SceneError(f"{path}: cannot be read ({error.strerror or error}).") from None


def save_png(picture: np.ndarray, scene: Scene, path: str | Path) -> None:
    """Write a picture `[H, W, 3 or 4]` uint8 as an opaque PNG that carries its scene."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt(PNG_KEY, to_json(scene))
    image = Image.fromarray(np.ascontiguousarray(picture[..., :3]))
    with files.aside(Path(path)) as temporary:
        image.save(temporary, format="PNG", pnginfo=info)


def _is_png(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(8) == b"\x89PNG\r\n\x1a\n"


def _from_png(path: Path) -> Scene:
    try:
        with Image.open(path) as image:
            image.load()  # text chunks may follow the pixels
            text = image.info.get(PNG_KEY)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise SceneError(
            f"{path.name}: expected a PNG with a scene, found a damaged PNG ({error})."
        ) from None
    if not isinstance(text, str):
        raise SceneError(f"{path.name}: this PNG carries no scene; only pictures saved by StyleScope do.")
    return from_json(text, path.name)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number that a scene can hold")
