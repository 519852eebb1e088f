"""Calls that between them use every kernel: what the check compares, and what the report of `doctor` times."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from cuda_ops.adain import EPS, adain_reference
from cuda_ops.filtered_lrelu import filtered_lrelu_reference
from cuda_ops.gpu import adain, epilogue, fir, guard, ops, rgba
from cuda_ops.gpu.fir import End
from cuda_ops.rgba import to_rgba8_reference
from cuda_ops.upfirdn import setup_filter, upfirdn2d_plain

KEEP_RATE, DOUBLE_RATE = (2, 12, (9, 8, 9, 8)), (4, 24, (-6, -9, -6, -9))  # up, taps, padding of StyleGAN3's layers
DTYPES = (torch.float32, torch.float16)


@dataclass(frozen=True)
class Case:
    """One call: `fast` by a kernel, `plain` by torch. It moves at least `bytes` and computes `flops`."""

    kernel: str
    what: str
    x: Tensor
    fast: Callable[[], Tensor]
    plain: Callable[[Tensor], Tensor]
    bytes: int
    flops: int


def cases(device: torch.device | str, large: bool = False) -> Iterator[Case]:
    """Every kernel in both precisions and both orders in memory; `large` with sizes as networks have them."""
    for dtype in DTYPES:
        for order in (torch.contiguous_format, torch.channels_last):
            yield from _firs(device, dtype, order, large)
            yield from _epilogues(device, dtype, order, large)
            yield from _adains(device, dtype, order, large)
        yield _picture(device, dtype, large)


def _firs(
    device: torch.device | str, dtype: torch.dtype, order: torch.memory_format, large: bool
) -> Iterator[Case]:
    x = _draw((1, 81, 534, 534) if large else (2, 5, 37, 61), device, dtype, order)
    b = _draw(x.shape[1:2], device, torch.float32)
    for (up, taps, padding), radial in product((KEEP_RATE, DOUBLE_RATE), (False, True)):
        fu, fd = _window(taps).to(device), (radial_like(12) if radial else _window(12)).to(device)
        yield _flrelu(x, fu, fd, b, up, padding, "radial" if radial else "separable")
    f = setup_filter([1, 3, 3, 1]).to(device)
    end = End(2**0.5, 0.2, 1.5, None, None, b)
    for what, up, down, pad, after in (
        ("filter and layer's end", 1, 1, (1, 1, 1, 1), end), ("up 2", 2, 1, (2, 1, 2, 1), None),
        ("down 2", 1, 2, (1, 1, 1, 1), None),
    ):  # fmt: skip
        yield _upfirdn(x, f, what, up, down, pad, after)


def _flrelu(
    x: Tensor, fu: Tensor, fd: Tensor, b: Tensor, up: int, padding: fir.Padding, what: str
) -> Case:
    end = End(2**0.5, 0.2, 1.5, bias=b)

    def plain(x: Tensor) -> Tensor:
        return filtered_lrelu_reference(
            x, fu, fd, b, up=up, down=2, padding=padding, gain=2**0.5, slope=0.2, clamp=1.5
        )

    def fast() -> Tensor:
        return fir.filtered_lrelu(x, fu, fd, up, 2, padding, end)

    N, C, H, W = x.shape
    taps = len(fu) + 11
    OH, OW = (fir.out_size(n, up, 2, padding[0], padding[1], taps) for n in (H, W))
    rank = fir.terms(fd, tolerance=fir.RANK_TOLERANCE[x.dtype]).rank
    between_h, between_w = OH * 2 + 10, OW * 2 + 10  # upsamples
    mac = between_w * 6 * (H + between_h) + rank * 12 * OH * (between_w + OW)
    name = f"filtered lrelu up {up}, {what}, {layout_of(x)}"
    return Case(guard.kernel_name("fir", x), name, x, fast, plain, _moved(x, N * C * OH * OW), 2 * N * C * mac)


def _upfirdn(
    x: Tensor, f: Tensor, what: str, up: int, down: int, padding: fir.Padding, end: End | None
) -> Case:
    def plain(x: Tensor) -> Tensor:
        y = upfirdn2d_plain(x, f, up, down, padding)
        return y if end is None else ops.finish_reference(y, end)

    def fast() -> Tensor:
        return fir.upfirdn(x, f, up, down, padding, 1.0, False, end)

    outputs = x.numel() * up**2 // down**2
    name = f"{what}, {layout_of(x)}"
    return Case(guard.kernel_name("fir", x), name, x, fast, plain, _moved(x, outputs), outputs * 16)


def _epilogues(
    device: torch.device | str, dtype: torch.dtype, order: torch.memory_format, large: bool
) -> Iterator[Case]:
    shapes = [(1, 64, 512, 512)] if large else [(2, 8, 16, 16), (2, 3, 7, 9)]  # packed, and element by element
    for shape in shapes:
        x = _draw(shape, device, dtype, order)
        N, C, H, W = shape
        noise, scale = (_draw(s, device, torch.float32) for s in ((N, 1, H, W), (N, C)))
        end = End(2**0.5, 0.2, 1.5, scale, noise, _draw((C,), device, torch.float32))
        name = f"epilogue of {'x'.join(map(str, shape))}, {layout_of(x)}"
        yield Case(
            guard.kernel_name("epilogue", x), name, x, lambda x=x, end=end: epilogue.finish(x, end),
            lambda x, end=end: ops.finish_reference(x, end), _moved(x, x.numel()), 6 * x.numel(),
        )  # fmt: skip


def _adains(
    device: torch.device | str, dtype: torch.dtype, order: torch.memory_format, large: bool
) -> Iterator[Case]:
    shapes = [(1, 64, 512, 512)] if large else [(2, 5, 9, 11), (1, 3, 65, 64)]  # maps of one part, and of several
    for shape in shapes:
        x = _draw(shape, device, dtype, order) * 2 + 3
        scale, shift = (_draw(shape[:2], device, torch.float32) for _ in range(2))
        name = f"adain of {'x'.join(map(str, shape))}, {layout_of(x)}"
        moved = _moved(x, x.numel()) + x.numel() * x.element_size()  # statistics need a reading of their own
        yield Case(
            guard.kernel_name("adain", x), name, x,
            lambda x=x, scale=scale, shift=shift: adain.adain(x, scale, shift, EPS),
            lambda x, scale=scale, shift=shift: adain_reference(x.float(), scale, shift).to(x.dtype),
            moved, 8 * x.numel(),
        )  # fmt: skip


def _picture(device: torch.device | str, dtype: torch.dtype, large: bool) -> Case:
    size = 1024 if large else 37
    x = _draw((3, size, size), device, dtype)
    return Case(
        guard.kernel_name("rgba", x), f"picture of {size}", x, lambda: rgba.pack(x), to_rgba8_reference,
        x.numel() * x.element_size() + 4 * size**2, 6 * size**2,
    )  # fmt: skip


def _draw(
    shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype,
    order: torch.memory_format = torch.contiguous_format,
) -> Tensor:  # fmt: skip
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(shape, generator=generator).to(device, dtype).contiguous(memory_format=order)


def _window(taps: int) -> Tensor:
    return torch.hann_window(taps + 2, periodic=False)[1:-1] / ((taps + 1) / 2)


def radial_like(taps: int) -> Tensor:
    """A round filter that is a sum of three separable ones."""
    t = torch.linspace(-1, 1, taps)
    a, b, c = (torch.exp(-(t**2) * k) for k in (2.0, 5.0, 9.0))
    f = torch.outer(a, a) - 0.3 * torch.outer(b, b) + 0.1 * torch.outer(c, c)
    return f / f.sum()


def layout_of(x: Tensor) -> str:
    return "channels last" if fir.channels_last(x) else "planes"


def _moved(x: Tensor, outputs: int) -> int:
    return (x.numel() + outputs) * x.element_size()
