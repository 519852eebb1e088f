"""Each figure on small networks: its cells are the pictures that the scenes give by themselves, in their places."""

from collections import defaultdict

import numpy as np
import pytest

from app.figures.boxes import Page, draw
from app.figures.compare import compare
from app.figures.look import Look
from app.figures.mixing import mixing
from app.figures.noise import by_layers, liveliest, noise
from app.figures.sticking import Sticking, sticking
from app.figures.studio import Studio
from app.figures.truncation import head, sweep, truncation
from app.figures.walk import interpolation
from engine.errors import RenderError, StyleScopeError
from engine.inspect.colours import paint
from engine.latents import seed_to_z
from engine.renderer import Renderer
from engine.scene import Scene, Source
from tests.engine import tiny

TWO, THREE = tiny.stylegan2(resolution=64), tiny.stylegan3()


def studio(cell: int = 64, **models) -> Studio:
    renderer = Renderer(models=tiny.Shelf(**(models or {"two": TWO})))

    def frame_of(scene):
        frame = renderer.render(scene)
        if frame.error:
            raise RenderError(frame.error)
        return frame

    return Studio(frame_of, Look(), cell)


def alone(scene: Scene, **models) -> np.ndarray:
    """A scene rendered by a renderer that saw only its seeds before: mapped one by one, as latents in a batch round
    differently."""
    renderer = Renderer(models=tiny.Shelf(**(models or {"two": TWO})))
    if scene.latent.mode == "seeds":
        for n in (scene.latent.seed, *(source.seed for source in scene.mixing.sources)):
            renderer.render(Scene(model=scene.model).set("latent.seed", n))
    picture = renderer.render(scene).picture
    assert picture is not None
    return picture[..., :3]


def grid(page: Page, size: int = 64) -> list[list[np.ndarray]]:
    """The pixels of all cells `size` wide and high, in rows from the top, each from the left."""
    rows = defaultdict(list)
    for _, x, y in sorted((p for p in page.places if p[0].pixels.shape[:2] == (size, size)), key=lambda p: p[1]):
        rows[y].append(page.pixels[y : y + size, x : x + size])
    return [rows[y] for y in sorted(rows)]


def seed(n: int) -> Scene:
    return Scene().set("latent.seed", n)


def same(cell: np.ndarray, scene: Scene, **models) -> bool:
    return np.array_equal(cell, alone(scene, **models))


# --- mixing -------------------------------------------------------------------------------------------------------


def test_mixing_lends_bands_of_the_sources_to_the_destinations():
    cells = grid(draw(mixing(studio(), seed(99), (1, 2, 3), (11, 12)), Look()))
    assert [len(row) for row in cells] == [3, 4, 4, 4, 4, 4, 4]
    assert all(same(cell, seed(n)) for cell, n in zip(cells[0], (1, 2, 3)))
    bands = [(0, 1, 2), (3, 4, 5, 6), (7, 8, 9)]
    for i, rows in enumerate(bands):
        for j, destination in enumerate((11, 12)):
            line = cells[1 + 2 * i + j]
            assert same(line[0], seed(destination))
            for cell, source in zip(line[1:], (1, 2, 3)):
                assert same(cell, seed(destination).set("mixing.sources", (Source(source, 1.0, rows),)))


def test_a_small_network_has_no_fine_band():
    small = {"small": tiny.stylegan2(resolution=16)}
    cells = grid(draw(mixing(studio(16, **small), Scene(), (1,), (2,)), Look()), 16)
    assert [len(row) for row in cells] == [1, 2, 2]
    assert same(cells[2][1], seed(2).set("mixing.sources", (Source(1, 1.0, (3, 4, 5)),)), **small)


# --- truncation ---------------------------------------------------------------------------------------------------


def test_truncation_goes_through_the_average():
    cells = grid(draw(truncation(studio(), Scene(), (4, 5), (-1.0, 0.0, 1.0)), Look()))
    assert [len(row) for row in cells] == [3, 3]
    assert np.array_equal(cells[0][1], cells[1][1])
    for row, n in zip(cells, (4, 5)):
        for cell, psi in zip(row, (-1.0, 0.0, 1.0)):
            assert same(cell, seed(n).set("truncation.psi", psi))


def test_all_rows_reach_the_average_where_the_network_truncates_only_some():
    class Shelf(tiny.Shelf):
        def get(self, path="", network="G_ema"):
            model = super().get(path, network)
            model.generator.mapping.default_cutoff = 3
            return model

    s = studio()
    renderer = Renderer(models=Shelf(two=tiny.stylegan2(resolution=64)))
    s.frame_of = renderer.render
    cells = grid(draw(truncation(s, Scene(), (4, 5), (0.0, 1.0)), Look()))
    assert np.array_equal(cells[0][0], cells[1][0])
    kept = grid(draw(truncation(s, Scene().set("truncation.cutoff", 3), (4, 5), (0.0, 1.0)), Look()))
    assert not np.array_equal(kept[0][0], kept[1][0])


def test_a_sweep_is_even_and_has_words_for_its_middle():
    assert sweep(-1, 1, 5) == (-1.0, -0.5, 0.0, 0.5, 1.0)
    assert [head(psi) for psi in (-0.5, 0.0, 1.0)] == ["ψ −0.5", "ψ 0 = w_avg", "ψ 1"]
    assert head(sweep(-0.3, 0.3, 3)[1]) == "ψ 0 = w_avg"


# --- interpolation ------------------------------------------------------------------------------------------------


def test_rows_of_an_interpolation_begin_and_end_at_their_seeds():
    cells = grid(draw(interpolation(studio(), Scene(), (2, 9, 4), 3), Look()))
    assert [len(row) for row in cells] == [3, 3]
    everything = tuple(range(65))
    for row, (a, b) in zip(cells, ((2, 9), (9, 4))):
        assert same(row[0], seed(a)) and same(row[2], seed(b))
        assert same(row[1], seed(a).set("mixing.sources", (Source(b, 0.5, everything),)))


# --- noise --------------------------------------------------------------------------------------------------------


def test_noise_shows_the_deviation_of_its_realisations_and_layers_by_themselves():
    page = draw(noise(studio(), Scene(), (3,), 6), Look())
    cells = grid(page)
    loud = [alone(seed(3).set("noise.mode", "random").set("noise.seed", i)) for i in range(6)]
    std = np.sqrt((np.stack(loud).astype(float).std(axis=0) ** 2).mean(axis=2))  # [H, W]
    assert same(cells[0][0], seed(3))
    y, x, size = liveliest(std)
    painted = paint(std, "heat", 0.0, float(std.max()))[..., :3]
    shown = cells[0][4]
    inside = np.ones((64, 64), bool)
    inside[y : y + size, x : x + size] = False
    inside[y + 1 : y + size - 1, x + 1 : x + size - 1] = True
    assert np.array_equal(shown[inside], painted[inside])
    assert (shown[y, x : x + size] == 255).all(), "the enlarged part is outlined"
    for i in range(3):
        part = loud[i][y : y + size, x : x + size]
        for at, of in ((0, 0), (32, size // 2), (63, size - 1)):
            assert (cells[0][1 + i][at, at] == part[of, of]).all()
    layers = [(1,) * 9, (0,) * 9, (0,) * 7 + (1, 1), (1,) * 7 + (0, 0)]
    assert all(same(cell, seed(3).set("noise.layers", tuple(map(float, f)))) for cell, f in zip(cells[1], layers))
    assert same(cells[1][1], seed(3).set("noise.mode", "none"))


def test_the_liveliest_part_is_where_the_sum_is_largest():
    values = np.zeros((16, 16))
    values[9:12, 2:5] = 1
    y, x, size = liveliest(values)
    assert size == 6 and y <= 9 and y + size >= 12 and x <= 2 and x + size >= 5


def test_a_network_below_64_has_its_last_resolution_as_fine():
    assert by_layers([4, 8, 8, 16, 16])["fine"] == (0, 0, 0, 1, 1)
    assert by_layers([4, 64, 128])["coarse"] == (1, 0, 0)


def test_stylegan3_has_no_noise_to_show():
    with pytest.raises(StyleScopeError, match="expected a network with noise inputs, found a StyleGAN3"):
        noise(studio(16, three=THREE), Scene(), (1,), 4)


# --- sticking -----------------------------------------------------------------------------------------------------


def test_sticking_shows_the_mean_around_a_latent_and_a_column_over_a_walk():
    shown = Sticking(seed=2, to=7, count=5, radius=0.4, frames=9, at=0.25)
    page = draw(sticking(studio(), [Scene()], shown), Look())
    centre, mean = grid(page)[0]
    assert same(centre, seed(2))
    z, normal = seed_to_z(2, 16).astype(np.float64), np.random.default_rng(0)
    pictures = []
    for _ in range(5):
        near = np.sqrt(1 - 0.4**2) * z + 0.4 * normal.standard_normal(16)
        scene = Scene().set("latent.mode", "vector").set("latent.vector", tuple(near.tolist()))
        pictures.append(alone(scene).astype(float))
    assert np.array_equal(mean, np.rint(np.mean(pictures, axis=0)).astype(np.uint8))
    strip = next(p.pixels for p, *_ in page.places if p.pixels.shape[0] == 64 and p.pixels.shape[1] > 64)
    across = tuple(range(65))
    for t in (0, 4, 8):
        frame = alone(seed(2).set("mixing.sources", (Source(7, t / 8, across),)))
        for i in range(14):  # 130 pixels have room for each of 9 frames 14 times
            assert np.array_equal(strip[:, 14 * t + i], frame[:, 16])


def test_content_that_is_moved_runs_down_the_slice():
    size, models = THREE.img_resolution, {"three": THREE}
    shown = Sticking(seed=1, count=1, frames=3, over="translation", distance=0.5)
    page = draw(sticking(studio(size, **models), [Scene()], shown), Look())
    strip = next(p.pixels for p, *_ in page.places if p.pixels.shape[0] == size and p.pixels.shape[1] > size)
    wide = strip.shape[1] // 3
    for t, y in enumerate((-0.25, 0.0, 0.25)):
        assert np.array_equal(strip[:, wide * t], alone(seed(1).set("transform.y", y), **models)[:, size // 2])


def test_networks_stand_beside_each_other_under_their_names():
    models = {"two": TWO, "three": THREE}
    scenes = [Scene().set("model.path", name) for name in models]
    page = draw(sticking(studio(64, **models), scenes, Sticking(count=1, frames=2)), Look())
    row = grid(page)[0]
    assert len(row) == 4
    assert same(row[0], scenes[0], **models)
    assert same(row[2][::4, ::4], scenes[1], **models)
    with pytest.raises(StyleScopeError, match="expected a StyleGAN3 for --over translation, found a StyleGAN2"):
        sticking(studio(64, **models), scenes, Sticking(over="translation"))


# --- compare ------------------------------------------------------------------------------------------------------


def test_compare_shows_the_same_seeds_and_a_step():
    models = {"two": TWO, "three": THREE}
    scenes = [Scene().set("model.path", name) for name in models]
    page = draw(compare(studio(64, **models), scenes, (5, 6), "auto"), Look())
    cells = grid(page)
    assert [len(row) for row in cells] == [2, 2, 2, 2]
    for cell, inner, n in zip(cells[0], cells[1], (5, 6)):
        scene = scenes[0].set("latent.seed", n)
        assert same(cell, scene, **models)
        assert same(inner, scene.set("view.step", "b64.conv1").set("view.mode", "norm"), **models)
    assert same(cells[2][1][::4, ::4], scenes[1].set("latent.seed", 6), **models)


def test_a_step_that_one_network_lacks_is_refused():
    with pytest.raises(StyleScopeError, match=r"--step: expected auto or one of .*b4.conv1.* found 'b9.conv1'"):
        compare(studio(), [Scene()], (1,), "b9.conv1")


# --- size ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("resolution", "scale", "width"), [(16, 1, 128), (64, 2, 256), (256, 1, 256)])
def test_cells_are_between_128_and_256_points_by_themselves(resolution: int, scale: float, width: int):
    s = studio(None, net=tiny.stylegan2(resolution=resolution))
    s.look = Look(scale=scale)
    assert s.cell_of(Scene()).size(s.look) == (width, width)


def test_a_page_that_nobody_could_hold_is_refused_while_it_is_small():
    s = studio(64)
    for n in range(3):
        s.cell_of(seed(n))
    with pytest.raises(StyleScopeError, match="found more; choose fewer pictures or a smaller --cell"):
        s.cell_of(seed(3), 16384)
