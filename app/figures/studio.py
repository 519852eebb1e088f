"""Where the pictures of a figure are taken: scenes rendered, brought to the size of a cell, named for people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from app.figures.boxes import Box, Column, Picture, Row, Words
from app.figures.look import Look
from engine.errors import StyleScopeError
from engine.frame import Frame, ModelFacts, StepReport
from engine.scene import Model, Scene

FAMILIES = {"stylegan1": "StyleGAN", "stylegan2": "StyleGAN2", "stylegan3": "StyleGAN3"}
SMALL, LARGE = 128, 256  # points: what a cell's width is chosen between
MOST_PIXELS = 1 << 27  # of all cells of a figure: 400 MB


@dataclass
class Studio:
    """Renders for one figure. `frame_of` gives a frame or raises RenderError; `seen` is called after each picture.

    `cell` is the wished width of a picture in points, None to choose it by the network; `captions` are what a person
    calls the networks, in the order of the scenes.
    """

    frame_of: Callable[[Scene], Frame]
    look: Look
    cell: int | None = None
    captions: Sequence[str] = ()
    seen: Callable[[], None] = lambda: None
    first: Scene | None = None  # of the first picture taken
    _known: dict[Model, Frame] = field(default_factory=dict)
    _pixels: int = 0  # of all cells so far

    def take(self, scene: Scene) -> np.ndarray:
        """The picture [H, W, 3] of a scene."""
        self.first = self.first or scene
        picture = self.frame_of(scene).picture
        assert picture is not None  # a frame without an error has one
        self.seen()
        return picture[..., :3]

    def facts(self, scene: Scene) -> ModelFacts:
        """What is known of the scene's network."""
        facts = self._frame(scene).model
        assert facts is not None
        return facts

    def steps(self, scene: Scene) -> tuple[StepReport, ...]:
        """The steps of the scene's network."""
        return self._frame(scene).steps

    def _frame(self, scene: Scene) -> Frame:
        if scene.model not in self._known:
            self._known[scene.model] = self.frame_of(scene)
        return self._known[scene.model]

    def cell_width(self, scene: Scene, times: float = 1) -> int:
        """Width in pixels of a picture in the figure; `times` larger than usual for those that need a closer look."""
        own = self.facts(scene).resolution[1]
        points = self.cell if self.cell is not None else times * min(max(own, SMALL), LARGE)
        width = self.look.pixels(points)
        return width // own * own if own <= width else width

    def cell_of(self, scene: Scene, width: int | None = None) -> Picture:
        """The picture of a scene, `width` pixels wide or else as wide as a cell."""
        width = self.cell_width(scene) if width is None else width
        self._pixels += width * width
        if self._pixels > MOST_PIXELS:
            raise StyleScopeError(
                f"Figure: expected at most {MOST_PIXELS >> 20} megapixels, found more; "
                "choose fewer pictures or a smaller --cell or --scale."
            )
        return Picture(fit(self.take(scene), width))

    def name(self, scene: Scene, number: int = 0) -> str:
        """What the figure calls the network of scene number `number`."""
        return self.captions[number] if self.captions else self.facts(scene).name

    def family(self, scene: Scene) -> str:
        """The paper that the scene's network is from."""
        family = self.facts(scene).family
        return FAMILIES.get(family, family)

    def named(self, scene: Scene, number: int, note: str, body: Box) -> Box:
        """The name of a network above its part of a figure, with a note as long as there is room."""
        name, gap = Words(self.name(scene, number), "name", most=body.size(self.look)[0]), 8
        room = body.size(self.look)[0] - name.size(self.look)[0] - self.look.pixels(gap)
        return Row([name, Words(note, "note", most=max(0, room))], gap=gap, align=0.5)

    def headed(self, title: str, note: str, body: Box) -> Box:
        """A figure: its title, what it shows in a line, and the figure itself."""
        width = max(body.size(self.look)[0], self.look.pixels(LARGE))
        return Column([Column([Words(title, "title"), *paragraph(note, width, self.look)], gap=1), body], gap=10)


def paragraph(text: str, width: int, look: Look) -> list[Words]:
    """Lines of a note, none longer than `width` pixels unless a word is."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and Words(longer, "note").size(look)[0] > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return [Words(line, "note", most=width) for line in lines]


def fit(picture: np.ndarray, width: int) -> np.ndarray:
    """A picture [H, W, 3] about `width` wide: pixels repeated a whole number of times, or reduced (Lanczos)."""
    h, w = picture.shape[:2]
    if w <= width:
        return picture.repeat(width // w, axis=0).repeat(width // w, axis=1)
    size = (width, max(1, round(h * width / w)))
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize(size, Image.Resampling.LANCZOS))
