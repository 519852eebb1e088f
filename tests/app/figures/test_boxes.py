"""Where boxes stand on a page, and what words do where there is no room."""

import numpy as np
import pytest

from app.figures.boxes import MARGIN, Column, Picture, Place, Row, Space, Words, draw
from app.figures.look import Look
from app.figures.studio import fit, paragraph
from app.tokens import DARK


def plain(width: int, height: int, value: int = 100) -> Picture:
    return Picture(np.full((height, width, 3), value, np.uint8))


def test_rows_and_columns_stand_where_they_are_put():
    a, b, c = plain(10, 20), plain(30, 8), plain(12, 4)
    page = draw(Column([Row([a, b], gap=2, align=0.5), Place(c, 20, 10)], gap=5), Look(scale=2))
    m = 2 * MARGIN
    assert page.places == [(a, m, m), (b, m + 14, m + 6), (c, m + 4, m + 20 + 10 + 3)]
    assert page.pixels.shape == (20 + 10 + 10 + 2 * m, 44 + 2 * m, 3)


def test_alignment_to_the_far_edge():
    a, b = plain(10, 20), plain(30, 8)
    assert [place[1:] for place in draw(Column([a, b], gap=0, align=1), Look()).places] == [
        (MARGIN + 20, MARGIN), (MARGIN, MARGIN + 20)
    ]  # fmt: skip


def test_pictures_are_put_down_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    page = draw(Row([Space(5, 1), Picture(pixels)], gap=0), Look(DARK))
    x, y = MARGIN + 5, MARGIN
    assert np.array_equal(page.pixels[y : y + 9, x : x + 7], pixels)
    assert (page.pixels[:MARGIN] == Look(DARK).paper).all()


@pytest.mark.parametrize("scale", [1, 1.5, 3])
@pytest.mark.parametrize("style", ["title", "note", "number"])
def test_no_stroke_of_a_letter_leaves_its_line(scale: float, style: str):
    look, words = Look(scale=scale), Words("Åbgjψ|", style)
    width, height = words.size(look)
    roomy = draw(Place(words, width + 40, height + 40), look).pixels
    ink = np.argwhere((roomy != look.paper).any(axis=2))
    tight = draw(words, look).pixels
    assert ((tight != look.paper).any(axis=2)).sum() == len(ink), "something was cut off"


def test_long_words_end_in_an_ellipsis_that_fits():
    look = Look()
    for most in (20, 60, 200):
        words = Words("a-network-with-a-very-long-name-that-nobody-asked-for", "name", most=most)
        assert words.size(look)[0] <= most
    assert Words("short", most=500).size(look) == Words("short").size(look)


def test_words_that_read_upwards_are_the_same_turned():
    look = Look()
    along, up = draw(Words("seed 7"), look).pixels, draw(Words("seed 7", upwards=True), look).pixels
    assert np.array_equal(np.rot90(along), up)


def test_a_paragraph_keeps_every_word_in_lines_that_fit():
    text, look = "Detail that stays sharp in the mean, and horizontal streaks, are stuck to the pixels.", Look()
    lines = paragraph(text, 150, look)
    assert " ".join(line.text for line in lines) == text and len(lines) > 2
    assert all(line.size(look)[0] <= 150 for line in lines)


def test_small_pictures_are_repeated_and_large_ones_reduced():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
    assert np.array_equal(fit(pixels, 4), pixels)
    assert np.array_equal(fit(pixels, 11)[::2, ::2], pixels) and fit(pixels, 11).shape == (8, 8, 3)
    large = np.full((40, 20, 3), 77, np.uint8)
    assert fit(large, 10).shape == (20, 10, 3) and (fit(large, 10) == 77).all()
