"""Boxes on a page: pictures and words in rows and columns. A box knows its size and paints itself at a place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw

from app.figures.look import Look

MARGIN = 16  # points around everything

Size = tuple[int, int]  # width, height in pixels


class Page:
    """The sheet that boxes paint on; `places` lists where each picture went: its box and its upper left corner."""

    def __init__(self, size: Size, look: Look):
        self.look = look
        self.image = Image.new("RGB", size, look.paper)
        self.pen = ImageDraw.Draw(self.image)
        self.places: list[tuple[Picture, int, int]] = []

    @property
    def pixels(self) -> np.ndarray:
        """[H, W, 3] uint8."""
        return np.asarray(self.image)


class Box(Protocol):
    def size(self, look: Look) -> Size: ...

    def paint(self, page: Page, x: int, y: int) -> None: ...


def draw(box: Box, look: Look) -> Page:
    """A page with the box and a margin around it."""
    margin = look.pixels(MARGIN)
    width, height = box.size(look)
    page = Page((width + 2 * margin, height + 2 * margin), look)
    box.paint(page, margin, margin)
    return page


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels [H, W, 3] as they are. `frame` outlines a part of them: left, upper, right, lower."""

    pixels: np.ndarray
    frame: tuple[int, int, int, int] | None = None

    def size(self, look: Look) -> Size:
        return self.pixels.shape[1], self.pixels.shape[0]

    def paint(self, page: Page, x: int, y: int) -> None:
        page.image.paste(Image.fromarray(np.ascontiguousarray(self.pixels)), (x, y))
        page.places.append((self, x, y))
        if self.frame is not None:
            left, upper, right, lower = self.frame
            box = (x + left, y + upper, x + right - 1, y + lower - 1)
            page.pen.rectangle(box, outline=(255, 255, 255), width=max(1, page.look.pixels(1)))


@dataclass(frozen=True)
class Words:
    """One line of text; `upwards` turns it to read from below, `most` cuts it to so many pixels, with an ellipsis."""

    text: str
    style: str = "label"
    upwards: bool = False
    most: int | None = None
    colour: str | None = None  # a token in place of the style's

    def size(self, look: Look) -> Size:
        width, height = self._fitted(look)[1], look.line(self.style)
        return (height, width) if self.upwards else (width, height)

    def paint(self, page: Page, x: int, y: int) -> None:
        look = page.look
        text, width = self._fitted(look)
        height, font = look.line(self.style), look.font(self.style)
        above = (height - sum(font.getmetrics())) // 2
        mask = Image.new("L", (max(1, width), height))
        ImageDraw.Draw(mask).text((0, above), text, font=font, fill=255)
        if self.upwards:
            mask = mask.transpose(Image.Transpose.ROTATE_90)
        page.image.paste(look.colour(self.colour or self.style), (x, y), mask)

    def _fitted(self, look: Look) -> tuple[str, int]:
        font, text = look.font(self.style), self.text
        while self.most is not None and len(text) > 1 and font.getlength(text) > self.most:
            text = text.rstrip("…")[:-1] + "…"
        return text, int(np.ceil(font.getlength(text)))


@dataclass(frozen=True)
class Place:
    """A box in the middle of a place of given size in pixels; None takes the box's own."""

    box: Box
    width: int | None = None
    height: int | None = None

    def size(self, look: Look) -> Size:
        width, height = self.box.size(look)
        return self.width if self.width is not None else width, self.height if self.height is not None else height

    def paint(self, page: Page, x: int, y: int) -> None:
        (width, height), (w, h) = self.size(page.look), self.box.size(page.look)
        self.box.paint(page, x + (width - w) // 2, y + (height - h) // 2)


@dataclass(frozen=True)
class Space:
    """Nothing, of a size in pixels."""

    width: int = 0
    height: int = 0

    def size(self, look: Look) -> Size:
        return self.width, self.height

    def paint(self, page: Page, x: int, y: int) -> None:
        """Leaves the paper as it is."""


@dataclass(frozen=True)
class Row:
    """Boxes beside each other, `gap` points apart, at the top, the middle or the bottom of the highest."""

    boxes: Sequence[Box]
    gap: float = 2
    align: float = 0  # 0 top, 0.5 middle, 1 bottom

    def size(self, look: Look) -> Size:
        sizes = [box.size(look) for box in self.boxes]
        return sum(w for w, _ in sizes) + _gaps(sizes, self.gap, look), max((h for _, h in sizes), default=0)

    def paint(self, page: Page, x: int, y: int) -> None:
        height = self.size(page.look)[1]
        for box in self.boxes:
            w, h = box.size(page.look)
            box.paint(page, x, y + round((height - h) * self.align))
            x += w + page.look.pixels(self.gap)


@dataclass(frozen=True)
class Column:
    """Boxes below each other, `gap` points apart, at the left, the middle or the right of the widest."""

    boxes: Sequence[Box]
    gap: float = 2
    align: float = 0  # 0 left, 0.5 middle, 1 right

    def size(self, look: Look) -> Size:
        sizes = [box.size(look) for box in self.boxes]
        return max((w for w, _ in sizes), default=0), sum(h for _, h in sizes) + _gaps(sizes, self.gap, look)

    def paint(self, page: Page, x: int, y: int) -> None:
        width = self.size(page.look)[0]
        for box in self.boxes:
            w, h = box.size(page.look)
            box.paint(page, x + round((width - w) * self.align), y)
            y += h + page.look.pixels(self.gap)


def _gaps(sizes: Sequence[Size], gap: float, look: Look) -> int:
    return max(0, len(sizes) - 1) * look.pixels(gap)
