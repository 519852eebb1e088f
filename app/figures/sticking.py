"""Texture sticking (Karras et al. 2021, Fig. 1): the mean around a latent, and a column of pixels over time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from app.figures.boxes import Box, Column, Picture, Place, Row, Space, Words
from app.figures.studio import Studio, fit
from engine.errors import StyleScopeError
from engine.inspect.moments import Moments
from engine.inspect.sticking import neighbours, slide, time_slice, walk
from engine.scene import Scene

TIMES = 1.5  # how much larger than usual pictures are: it is pixels that matter here
TICK = 5  # points: the marks above and below the column


@dataclass(frozen=True)
class Sticking:
    """What is shown: `count` latents at `radius` around `seed`; a walk to the seed `to`, or a slide down, in `frames`.

    `at` is the place of the column, from the left edge, in picture widths.
    """

    seed: int = 0
    to: int = 1
    count: int = 100
    radius: float = 0.3
    frames: int = 128
    at: float = 0.5
    over: str = "walk"  # or translation
    distance: float = 0.5  # of the translation, in picture widths


def sticking(studio: Studio, scenes: Sequence[Scene], shown: Sticking) -> Box:
    """Networks beside each other; StyleScopeError for a translation of one whose input cannot be moved."""
    bases = [scene.set("latent.mode", "seeds").set("latent.seed", shown.seed) for scene in scenes]
    if shown.over == "translation":
        for number, base in enumerate(bases):
            if not studio.facts(base).has_input_transform:
                raise StyleScopeError(
                    f"{studio.name(base, number)}: expected a StyleGAN3 for --over translation, "
                    f"found a {studio.family(base)}, whose input cannot be moved; use --over walk."
                )
    blocks = [_network(studio, base, number, shown) for number, base in enumerate(bases)]
    note = "Detail that stays sharp in the mean, and horizontal streaks, are stuck to the pixels."
    return studio.headed("Texture sticking", note, Row(blocks, gap=20))


def _network(studio: Studio, scene: Scene, number: int, shown: Sticking) -> Box:
    """One network: central picture and mean above, its column of pixels over time below."""
    width = studio.cell_width(scene, TIMES)
    centre = studio.take(scene)
    column = min(centre.shape[1] - 1, int(shown.at * centre.shape[1]))
    mean = mean_around(studio, scene, shown)
    slices = time_slice((studio.take(s) for s in moving(scene, shown)), column)
    k = fit(centre, width).shape[0] / centre.shape[0]
    mark = tick(studio, round((column + 0.5) * k), width)
    left = Column([mark, Picture(fit(centre, width)), mark], gap=1)
    right = Column([Space(0, mark.size(studio.look)[1]), Picture(fit(mean, width))], gap=1)
    heads = Row([Place(Words(text, "note"), width) for text in ("one picture", f"mean of {shown.count} around it")])
    over = f"the marked column from seed {shown.seed} to {shown.to}"
    if shown.over == "translation":
        over = f"the marked column while the content moves down by {shown.distance:g} widths"
    room = 2 * width + studio.look.pixels(2)
    strip = Picture(stretched(slices, k, room))
    words = Words(over + " →", "note", most=max(room, strip.size(studio.look)[0]))
    body = Column([Column([heads, Row([left, right])]), strip, words], gap=4)
    return Column([studio.named(scene, number, studio.family(scene), body), body], gap=4)


def mean_around(studio: Studio, scene: Scene, shown: Sticking) -> np.ndarray:
    """The mean picture [H, W, 3] of the latents around the scene's, rounded to bytes."""
    moments = Moments()
    for near in neighbours(scene, studio.facts(scene).z_dim, shown.count, shown.radius):
        moments.add(studio.take(near))
    return np.rint(moments.mean).astype(np.uint8)


def moving(scene: Scene, shown: Sticking) -> Iterable[Scene]:
    """The scenes whose columns stand side by side."""
    if shown.over == "translation":
        return slide(scene, shown.distance, shown.frames)
    return walk(scene, shown.to, shown.frames)


def stretched(slices: np.ndarray, k: float, room: int) -> np.ndarray:
    """[H, T, 3] as high as the pictures beside it, and as long as whole repetitions of T fit into `room` pixels."""
    h, t = slices.shape[:2]
    long = slices.repeat(max(1, room // t), axis=1)
    if k >= 1:
        return long.repeat(int(k), axis=0)
    image = Image.fromarray(np.ascontiguousarray(long))
    return np.asarray(image.resize((long.shape[1], max(1, round(h * k))), Image.Resampling.LANCZOS))


def tick(studio: Studio, x: int, width: int) -> Picture:
    """A short upright mark at `x`."""
    look = studio.look
    image = Image.new("RGB", (width, look.pixels(TICK)), look.paper)
    half = max(1, look.pixels(2)) // 2
    ImageDraw.Draw(image).rectangle((x - half, 0, x + half, look.pixels(TICK)), fill=look.colour("accent"))
    return Picture(np.asarray(image))
