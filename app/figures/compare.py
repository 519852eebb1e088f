"""Networks beside each other, the same seeds in each; with the activations where droplets show (Karras et al. 2020)."""

from collections.abc import Sequence

from app.figures.boxes import Box, Column, Place, Row, Words
from app.figures.studio import Studio
from engine.errors import StyleScopeError
from engine.frame import StepReport
from engine.scene import Scene

MIDDLE = 64  # resolution from which on every feature map has its droplet: Karras et al. 2020, section 2


def compare(studio: Studio, scenes: Sequence[Scene], seeds: Sequence[int], step: str | None) -> Box:
    """A block for each scene's network: its name, the pictures of the seeds, and, if wanted, what a step makes.

    `step` is the name of a step, or `auto`: the last one at 64², or the largest of a smaller network.
    """
    width = studio.cell_width(scenes[0])
    heads = Row([Place(Words(f"seed {seed}", "note"), width) for seed in seeds])
    blocks: list[Box] = []
    for number, scene in enumerate(scenes):
        base = scene.set("latent.mode", "seeds").reset("view")
        plain = [base.set("latent.seed", seed) for seed in seeds]
        rows: list[Box] = [Row([Place(studio.cell_of(s, width), width) for s in plain])]
        note = studio.family(base)
        if step is not None:
            shown = chosen(studio, base, step)
            note += f"; below, {shown.name}: RMS of {shown.shape[0]} channels"
            inner = [s.set("view.step", shown.name).set("view.mode", "norm") for s in plain]
            rows.append(Row([Place(studio.cell_of(s, width), width) for s in inner]))
        body = Column(rows)
        blocks.append(Column([studio.named(base, number, note, body), body], gap=4))
    note = "The same seeds in every network." + (" Activations are each shown to their own maximum." if step else "")
    return studio.headed("Comparison", note, Column([heads, *blocks], gap=8))


def chosen(studio: Studio, scene: Scene, step: str) -> StepReport:
    """The step to look at; StyleScopeError where the network has none of that name."""
    steps = studio.steps(scene)
    if step == "auto":
        channels = studio.facts(scene).channels
        layers = [s for s in steps if s.shape[0] > channels and s.ws and s.rate <= MIDDLE]
        return layers[-1]
    named = {s.name: s for s in steps}
    if step not in named:
        raise StyleScopeError(
            f"--step: expected auto or one of {', '.join(named)} for {studio.name(scene)}; found {step!r}."
        )
    return named[step]
