"""Coarse, middle and fine, written out by hand for a network of each family."""

from pathlib import Path

import pytest

from engine.bands import bands, noise_sizes, squares
from engine.renderer import Renderer
from engine.scene import Scene
from tests.engine import tiny

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def of_file(name: str):
    frame = Renderer().render(Scene().set("model.path", str(GOLDEN / name)))
    assert frame.error is None and frame.model is not None
    return frame.model, frame.steps


def of_tiny(G):
    frame = Renderer(models=tiny.Shelf(tiny=G)).render(Scene())
    assert frame.error is None and frame.model is not None
    return frame.model, frame.steps


@pytest.mark.parametrize(
    ("network", "rows", "spans"),
    [
        # one layer at 4², two at each further resolution; the last row belongs to the RGB output at 64²
        (lambda: of_tiny(tiny.stylegan2(resolution=64)), [(0, 1, 2), (3, 4, 5, 6), (7, 8, 9)],
         ["4²–8²", "16²–32²", "64²"]),
        (lambda: of_tiny(tiny.stylegan2(resolution=16)), [(0, 1, 2), (3, 4, 5), ()], ["4²–8²", "16²", ""]),
        # two layers at each resolution
        (lambda: of_file("sg1_auto128.pkl"), [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)],
         ["4²–8²", "16²–32²", "64²–128²"]),
        # eight rows in thirds
        (lambda: of_tiny(tiny.stylegan3()), [(0, 1, 2), (3, 4), (5, 6, 7)], ["rows 0–2", "rows 3–4", "rows 5–7"]),
    ],
    ids=["StyleGAN2, 64", "StyleGAN2, 16", "StyleGAN", "StyleGAN3"],
)  # fmt: skip
def test_rows_of_each_band(network, rows, spans):
    found = bands(*network())
    assert [band.name for band in found] == ["coarse", "middle", "fine"]
    assert [band.rows for band in found] == rows
    assert [band.span for band in found] == spans


@pytest.mark.parametrize("name", ["lucidrains/plain", "rosi_train_64.pt", "sg1_variant.pkl", "sg2tf_configd.pkl"])
def test_every_row_is_in_one_band(name):
    if name.startswith("lucidrains"):
        name = str(next((GOLDEN / name).glob("*.pt")))
    facts, steps = of_file(name)
    assert sorted(row for band in bands(facts, steps) for row in band.rows) == list(range(facts.num_ws))


def test_noise_layers_have_the_resolution_of_their_step():
    assert noise_sizes(*of_tiny(tiny.stylegan2(resolution=16))) == [4, 8, 8, 16, 16]
    assert noise_sizes(*of_file("sg1_auto128.pkl")) == [s for s in (4, 8, 16, 32, 64, 128) for _ in range(2)]
    assert noise_sizes(*of_tiny(tiny.stylegan3())) == []


def test_resolutions_in_words():
    assert [squares(sizes) for sizes in ([], [8], [8, 8], [4, 16, 8])] == ["", "8²", "8²", "4²–16²"]
