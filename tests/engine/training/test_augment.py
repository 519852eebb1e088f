"""Augmentation against its definition: what each operation does, how often it acts, and how p follows D."""

import math

import pytest
import torch

from cuda_ops.upfirdn import setup_filter, upfirdn2d, upsample2d
from engine.training import corrupt, tint, warp
from engine.training.augment import PIPES, Augmentation, Dice, augment
from engine.training.draws import Draws
from engine.training.world import World
from tests.engine.training.tiny import settings

N, R = 400, 16


def draws(seed: int = 0) -> Draws:
    return Draws(seed, torch.device("cpu"), World(), 4)


def smooth(n: int = 4) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(0, 3, R), torch.linspace(0, 5, R), indexing="ij")
    return torch.stack(
        [torch.stack([torch.sin(x + i), torch.cos(y), torch.sin(x * 0.5 + y)]) for i in range(n)]
    )


def test_nothing_happens_at_probability_zero():
    img = smooth()
    assert torch.allclose(augment(img, PIPES["bgcfnc"], 0.0, draws()), img, atol=2e-5)


def test_shifts_by_whole_pixels_are_exact():
    img, three, zero = smooth(), torch.full([4], 3.0), torch.zeros(4)
    moved = warp.warp(img, warp.translation(-three, zero))
    assert torch.allclose(moved[..., 3:], img[..., :-3], atol=2e-5)
    assert torch.allclose(moved[..., :3], img[..., 1:4].flip(3), atol=2e-5)  # reflected at the edge


def test_matrices_resample_as_the_filter_does():
    img, margin = torch.randn(2, 3, 16, 24), (5, 9, 3, 15)
    low_pass = setup_filter(warp.SYM6)
    fine = upsample2d(torch.nn.functional.pad(img, margin, mode="reflect"), low_pass)
    assert fine.shape == (2, 3, 68, 76) and torch.allclose(warp.refined(img, margin), fine, atol=1e-5)
    coarse = upfirdn2d(fine, low_pass, down=2, padding=(5 - 6, 5 - 6, 5 - 6, 5 - 6), flip=True)  # drops 6 at each edge
    assert coarse.shape == (2, 3, 28, 32) and torch.allclose(warp.coarsened(fine), coarse, atol=1e-5)


def test_flips_and_turns_move_every_pixel_to_its_place():
    img, one = smooth(), torch.ones(4)
    flipped = warp.warp(img, warp.scaling(-one, one))
    assert torch.allclose(flipped, img.flip(3), atol=0.06)  # the wavelet is not quite symmetric
    turned = warp.warp(img, warp.rotation(one * math.pi / 2))
    assert torch.allclose(turned, img.rot90(1, [2, 3]), atol=0.06)


def test_half_size_shows_the_picture_twice_as_wide():
    def wave(scale: float) -> torch.Tensor:
        x = (torch.arange(64) + 0.5 - 32) * scale
        return torch.sin(x * 0.2)[None, None, None].repeat(1, 1, 64, 1)

    out = warp.warp(wave(1.0), warp.scaling(torch.full([1], 2.0), torch.full([1], 2.0)))
    assert torch.allclose(out[..., 24:40, 24:40], wave(2.0)[..., 24:40, 24:40], atol=0.03)


def test_a_matrix_says_where_every_pixel_comes_from():
    def scene(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.sin(x * 0.2 + 1), torch.cos(y * 0.17), torch.sin(x * 0.11 - y * 0.13)])

    line = torch.arange(48) - 23.5  # pixels, from the picture's centre
    y, x = torch.meshgrid(line, line, indexing="ij")
    turn, s = torch.tensor([0.7]), torch.tensor([1.2])
    inverse = warp.rotation(turn) @ warp.scaling(s, 1 / s) @ warp.translation(torch.tensor([2.3]), torch.tensor([-1.6]))
    out = warp.warp(scene(x, y)[None], inverse)
    seen = torch.einsum("ij,jhw->ihw", inverse[0], torch.stack([x, y, torch.ones_like(x)]))
    inner = (..., slice(12, 36), slice(12, 36))  # what does not look beyond the picture
    assert torch.allclose(out[0][inner], scene(seen[0], seen[1])[inner], atol=0.03)


class Same(Dice):
    """Draws that are always the same, so that the outcome can be written down."""

    def uniform(self, *shape: int) -> torch.Tensor:
        return torch.full((1, *shape), 0.75)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.full((1, *shape), 0.5)


def test_geometry_is_the_product_of_its_operations():
    found = warp.random_inverse(Same(draws(), 1), 1.0, 16, 32, blit=True, geom=True)[0].double()
    a = math.pi / 2  # (2 x 0.75 - 1) pi; of the two rotations one has p_rot 1
    s = 2**0.1
    turn = torch.tensor([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]]).double()
    expected = (
        torch.diag(torch.tensor([-1.0, 1, 1]))  # floor(2 x 0.75) = 1: flipped
        .double() @ turn @ turn @ turn  # floor(4 x 0.75) = 3 quarters
        @ moved(-1, -2)  # 0.5 / 8 of 16 and 32 pixels
        @ torch.diag(torch.tensor([1 / s, 1 / s, 1]).double()) @ turn
        @ torch.diag(torch.tensor([1 / s, s, 1]).double()) @ turn
        @ moved(-1, -2)
    )  # fmt: skip
    assert torch.allclose(found, expected, atol=1e-5)


def moved(x: float, y: float) -> torch.Tensor:
    return torch.tensor([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=torch.double)


def test_colour_is_the_product_of_its_operations():
    A, b = tint.random_colour(Same(draws(), 1), 1.0, 3)
    v = torch.full([3], 3**-0.5, dtype=torch.double)
    one, grey = torch.eye(3).double(), torch.outer(v, v)
    cross = torch.linalg.cross(v.expand(3, 3), one).T  # columns v x e_i
    hue = torch.matrix_exp(cross * math.pi / 2)
    saturation = grey + (one - grey) * 2**0.5
    linear = saturation @ hue @ (one - 2 * grey)
    assert torch.allclose(A[0].double(), linear * 2**0.25, atol=1e-5)
    assert torch.allclose(b[0].double(), linear @ torch.full([3], 0.1 * 2**0.25).double(), atol=1e-5)


def test_blits_are_as_frequent_as_p():
    inverse = warp.random_inverse(Dice(draws(), N), 0.5, R, R, blit=True, geom=False)
    identity = (inverse - torch.eye(3)).abs().amax(dim=[1, 2]) < 1e-4
    # A picture stays if no flip (3/4), no turn (5/8) and no shift happened; a shift rounds to 0 with (1/4)^2.
    expected = 0.75 * 0.625 * (0.5 + 0.5 / 16)
    assert abs(identity.float().mean() - expected) < 4 * math.sqrt(expected * (1 - expected) / N)
    assert torch.allclose(inverse, inverse.round(), atol=1e-5)


def test_scales_and_rotations_have_their_distributions():
    inverse = warp.random_inverse(Dice(draws(), 4000), 1.0, R, R, blit=False, geom=True)
    area = inverse[:, :2, :2].det().log2()  # of 1/s^2 with s = 2^(0.2 N); the anisotropic scale keeps areas
    assert abs(area.std() - 0.4) < 0.02 and abs(area.mean()) < 0.03
    angles = torch.atan2(inverse[:, 1, 0], inverse[:, 0, 0])
    assert abs(angles.cos().mean()) < 0.06 and abs(angles.sin().mean()) < 0.06


def test_colour_operations_by_their_geometry():
    grey = torch.full([1, 3], 0.5)
    turn = tint.hue_rotation(torch.tensor([2 * math.pi / 3]))[0]
    assert torch.allclose(turn @ grey[0], grey[0], atol=1e-6)
    red = turn @ torch.tensor([1.0, 0, 0])
    assert torch.allclose(red, torch.tensor([0.0, 1, 0]), atol=1e-6) or torch.allclose(
        red, torch.tensor([0.0, 0, 1]), atol=1e-6
    )
    A, b = tint.random_colour(Dice(draws(), N), 1.0, 3)
    shown = A @ grey[:, :, None]
    assert torch.allclose(
        shown - shown.mean(dim=1, keepdim=True), torch.zeros_like(shown), atol=1e-5
    )  # grey stays grey
    assert b.std() > 0.1 and torch.allclose(b, b[:, :1].expand(-1, 3), atol=1e-5)


def test_bands_add_up_and_keep_the_expected_power():
    bank = corrupt.filter_bank()
    impulse = torch.zeros(43)
    impulse[21] = 1
    assert bank.shape == (4, 43) and torch.allclose(bank.sum(dim=0), impulse, atol=1e-6)
    gains = corrupt.random_gains(Dice(draws(), N), 1.0)
    power = torch.tensor([10.0, 1, 1, 1]) / 13
    assert torch.allclose(corrupt.filter_bands(smooth(1), torch.ones(1, 4)), smooth(1), atol=1e-5)
    assert gains.shape == (N, 4) and gains.std() > 0.2
    expected = torch.ones(4)
    for band in range(4):
        t = torch.ones(4)
        t[band] = 2**0.5
        expected = expected * t / (power * t**2).sum().sqrt()
    assert torch.allclose(corrupt.random_gains(Same(draws(), 1), 1.0)[0], expected, atol=1e-6)


def test_rectangles_cover_what_they_should():
    out = corrupt.cut_out(torch.ones(N, 3, R, R), Dice(draws(), N), 1.0)
    share = (out == 0).float().mean(dim=[1, 2, 3])
    assert share.max() == 0.25 and share.min() >= 0.0625  # whole in the middle, a quarter of it in a corner
    untouched = corrupt.cut_out(torch.ones(N, 3, R, R), Dice(draws(), N), 0.0)
    assert untouched.min() == 1


def test_noise_has_its_strength():
    out = corrupt.add_noise(torch.zeros(N, 3, R, R), Dice(draws(), N), 0.5)
    sigma = out.std(dim=[1, 2, 3])
    assert abs((sigma > 0).float().mean() - 0.5) < 0.1
    assert abs(sigma[sigma > 0].square().mean().sqrt() - 0.1) < 0.015


@pytest.mark.parametrize("kinds", ["bgc", "bgcfnc"])
def test_pictures_get_first_and_second_derivatives(kinds):
    img = torch.rand(2, 3, 8, 8, requires_grad=True)

    def run(x):
        return augment(x, PIPES[kinds], 0.9, draws(3))

    (gradient,) = torch.autograd.grad(run(img).square().sum(), img, create_graph=True)
    step = torch.randn_like(img) * 0.1
    with torch.no_grad():  # augmentation is affine, so differences are exact
        slope = (run(img + step).square().sum() - run(img - step).square().sum()) / 2
    assert torch.isclose((gradient * step).sum(), slope, rtol=1e-3)
    (second,) = torch.autograd.grad((gradient * step).sum(), img)
    linear = run(img + step) - run(img)
    assert torch.isclose((second * step).sum(), 2 * linear.square().sum(), rtol=1e-3)


def test_resampling_has_right_first_and_second_derivatives():
    img = torch.randn(2, 1, 5, 6, dtype=torch.double, generator=torch.Generator().manual_seed(1)).requires_grad_(True)
    inverse = warp.rotation(torch.tensor([0.4, 2.0]).double()) @ moved(0.3, -0.6)

    def run(x):
        return warp.warp(x, inverse)

    assert torch.autograd.gradcheck(run, img)
    assert torch.autograd.gradgradcheck(lambda x: run(x) ** 2, img)


def test_p_follows_a_scripted_discriminator():
    s = settings(
        augment="ada", batch=4, ada_kimg=0.16
    )  # 160 pictures from 0 to 1: 0.1 for every four batches
    pipe = Augmentation(s, draws())
    seen = []
    for batch in range(1, 25):
        sure = batch <= 16
        signs = torch.tensor([3.0 if sure else 0.0, 4.0])
        pipe.adapt(batch, signs)
        if batch % 4 == 0:
            seen.append(pipe.p)
            assert pipe.r_t == (0.75 if sure else 0.0) and signs.tolist() == [0, 0]
    assert seen == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.3, 0.2])


def test_p_stays_where_it_is_fixed_and_never_falls_below_zero():
    fixed = Augmentation(settings(augment="fixed", augment_p=0.3), draws())
    falling = Augmentation(settings(augment="ada"), draws())
    for pipe, expected in ((fixed, 0.3), (falling, 0.0)):
        pipe.adapt(4, torch.tensor([-4.0, 4.0]))
        assert pipe.p == expected
