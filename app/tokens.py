"""What all windows share in looks: the palettes, the fonts, and the em that every size is counted in."""

from dataclasses import dataclass
from pathlib import Path

FONTS = Path(__file__).resolve().parents[1] / "assets" / "fonts"
BASE_PX = 13.0  # one em at scale 1
LINE = 1.21  # ascent and descent of Inter in ems: Dear ImGui counts a font's size from top to bottom, not in ems
MONO_LINE = 1.32  # ascent and descent of JetBrains Mono in ems


@dataclass(frozen=True)
class Tokens:
    """The palette. `accent` marks what is touched or active, `teal` and `violet` data, `red` errors, `green` health."""

    surround: str  # behind the picture
    background: str  # wells: value bars, inputs
    panel: str
    raised: str
    fill: str  # the filled part of a value bar
    line: str
    text: str
    bright: str  # headings
    dim: str
    accent: str
    teal: str
    violet: str
    red: str
    green: str


DARK = Tokens(
    surround="#0f1012",
    background="#15171a",
    panel="#1d2024",
    raised="#272b31",
    fill="#3b424a",
    line="#31363d",
    text="#d9dde3",
    bright="#f1f3f5",
    dim="#959da8",
    accent="#f2a65a",
    teal="#5ac8c8",
    violet="#a58be0",
    red="#f0776f",
    green="#7bc47f",
)
LIGHT = Tokens(
    surround="#d8dbdf",
    background="#ffffff",
    panel="#f1f2f4",
    raised="#e2e5e9",
    fill="#cfd6de",
    line="#c8ccd2",
    text="#23272d",
    bright="#0d0f12",
    dim="#545b65",
    accent="#8a4b08",
    teal="#0c6464",
    violet="#5b3fa3",
    red="#a8231b",
    green="#1c6325",
)
