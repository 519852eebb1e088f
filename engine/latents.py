"""Seed to z to w to ws, as pure functions. A row of ws is described first, as a recipe, and computed after.

Two equal recipes give equal rows, so that comparing recipes tells which steps of a network must run again without
looking at a number on any device.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.devices import send
from engine.errors import RenderError
from engine.networks.common import Generator
from engine.scene import ROW_STRIDE, SEED_MAX, Scene

KEPT_POINTS = 4096  # mapped latents remembered for each network


@dataclass(frozen=True)
class Point:
    """One latent before mapping: a seed, or a stored vector of Z or W; with the label it is mapped under."""

    seed: int = 0
    vector: tuple[float, ...] = ()
    space: str = "z"
    label: int = 0


Blend = tuple[tuple[float, Point], ...]  # weights that sum to 1


@dataclass(frozen=True)
class Row:
    """How one row of ws is made: w = base mixed with source, then w_avg + psi (w - w_avg)."""

    base: Blend
    source: Point | None = None
    amount: float = 0.0
    psi: float = 1.0


def rows(scene: Scene, num_ws: int, default_cutoff: int | None = None) -> tuple[Row, ...]:
    """Recipes of all rows of ws; `default_cutoff` is the network's own where the scene sets none."""
    base = base_blend(scene)
    owner = {row: source for source in scene.mixing.sources for row in source.layers}
    cutoff = scene.truncation.cutoff if scene.truncation.cutoff is not None else default_cutoff
    cutoff = num_ws if cutoff is None else cutoff
    made = []
    for row in range(num_ws):
        psi = scene.truncation.psi if row < cutoff else 1.0
        source = owner.get(row)
        if source is None or source.amount == 0:
            made.append(Row(base, psi=psi))
        else:
            point = Point(source.seed, label=scene.label.index)
            made.append(Row(base if source.amount < 1 else (), point, source.amount, psi))
    return tuple(made)


def base_blend(scene: Scene) -> Blend:
    """The base latent: the stored vector if there is one and it is chosen, else a blend of four seeds."""
    latent, label = scene.latent, scene.label.index
    if latent.mode == "vector" and latent.vector:
        return ((1.0, Point(vector=latent.vector, space=latent.space, label=label)),)
    return tuple(
        (weight, Point(seed, label=label)) for seed, weight in plane(latent.seed, latent.x, latent.y)
    )


def plane(seed: int, x: float, y: float) -> tuple[tuple[int, float], ...]:
    """Seeds around a point of the plane with bilinear weights; y counts rows of 100 seeds."""
    x0, y0 = math.floor(x), math.floor(y)
    fx, fy = x - x0, y - y0
    corners = []
    for dy, wy in ((0, 1 - fy), (1, fy)):
        for dx, wx in ((0, 1 - fx), (1, fx)):
            if wx * wy > 0:
                corners.append(((seed + x0 + dx + ROW_STRIDE * (y0 + dy)) % (SEED_MAX + 1), wx * wy))
    return tuple(corners)


def seed_to_z(seed: int, z_dim: int) -> np.ndarray:
    """z [z_dim] float32 of a seed, as the published tools draw it."""
    return np.random.RandomState(seed).randn(z_dim).astype(np.float32)


class Latents:
    """Computes recipes for one network and remembers mapped points."""

    def __init__(self, G: Generator, device: torch.device):
        self.G, self.device = G, device
        self._mapped: OrderedDict[Point, Tensor] = OrderedDict()

    @torch.inference_mode()
    def ws(self, recipes: tuple[Row, ...]) -> Tensor:
        """ws [1, num_ws, w_dim] of the recipes, one for each row."""
        self._map({p for row in recipes for p in _points(row)})
        distinct = {row: self._row(row) for row in dict.fromkeys(recipes)}
        return torch.stack([distinct[row] for row in recipes]).unsqueeze(0)

    def _row(self, row: Row) -> Tensor:
        w: Tensor | float = 0.0
        for weight, point in row.base:
            w = w + weight * self._mapped[point]
        if row.source is not None:
            other = self._mapped[row.source]
            w = other if row.amount == 1 else torch.lerp(w, other, row.amount)  # type: ignore[arg-type]
        assert isinstance(w, Tensor)
        return w if row.psi == 1 else self.G.mapping.w_avg.lerp(w, row.psi)  # [w_dim]

    def _map(self, points: set[Point]) -> None:
        """Map what is not remembered yet, in one batch."""
        missing = [p for p in points if p not in self._mapped]
        to_map = [p for p in missing if not (p.vector and p.space == "w")]
        if to_map:
            z = send(torch.from_numpy(np.stack([self._z(p) for p in to_map])), self.device)  # [P, z_dim]
            w = self.G.mapping.map(z, labels([p.label for p in to_map], self.G.c_dim, self.device))
            self._mapped.update(zip(to_map, w, strict=True))
        for p in missing:
            if p.vector and p.space == "w":
                self._mapped[p] = send(torch.tensor(self._checked(p, self.G.w_dim)), self.device)
        for p in points:
            self._mapped.move_to_end(p)
        while len(self._mapped) > KEPT_POINTS:
            self._mapped.popitem(last=False)

    def _z(self, point: Point) -> np.ndarray:
        if not point.vector:
            return seed_to_z(point.seed, self.G.z_dim)
        return np.asarray(self._checked(point, self.G.z_dim), dtype=np.float32)

    def _checked(self, point: Point, size: int) -> tuple[float, ...]:
        if len(point.vector) != size:
            raise RenderError(
                f"latent.vector: this network's {point.space} has {size} numbers, found {len(point.vector)}. "
                "Load or randomise a vector for this network, or return to seeds."
            )
        return point.vector


def labels(indices: list[int], c_dim: int, device: torch.device) -> Tensor | None:
    """One-hot labels [P, c_dim], None for a network without classes; index -1 is the zero label."""
    if c_dim == 0:
        return None
    c = torch.zeros(len(indices), c_dim)
    for i, index in enumerate(indices):
        if index >= c_dim:
            raise RenderError(
                f"label.index: this network has {c_dim} classes, 0 to {c_dim - 1} (-1 for none), found {index}."
            )
        if index >= 0:
            c[i, index] = 1
    return send(c, device)


def _points(row: Row) -> list[Point]:
    return [point for _, point in row.base] + ([row.source] if row.source else [])
