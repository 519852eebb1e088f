"""Adaptive instance normalisation against its definition, and its derivatives against finite differences."""

import torch

from cuda_ops.adain import adain, adain_reference


def draw(N: int, C: int, H: int, W: int, **options):
    generator = torch.Generator().manual_seed(3)
    sizes = ((N, C, H, W), (N, C), (N, C))
    x, scale, shift = (torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes)
    return tuple(t.to(**options) for t in (x * 3 + 5, scale, shift))


def test_fast_path_and_reference_are_the_definition():
    x, scale, shift = draw(2, 3, 5, 7)
    expected = torch.empty_like(x)
    for n in range(2):
        for c in range(3):
            map_ = x[n, c]
            normal = (map_ - map_.mean()) / (map_.var(correction=0) + 1e-8).sqrt()
            expected[n, c] = normal * (scale[n, c] + 1) + shift[n, c]
    torch.testing.assert_close(adain(x, scale, shift), expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(adain_reference(x, scale, shift), expected, atol=1e-12, rtol=0)


def test_a_map_far_from_zero_and_a_flat_one():
    x, scale, shift = draw(2, 3, 16, 16)
    far = (x - 5) * 0.01 + 4  # mean 4, deviation 0.03
    y = adain(far.float(), scale.float(), shift.float())
    torch.testing.assert_close(y.double(), adain_reference(far, scale, shift), atol=3e-4, rtol=0)
    flat = adain(torch.full((2, 3, 4, 4), 7.0), scale.float(), shift.float())
    torch.testing.assert_close(flat.double(), shift[:, :, None, None].expand(2, 3, 4, 4), atol=1e-2, rtol=0)


def test_first_and_second_derivatives():
    inputs = tuple(t.requires_grad_() for t in draw(1, 2, 3, 2))
    assert torch.autograd.gradcheck(adain, inputs)
    assert torch.autograd.gradgradcheck(adain, inputs)
