"""Interpolation in W: each row goes from one seed to the next."""

from collections.abc import Sequence
from itertools import pairwise

from app.figures.boxes import Box, Column, Place, Row, Words
from app.figures.studio import Studio
from engine.inspect.sticking import walk
from engine.scene import Scene


def interpolation(studio: Studio, scene: Scene, seeds: Sequence[int], columns: int) -> Box:
    """One row for each pair of neighbouring seeds, `columns` pictures from the first to the second, both included."""
    base = scene.set("latent.mode", "seeds")
    rows: list[Box] = []
    for first, second in pairwise(seeds):
        cells = [studio.cell_of(s) for s in walk(base.set("latent.seed", first), second, columns)]
        height = cells[0].size(studio.look)[1]
        ends = [Place(Words(f"seed {seed}", "note", True), height=height) for seed in (first, second)]
        rows.append(Row([ends[0], Row(cells), ends[1]], gap=4))
    note = f"Straight lines in W, {columns} pictures from seed to seed. {studio.name(base)}"
    return studio.headed("Interpolation", note, Column(rows))
