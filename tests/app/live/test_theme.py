"""Colours that can be read, fonts with the letters and the licences they need."""

from dataclasses import fields

import pytest

from app.live.systemtheme import understood
from app.tokens import DARK, FONTS, LIGHT


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("name", ["text", "bright", "dim", "accent", "teal", "violet", "red", "green"])
def test_words_can_be_read_on_every_ground(tokens, name):
    for ground in ("surround", "background", "panel", "raised"):
        assert contrast(getattr(tokens, name), getattr(tokens, ground)) >= 4.5, ground


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
def test_the_number_in_a_bar_can_be_read_on_its_filled_part(tokens):
    assert contrast(tokens.text, tokens.fill) >= 4.5


def test_both_palettes_name_the_same_tokens():
    assert all(getattr(palette, f.name).startswith("#") for palette in (DARK, LIGHT) for f in fields(palette))


def test_fonts_come_with_their_licences():
    for name in ("Inter", "JetBrainsMono"):
        assert "SIL OPEN FONT LICENSE" in (FONTS / f"{name}-OFL.txt").read_text()
    assert sum(f.stat().st_size for f in FONTS.iterdir()) < 1 << 20


def test_fonts_have_the_letters_the_window_writes():
    from PIL import ImageFont

    for file in FONTS.glob("*.[ot]tf"):
        font = ImageFont.truetype(str(file), 26)
        missing = bytes(font.getmask("\U0010ffff"))
        for letter in "Aé°×²…–":
            assert bytes(font.getmask(letter)) != missing, (file.name, letter)


@pytest.mark.parametrize(
    ("platform", "code", "words", "dark"),
    [
        ("darwin", 0, "Dark\n", True), ("darwin", 1, "", False),
        ("win32", 0, "AppsUseLightTheme REG_DWORD 0x1", False), ("win32", 0, "AppsUseLightTheme REG_DWORD 0x0", True),
        ("linux", 0, "'prefer-light'", False), ("linux", 0, "'default'", True), ("linux", 1, "", True),
    ],
)  # fmt: skip
def test_what_desktops_answer(platform, code, words, dark):
    assert understood(platform, code, words) is dark
