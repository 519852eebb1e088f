"""Style mixing (Karras et al. 2019, Fig. 3): coarse, middle or fine styles of a source, the rest of another."""

from collections.abc import Sequence

from app.figures.boxes import Box, Column, Place, Row, Space, Words
from app.figures.studio import Studio
from engine.bands import Band, bands
from engine.scene import Scene, Source


def mixing(studio: Studio, scene: Scene, sources: Sequence[int], destinations: Sequence[int]) -> Box:
    """Sources across, destinations down, once for each band of layers that the network has."""
    base = scene.set("latent.mode", "seeds").set("latent.x", 0.0).set("latent.y", 0.0).reset("mixing.sources")
    found = [band for band in bands(studio.facts(base), studio.steps(base)) if band.rows]
    above = [studio.cell_of(base.set("latent.seed", seed)) for seed in sources]
    beside = [studio.cell_of(base.set("latent.seed", seed)) for seed in destinations]
    width, height = beside[0].size(studio.look)
    label = studio.look.line("label") + studio.look.line("note")
    heads = Row([Place(Words(f"seed {seed}", "note"), width) for seed in sources])
    top = Row([Space(label), Space(width, height), Column([heads, Row(above)])], gap=6, align=1)
    rows: list[Box] = [top]
    for band in found:
        mixed = [
            Row([studio.cell_of(mix(base, seed, source, band)) for source in sources]) for seed in destinations
        ]
        body = Row([Column(beside), Column(mixed)], gap=6)
        side = Row([Words(band.name.capitalize(), "name", True), Words(band.span, "note", True)], gap=0, align=0.5)
        rows.append(Row([Place(side, label, body.size(studio.look)[1]), body], gap=6))
    seeds = ", ".join(map(str, destinations))
    note = f"Each column lends the named layers to the pictures on the left (seeds {seeds}). {studio.name(base)}"
    return studio.headed("Style mixing", note, Column(rows, gap=6))


def mix(scene: Scene, destination: int, source: int, band: Band) -> Scene:
    """The destination's picture with the band's rows of ws from the source."""
    return scene.set("latent.seed", destination).set("mixing.sources", (Source(source, 1.0, band.rows),))
