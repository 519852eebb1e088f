"""StyleGAN3's nonlinearity: the fast paths against the chain of plain operations in float64."""

import pytest
import torch
from torch import Tensor

from cuda_ops.filtered_lrelu import filtered_lrelu
from tests.cuda_ops.paths import PATHS, check, randn

CASES = [  # channels, H, W, up, taps up, taps down, padding, radial
    (5, 38, 38, 2, 12, 12, (9, 8, 9, 8), False),
    (5, 38, 30, 4, 24, 12, (19, 18, 20, 17), False),
    (4, 54, 38, 4, 24, 12, (-6, -9, -6, -9), False),
    (5, 70, 90, 2, 12, 12, (-11, -12, -9, -10), False),
    (3, 36, 52, 2, 12, 12, (9, 8, 9, 8), True),
    (3, 52, 36, 4, 24, 12, (-6, -9, -6, -9), True),
    (2, 9, 700, 2, 12, 12, (9, 8, 9, 8), False),
    (2, 5, 330, 4, 24, 12, (19, 18, 19, 18), True),
    (1, 4, 4, 2, 12, 12, (9, 8, 9, 8), False),
    (2, 1, 1, 4, 24, 12, (19, 18, 20, 18), False),
    (3, 20, 17, 2, 8, 6, (5, 4, 6, 7), False),
    (3, 20, 17, 3, 18, 12, (9, 8, 9, 8), False),
]


def filters(up: int, taps_up: int, taps_down: int, radial: bool) -> tuple[Tensor, Tensor]:
    """An arbitrary upsampling filter and a symmetric downsampling one, as networks have."""
    t = torch.arange(taps_down) - (taps_down - 1) / 2
    window = torch.kaiser_window(taps_down, False, 6.0)
    if not radial:
        f = torch.sinc(t * 0.45) * window
        return randn(taps_up) / up, f / f.sum()
    f = torch.sinc(torch.hypot(t[:, None], t[None]) * 0.25) * torch.outer(window, window)
    return randn(taps_up) / up, f / f.sum()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_fast_paths(path: str, case: tuple):
    C, H, W, up, taps_up, taps_down, padding, radial = case
    fu, fd = filters(up, taps_up, taps_down, radial)
    for N in (1, 2):
        x, b = randn(N, C, H, W), randn(C, seed=5)
        check(path, filtered_lrelu, x, fu, fd, b, up=up, down=2, padding=padding, clamp=256.0)
        check(
            path,
            filtered_lrelu,
            x,
            fu,
            fd,
            None,
            up=up,
            down=2,
            padding=padding,
            gain=1.0,
            slope=0.5,
            clamp=0.7,
        )


def of_parts(rank: int) -> Tensor:
    """A symmetric filter [12, 12] that is a sum of `rank` separable ones, and of no fewer."""
    halves = torch.linalg.qr(randn(2, 6, 6, seed=rank))[0][:, :, :rank]  # [2, 6, rank]
    columns, rows = torch.cat([halves, halves.flip(1)], 1)  # [12, rank]
    return (columns * 0.5 ** torch.arange(rank)) @ rows.t()


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5, 6])
def test_filters_of_any_number_of_parts(rank: int):
    from cuda_ops.cpu import flrelu, packing

    fd = of_parts(rank)
    halves = packing.halves(fd)
    assert halves is not None and rank <= halves.shape[1] in flrelu.UNIT
    columns, rows = halves.double()
    assert torch.allclose(rows[:, list(flrelu.UNIT[len(rows)])], torch.eye(len(rows)).double(), atol=1e-7)
    assert (columns.t() @ rows - fd[:6, :6].double()).abs().max() < 1e-6 * fd.abs().max()
    for up, padding in ((2, (9, 8, 10, 7)), (4, (19, 18, 20, 17))):
        check("numba", filtered_lrelu, randn(1, 2, 23, 31), randn(6 * up), fd, randn(2), up=up, down=2, padding=padding)


def test_rows_of_a_filter_keep_their_digits_where_the_usual_taps_are_small():
    from cuda_ops.cpu import packing

    f = torch.tensor([0.3, -1.0, 0.5, 0.2, 0.1, 0.0])
    halves = packing.halves(torch.cat([f, f.flip(0)]))
    assert halves is not None and halves.abs().max() < 20


@pytest.mark.parametrize("path", PATHS)
def test_filters_without_symmetry(path: str):
    x, fu = randn(1, 3, 40, 40), randn(12)
    for fd in (randn(12, seed=1), randn(12, 12, seed=1)):
        check(path, filtered_lrelu, x, fu, fd, None, up=2, down=2, padding=(9, 8, 9, 8))


@pytest.mark.parametrize("path", PATHS)
def test_without_filters_it_is_bias_and_clamp(path: str):
    check(path, filtered_lrelu, randn(1, 3, 16, 16), None, None, randn(3), gain=1.0, slope=1.0, clamp=0.5)


@pytest.mark.parametrize("path", PATHS)
def test_any_layout_of_memory(path: str):
    fu, fd = filters(2, 12, 12, False)
    x = randn(2, 4, 30, 38)
    for same in (
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
    ):
        check(path, filtered_lrelu, same, fu, fd, randn(4), up=2, down=2, padding=(9, 8, 9, 8))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("radial", [False, True])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_stays_where_it_is(path: str, value: float, radial: bool):
    fu, fd = filters(2, 12, 12, radial)
    x = randn(1, 3, 40, 40)
    x[0, 1, 7, 20] = value
    check(path, filtered_lrelu, x, fu, fd, None, up=2, down=2, padding=(9, 8, 9, 8))
    check(path, filtered_lrelu, x, fu, fd, None, up=2, down=2, padding=(9, 8, 9, 8), clamp=256.0)
