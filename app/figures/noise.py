"""What noise inputs do (Karras et al. 2019, Fig. 4 and 5): realisations, their deviation, layers with and without."""

from collections.abc import Sequence

import numpy as np

from app.figures.boxes import Box, Column, Picture, Place, Row, Space, Words
from app.figures.studio import Studio, fit
from engine.bands import noise_sizes, squares
from engine.errors import StyleScopeError
from engine.inspect.colours import paint, table
from engine.inspect.moments import Moments
from engine.scene import Scene

SHOWN = 3  # realisations that are shown enlarged
PART = 3 / 8  # of the width: what is enlarged
FINE = 64  # resolution of the first fine layers, as in the paper
COLOURS = "heat"


def noise(studio: Studio, scene: Scene, seeds: Sequence[int], draws: int) -> Box:
    """For each seed a picture, parts of realisations, the deviation over `draws`; then noise by layers."""
    base = scene.set("latent.mode", "seeds")
    facts = studio.facts(base)
    if not facts.noise_layers:
        raise StyleScopeError(
            f"{studio.name(base)}: expected a network with noise inputs, found a {studio.family(base)} without; "
            "choose a StyleGAN or StyleGAN2."
        )
    scenes = [base.set("latent.seed", seed) for seed in seeds]
    body = Column([_realisations(studio, scenes, draws), _layers(studio, scenes)], gap=14)
    return studio.headed("Noise", f"Same latent, other noise. {studio.name(base)}", body)


# --- realisations -------------------------------------------------------------------------------------------------


def _realisations(studio: Studio, scenes: Sequence[Scene], draws: int) -> Box:
    """Fig. 4: a row for each seed; the part that noise changes most is enlarged, and outlined in the deviation."""
    pictures, maps = [studio.cell_of(scene) for scene in scenes], []
    for scene in scenes:
        moments = Moments()
        for s in realisations(scene, draws):
            moments.add(studio.take(s))
        maps.append(deviation(moments.std))
    top, width = max(float(values.max()) for values in maps), studio.cell_width(scenes[0])
    heads = ["picture", *(f"noise {i}" for i in range(SHOWN)), f"deviation of {draws}"]
    rows: list[Box] = [Row([Place(Words(text, "note"), width) for text in heads])]
    for scene, picture, values in zip(scenes, pictures, maps):
        y, x, size = liveliest(values)
        parts = [studio.take(s)[y : y + size, x : x + size] for s in realisations(scene, SHOWN)]
        painted = paint(values, COLOURS, 0.0, top)[..., :3]
        shown, k = fit(painted, width), width / painted.shape[1]
        frame = (round(x * k), round(y * k), round((x + size) * k), round((y + size) * k))
        side = min(picture.size(studio.look))
        cells = [Place(Picture(enlarged(part, side)), *picture.size(studio.look)) for part in parts]
        rows.append(Row([picture, *cells, Picture(shown, frame)]))
    rows.append(Row([Space((SHOWN + 1) * (width + studio.look.pixels(2)), 0), legend(studio, width, top)], gap=0))
    return Column(rows)


def realisations(scene: Scene, count: int) -> list[Scene]:
    """The scene under noise of the seeds 0, 1, 2 and so on."""
    loud = scene.set("noise.mode", "random").set("noise.animate", False)
    return [loud.set("noise.seed", i) for i in range(count)]


def deviation(std: np.ndarray) -> np.ndarray:
    """One number [H, W] for each pixel of a standard deviation [H, W, C]: its root mean square over the colours."""
    return np.sqrt(np.mean(std**2, axis=2))


def liveliest(values: np.ndarray) -> tuple[int, int, int]:
    """Upper edge, left edge and size of the square part of [H, W] with the largest sum."""
    h, w = values.shape
    size = max(1, round(min(h, w) * PART))
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    parts = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    y, x = divmod(int(parts.argmax()), parts.shape[1])
    return y, x, size


def enlarged(part: np.ndarray, side: int) -> np.ndarray:
    """A square part of a picture, `side` pixels wide, each of its own repeated as often as that demands."""
    at = np.arange(side) * len(part) // side
    return part[at][:, at]


def legend(studio: Studio, width: int, top: float) -> Box:
    """The colours of the deviation from 0 to `top` bytes."""
    ramp = np.linspace(0, len(table(COLOURS)) - 1, width).round().astype(int)
    bar = np.repeat(table(COLOURS)[ramp][None, :, :3], studio.look.pixels(6), axis=0)
    high = f"{top:.0f} of 255"
    between = width - Words("0", "note").size(studio.look)[0] - Words(high, "note").size(studio.look)[0]
    ends = Row([Words("0", "note"), Space(between, 0), Words(high, "note")], gap=0)
    return Column([Picture(bar), ends], gap=1)


# --- layers -------------------------------------------------------------------------------------------------------


def _layers(studio: Studio, scenes: Sequence[Scene]) -> Box:
    """Fig. 5: noise in all layers, in none, in the fine ones, in the coarse ones."""
    sizes = noise_sizes(studio.facts(scenes[0]), studio.steps(scenes[0]))
    kinds = by_layers(sizes)
    spans = {name: squares([s for s, on in zip(sizes, kinds[name]) if on]) for name in ("fine", "coarse")}
    width = studio.cell_width(scenes[0])
    heads = ["all layers", "none", *(f"{name} only ({span})" for name, span in spans.items())]
    rows: list[Box] = [Row([Place(Words(text, "note", most=width), width) for text in heads])]
    for scene in scenes:
        rows.append(Row([studio.cell_of(scene.set("noise.layers", factors)) for factors in kinds.values()]))
    return Column(rows)


def by_layers(sizes: Sequence[int]) -> dict[str, tuple[float, ...]]:
    """Factors on the noise layers, whose resolutions are `sizes`, for all, none, fine and coarse noise.

    Fine begins at 64², as in the paper; in a smaller network at its last resolution.
    """
    first = min(FINE, max(sizes))
    return {
        "all": tuple(1.0 for _ in sizes),
        "none": tuple(0.0 for _ in sizes),
        "fine": tuple(float(size >= first) for size in sizes),
        "coarse": tuple(float(size < first) for size in sizes),
    }
