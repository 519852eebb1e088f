"""What a step is made of besides its output: its weight and the styles that it reads, laid out as pictures.

Both come as [C, H, W] like an activation, so that whatever shows one shows the others. A weight has a picture for each
output channel, its kernels beside each other in rows; styles are one picture, of StyleGAN scales and then shifts.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.networks.common import Generator, Inputs, Step

WEIGHT, STYLES, OUTPUT = "weight", "styles", "output"


@dataclass(frozen=True)
class Layout:
    """How numbers lie in each picture of a part: `columns` of cells of `cell` (height, width) samples."""

    part: str
    columns: int
    cell: tuple[int, int] = (1, 1)

    def at(self, x: int, y: int) -> tuple[int, int, int]:
        """Number of the cell at a pixel, and the row and column in it."""
        (h, w), (row, dy), (column, dx) = self.cell, divmod(y, self.cell[0]), divmod(x, self.cell[1])
        assert h and w
        return row * self.columns + column, dy, dx


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a step: `x` [C, H, W] as it is laid out, and `plain`, the tensor itself."""

    x: Tensor
    layout: Layout
    plain: Tensor


def weight_of(G: Generator, step: str) -> Tensor | None:
    """The weight [O, I, k, k] of a step as it is stored, before any gain; None where it has none.

    Of a learned constant [C, H, W] it is that, as [C, 1, H, W].
    """
    layer = _module(G, step)
    inner = getattr(layer, "conv", None)  # of lucidrains' toRGB
    layer = inner if isinstance(inner, nn.Module) else layer
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor):
        constant = getattr(layer, "const", None)
        return constant.detach()[:, None] if isinstance(constant, Tensor) and step.endswith(".const") else None
    weight = weight.detach()
    return weight[:, :, None, None] if weight.ndim == 2 else weight


def affine_of(G: Generator, step: str) -> nn.Module | None:
    """The layer that turns w into a step's styles; None where it reads none."""
    if G.family != "lucidrains":
        affine = getattr(_module(G, step), "affine", None)
        return affine if step != "input" else None  # StyleGAN3's input reads a transform with it
    block, _, name = step.rpartition(".")
    owner = _module(G, step if name == "to_rgb" else block)
    found = {"conv1": "to_style1", "conv2": "to_style2", "to_rgb": "to_style"}.get(name, "")
    return getattr(owner, found, None) if found else None


def styles_of(G: Generator, step: Step, inputs: Inputs, shift: Tensor | None = None) -> Tensor | None:
    """The styles [S] that a step reads in a run, `shift` [S] of its bends added; None where it reads none."""
    affine = affine_of(G, step.name)
    if affine is None or not step.styles:
        return None
    styles = affine(inputs.ws[:1, step.ws[0]])[0]
    return styles if shift is None else styles + shift.to(styles)


def weight_part(weight: Tensor) -> Part:
    """A weight [O, I, k, l] as [O, rows k, columns l]: rows times columns are exactly I, columns the more."""
    O, I, k, l = weight.shape
    columns = _columns(I)
    x = weight.reshape(O, I // columns, columns, k, l).permute(0, 1, 3, 2, 4)  # [O, R, k, K, l]
    return Part(x.reshape(O, I // columns * k, columns * l), Layout(WEIGHT, columns, (k, l)), weight)


def styles_part(styles: Tensor, family: str) -> Part:
    """Styles [S] as [1, H, W], of StyleGAN [2, H, W]: scales and shifts."""
    x = styles.reshape(2 if family == "stylegan1" else 1, -1)  # [1 or 2, C]
    columns = _columns(x.shape[1])
    return Part(x.reshape(len(x), -1, columns), Layout(STYLES, columns), styles)


def kernels(x: Tensor, layout: Layout) -> Tensor:
    """The kernels [C, I, k, l] of pictures [C, H, W] of a weight."""
    (k, l), C = layout.cell, x.shape[0]
    return x.reshape(C, x.shape[1] // k, k, layout.columns, l).permute(0, 1, 3, 2, 4).reshape(C, -1, k, l)


def response(x: Tensor, layout: Layout, size: int) -> Tensor:
    """Power response [C, size, size] of pictures [C, H, W] of a weight, averaged over the input channels.

    Zero frequency is in the middle; a kernel of a single 1 has power 1 everywhere.
    """
    return _response(_correlations(x, layout), layout, size)


def mean_response(x: Tensor, layout: Layout, size: int) -> Tensor:
    """`response` averaged over all pictures: [size, size]."""
    return _response(_correlations(x, layout).mean(dim=0, keepdim=True), layout, size)[0]


def _correlations(x: Tensor, layout: Layout) -> Tensor:
    """Products of every two taps [C, T, T], averaged over the input channels: all that a power response needs."""
    taps = torch.nan_to_num(kernels(x.float(), layout), 0.0, 0.0, 0.0).flatten(2)  # [C, I, T]
    return taps.transpose(1, 2) @ taps / taps.shape[1]


def _response(products: Tensor, layout: Layout, size: int) -> Tensor:
    """The power response [C, size, size] of kernels with these products [C, T, T] of their taps."""
    k, l = layout.cell
    f = torch.arange(-(size // 2), size - size // 2, dtype=torch.float32, device=products.device) / size
    along_y, along_x = (torch.outer(f, torch.arange(n).to(f)) * -2 * math.pi for n in (k, l))  # [size, k], [size, l]
    phase = (along_y[:, None, :, None] + along_x[None, :, None, :]).reshape(size * size, k * l)  # [F, T]
    wave = torch.polar(torch.ones_like(phase), phase)
    bent = wave @ products.to(wave.dtype)  # [C, F, T]
    return (bent * wave.conj()).sum(dim=2).real.reshape(-1, size, size).clamp(min=0)


def _columns(count: int) -> int:
    """The smallest divisor of `count` that is not below its square root."""
    return next(n for n in range(math.isqrt(count - 1) + 1, count + 1) if count % n == 0)


def _module(G: Generator, step: str) -> nn.Module | None:
    try:
        return G.synthesis.get_submodule(step)
    except AttributeError:
        return None
