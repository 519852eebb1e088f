"""How a figure looks: palette, type and distances, in points that `scale` turns into pixels."""

from dataclasses import dataclass
from functools import cache

from PIL import ImageFont

from app.tokens import FONTS, LIGHT, Tokens

STYLES = {  # file, size in points, colour
    "title": ("Inter-SemiBold.otf", 15, "bright"),
    "name": ("Inter-SemiBold.otf", 13, "bright"),
    "label": ("Inter-Regular.otf", 12, "text"),
    "note": ("Inter-Regular.otf", 12, "dim"),
    "number": ("JetBrainsMono-Regular.ttf", 11, "dim"),
}
LINE = 1.35  # from one line of text to the next, in sizes


@dataclass(frozen=True)
class Look:
    """`pixels` turns points into whole pixels; fonts and colours come by the name of a style or token."""

    tokens: Tokens = LIGHT
    scale: float = 1.0

    def pixels(self, points: float) -> int:
        return round(points * self.scale)

    def font(self, style: str) -> ImageFont.FreeTypeFont:
        name, size, _ = STYLES[style]
        return _font(name, size * self.scale)

    def line(self, style: str) -> int:
        """Height of one line of text, at least what its font needs."""
        return max(self.pixels(STYLES[style][1] * LINE), sum(self.font(style).getmetrics()))

    def colour(self, name: str) -> tuple[int, int, int]:
        """A token, or the colour of a style, as bytes."""
        text = getattr(self.tokens, STYLES[name][2] if name in STYLES else name)
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)

    @property
    def paper(self) -> tuple[int, int, int]:
        """What everything stands on."""
        return self.colour("background")


@cache
def _font(name: str, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / name), size)
