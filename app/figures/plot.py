"""A plot as a box: lines over an axis, quiet grid, round numbers; drawn large and reduced, so that it is smooth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from app.figures.boxes import Box, Column, Page, Row, Size, Words
from app.figures.look import Look

FINER = 4  # lines are drawn so many times larger first
LEFT, RIGHT, BOTTOM, TOP = 40, 10, 18, 24  # points for the numbers of the axes and the title
DASH = 5.0  # points


@dataclass(frozen=True, eq=False)
class Line:
    """Rising `x` and `y` [n] in a token's colour; `faint` and `dashed` lines stand behind what matters."""

    x: np.ndarray
    y: np.ndarray
    colour: str
    faint: bool = False
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Plot:
    """Lines in a frame of `width` by `height` points; its title above, the numbers of the axes outside."""

    title: str
    lines: Sequence[Line]
    width: float = 380
    height: float = 170
    x_span: tuple[float, float] = field(default=(0.0, 1.0))

    def size(self, look: Look) -> Size:
        return look.pixels(self.width), look.pixels(self.height)

    def paint(self, page: Page, x: int, y: int) -> None:
        look = page.look
        width, height = self.size(look)
        left, top = x + look.pixels(LEFT), y + look.pixels(TOP)
        w, h = width - look.pixels(LEFT + RIGHT), height - look.pixels(TOP + BOTTOM)
        low, high = span([line.y for line in self.lines])
        rows, columns = ticks(low, high), ticks(*self.x_span)
        low, high = min(low, rows[0]), max(high, rows[-1])
        Words(self.title, "name").paint(page, left, y)
        for value in rows:
            at = top + round(h * (high - value) / (high - low))
            page.pen.line((left, at, left + w, at), fill=look.colour("raised"))
            _number(page, value, left - look.pixels(6), at, 1.0, 0.5)
        x0, x1 = min(self.x_span[0], columns[0]), max(self.x_span[1], columns[-1])
        for value in columns:
            _number(page, value, left + round(w * (value - x0) / (x1 - x0)), top + h + look.pixels(3), 0.5, 0)
        page.pen.line((left, top + h, left + w, top + h), fill=look.colour("dim"))
        for line in self.lines:
            points = np.stack([(line.x - x0) / (x1 - x0) * w, (high - line.y) / (high - low) * h], axis=1)
            _stroke(page, line, points[np.isfinite(points).all(axis=1)], (left, top), (w, h))


def plots_page(title: str, note: str, legend: Sequence[tuple[str, str]], plots: Sequence[Plot]) -> Box:
    """A title, a note, a dot with a name for each `(name, colour)`, and the plots, two in a row."""
    heads = [Row([Words("●", "label", colour=colour), Words(name, "label")], gap=4) for name, colour in legend]
    rows = [Row(plots[i : i + 2], gap=16) for i in range(0, len(plots), 2)]
    top = Column([Words(title, "title"), Words(note, "note")], gap=1)
    return Column([top, Row(heads, gap=16), Column(rows, gap=10)], gap=8)


def span(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """The smallest and the largest finite value, never the same."""
    finite = [v[np.isfinite(v)] for v in values]
    low = min((float(v.min()) for v in finite if v.size), default=0.0)
    high = max((float(v.max()) for v in finite if v.size), default=1.0)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers, multiples of 1, 2 or 5 times a power of ten, that lie around `low..high`: at most `most` + 1."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(f for f in (1, 2, 5, 10, 20) if (high - low) / (step * f) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _number(page: Page, value: float, x: int, y: int, right: float, down: float) -> None:
    """A number of an axis at a point, moved left and up by these shares of its size."""
    words = Words(f"{value:g}".replace("-", "−"), "number")
    w, h = words.size(page.look)
    words.paint(page, x - round(w * right), y - round(h * down))


def _stroke(page: Page, line: Line, points: np.ndarray, at: tuple[int, int], size: Size) -> None:
    """A line through points [n, 2] in pixels, clipped to the plot."""
    look, mask = page.look, Image.new("L", (size[0] * FINER, size[1] * FINER))
    pen, thick = ImageDraw.Draw(mask), max(1, round(look.scale * FINER * (1.0 if line.faint else 1.6)))
    fine = points * FINER
    for part in dashes(fine, DASH * look.scale * FINER) if line.dashed else [fine]:
        pen.line([tuple(p) for p in part.tolist()], fill=90 if line.faint else 255, width=thick, joint="curve")
    page.image.paste(look.colour(line.colour), at, mask.resize(size, Image.Resampling.BOX))


def dashes(points: np.ndarray, length: float) -> list[np.ndarray]:
    """Every second piece, `length` long, of a line through points [n, 2]."""
    if len(points) < 2:
        return []
    along = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    pieces = []
    for start in np.arange(0, along[-1], 2 * length):
        ends = np.array([start, min(start + length, along[-1])])
        inner = points[(along > ends[0]) & (along < ends[1])]
        corner = np.stack([np.interp(ends, along, points[:, i]) for i in (0, 1)], axis=1)
        pieces.append(np.concatenate([corner[:1], inner, corner[1:]]))
    return pieces
