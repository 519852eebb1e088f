"""What steps make, as files: arrays with the scene that made them, and tables of statistics; complete or not at all."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from engine import files, scenefile
from engine.inspect.statistics import measure
from engine.renderer import Renderer
from engine.scene import Scene

ARRAYS = (".npy", ".safetensors")
FIELDS = ("seed", "step", "channel", "channels", "height", "width",
          "mean", "std", "low", "high", "clipped", "nan", "inf")  # fmt: skip
AXES = {
    "output": "seed, channel, row, column",
    "weight": "seed, output channel, input channel, row, column",
    "styles": "seed, style channel",
}
METADATA = "stylescope.inspect"  # key in a safetensors file


def write_arrays(
    renderer: Renderer, scenes: tuple[Scene, ...], step: str, out: Path, part: str = "output"
) -> None:
    """What a step makes [N, C, H, W], or its weight [N, O, I, k, k] or styles [N, S], in one scene after the other.

    The first scene and all seeds are its metadata: inside a .safetensors, in a .json beside a .npy.
    """
    facts = {
        "step": step,
        "part": part,
        "seeds": [scene.latent.seed for scene in scenes],
        "axes": AXES[part],
        "scene": json.loads(scenefile.to_json(scenes[0])),
    }
    first = renderer.part(scenes[0], step, part)
    shape = (len(scenes), *first.shape)
    with files.aside(out) as path:
        if out.suffix.lower() == ".npy":
            array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
            _fill(array, renderer, scenes, step, part)
            array.flush()
        else:
            from safetensors.numpy import save_file

            array = np.empty(shape, np.float32)
            _fill(array, renderer, scenes, step, part)
            name = "activation" if part == "output" else part
            save_file({name: array}, path, {METADATA: json.dumps(facts)})
    if out.suffix.lower() == ".npy":
        files.write(out.with_suffix(".json"), json.dumps(facts, indent=2).encode())


def table(
    renderer: Renderer, scenes: tuple[Scene, ...], steps: list[str], each: str = ""
) -> Iterator[dict[str, object]]:
    """A row of statistics for each scene and step, by FIELDS; of the step `each` also one for every channel."""
    for scene in scenes:
        for step in steps:
            x, clamp = renderer.activation(scene, step), renderer.step(scene, step).clamp
            head = {"seed": scene.latent.seed, "step": step, "channels": x.shape[0], "height": x.shape[1]}
            head["width"] = x.shape[2]
            yield {**head, "channel": "all", **asdict(measure(x, clamp))}
            for c in range(x.shape[0] if step == each else 0):
                yield {**head, "channel": c, **asdict(measure(x[c], clamp))}


def write_table(rows: Iterator[dict[str, object]], out: Path) -> None:
    """Rows of `table` as CSV."""
    with files.aside(out) as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer: csv.DictWriter[str] = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)


def _fill(array: np.ndarray, renderer: Renderer, scenes: tuple[Scene, ...], step: str, part: str) -> None:
    for i, scene in enumerate(scenes):
        array[i] = renderer.part(scene, step, part).numpy()
