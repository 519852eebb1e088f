"""The contact sheet: all channels of an activation beside each other, in an order that helps to find one."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.inspect.statistics import energies, thinned

MOST_PIXELS = 1 << 22  # of a sheet; larger activations are averaged down
LARGEST_CELL = 512


@dataclass(frozen=True)
class Tiles:
    """How a sheet is laid out: `order` lists channels from the upper left, cells are `cell` (height, width) pixels and
    stand `gap` pixels apart."""

    order: tuple[int, ...]
    columns: int
    cell: tuple[int, int]
    gap: int = 1

    @property
    def rows(self) -> int:
        return -(-len(self.order) // self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the sheet."""
        (h, w), g = self.cell, self.gap
        return self.rows * (h + g) - g, self.columns * (w + g) - g

    def channel_at(self, x: int, y: int) -> int | None:
        """The channel under a pixel of the sheet; None in a gap or past the last."""
        column, dx = divmod(x, self.cell[1] + self.gap)
        row, dy = divmod(y, self.cell[0] + self.gap)
        at = row * self.columns + column
        inside = dx < self.cell[1] and dy < self.cell[0] and 0 <= column < self.columns
        return self.order[at] if inside and 0 <= at < len(self.order) else None


def order(x: Tensor, sort: str, channel: int = 0) -> tuple[int, ...]:
    """Channels of [C, H, W] by index, by falling energy, or by rising distance to `channel`.

    The distance is that of the patterns: 1 - |correlation|, which neither gain nor sign nor offset changes.
    """
    C = x.shape[0]
    if sort == "energy":
        return tuple(torch.argsort(energies(x), descending=True, stable=True).tolist())
    if sort == "distance":
        y = torch.nan_to_num(x.float().flatten(1), 0.0, 0.0, 0.0)  # [C, H W]
        y = thinned(y, 4096)
        y = F.normalize(y - y.mean(dim=1, keepdim=True), dim=1)
        near = (y @ y[channel % C]).abs()
        near[channel % C] = 2.0
        return tuple(torch.argsort(near, descending=True, stable=True).tolist())
    return tuple(range(C))


def lay_out(
    shape: tuple[int, int, int], channels: tuple[int, ...], most_pixels: int = MOST_PIXELS, aspect: float = 1.0
) -> Tiles:
    """Tiles for `channels` of an activation [C, H, W]: about `aspect` times as wide as high, at most `most_pixels`."""
    _, H, W = shape
    largest = max(1, math.isqrt(most_pixels // max(1, len(channels))))
    shrink = max(1, math.ceil(max(H, W) / min(largest, LARGEST_CELL)))
    cell = (max(1, H // shrink), max(1, W // shrink))
    columns = max(1, math.ceil(math.sqrt(aspect * len(channels) * cell[0] / cell[1])))
    return Tiles(channels, min(columns, len(channels)), cell)


def assemble(x: Tensor, tiles: Tiles, each: bool = False) -> Tensor:
    """The sheet [H, W] of an activation [C, H, W], NaN in the gaps; `each` scales every channel to magnitude 1."""
    C, H, W = x.shape
    h, w = tiles.cell
    chosen = x.float()
    if (h, w) != (H, W):  # averaged before it is sorted: there is less to move then
        chosen = F.avg_pool2d(chosen[None], (H // h, W // w))[0][:, :h, :w]
    if tiles.order != tuple(range(C)):
        chosen = chosen[list(tiles.order)]
    if each:
        peak = torch.nan_to_num(chosen, 0.0, 0.0, 0.0).abs().amax(dim=(1, 2), keepdim=True)
        chosen = chosen / peak.clamp(min=1e-30)
    g, rows, columns = tiles.gap, tiles.rows, tiles.columns
    cells = chosen.new_full((rows * columns, h + g, w + g), math.nan)
    cells[: len(tiles.order), :h, :w] = chosen
    cells = cells.reshape(rows, columns, h + g, w + g).permute(0, 2, 1, 3)  # [R, h, K, w]
    return cells.reshape(rows * (h + g), columns * (w + g))[: rows * (h + g) - g, : columns * (w + g) - g]


def gaps(tiles: Tiles) -> Tensor:
    """Mask [H, W] of what of a sheet is no channel."""
    C = len(tiles.order)
    plain = Tiles(tuple(range(C)), tiles.columns, tiles.cell, tiles.gap)
    return torch.isnan(assemble(torch.zeros(C, *tiles.cell), plain))
