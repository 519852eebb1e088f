"""The truncation sweep (Karras et al. 2019, Fig. 8): from psi to its opposite through the average of W."""

from collections.abc import Sequence

import numpy as np

from app.figures.boxes import Box, Column, Place, Row, Words
from app.figures.studio import Studio
from engine.scene import Scene

EVERY_ROW = 64  # cutoff: more rows than networks have


def truncation(studio: Studio, scene: Scene, seeds: Sequence[int], psis: Sequence[float]) -> Box:
    """Seeds down, psi across. All rows of ws are truncated unless the scene says otherwise, so that psi 0 is w_avg."""
    base = scene.set("latent.mode", "seeds")
    if base.truncation.cutoff is None:
        base = base.set("truncation.cutoff", EVERY_ROW)
    width = studio.cell_width(base)
    rows: list[Box] = [Row([Place(Words(head(psi), "note"), width) for psi in psis])]
    sides: list[Box] = [Words("", "note")]
    for seed in seeds:
        cells = [studio.cell_of(base.set("latent.seed", seed).set("truncation.psi", psi)) for psi in psis]
        rows.append(Row(cells))
        sides.append(Place(Words(f"seed {seed}", "note", True), height=cells[0].size(studio.look)[1]))
    note = f"w′ = w_avg + ψ (w − w_avg). {studio.name(base)}"
    return studio.headed("Truncation", note, Row([Column(sides), Column(rows)], gap=4))


def sweep(low: float, high: float, columns: int) -> tuple[float, ...]:
    """Evenly spaced values of psi, to a hundredth."""
    return tuple(round(float(psi), 2) + 0.0 for psi in np.linspace(low, high, columns))


def head(psi: float) -> str:
    return "ψ 0 = w_avg" if psi == 0 else f"ψ {psi:g}".replace("-", "−")
