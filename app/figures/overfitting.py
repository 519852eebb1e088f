"""D's logits of training, unseen and generated pictures, a plot for each run (Karras et al. 2020, ADA, Fig. 1)."""

from collections.abc import Sequence

import numpy as np

from app.figures.boxes import Box
from app.figures.plot import Line, Plot, plots_page
from engine.training.overfitting import Logits

KINDS = (  # of Logits, what they are called, colour
    ("training", "training pictures", "teal"),
    ("unseen", "unseen", "violet"),
    ("generated", "generated", "accent"),
)
POINTS = 240  # of a curve


def overfitting(runs: Sequence[tuple[str, Logits]]) -> Box:
    """A density over logits for each kind of picture, in one plot a run; all plots have the same axis."""
    values = [getattr(found, kind) for _, found in runs for kind, _, _ in KINDS]
    low, high = min(v.min() for v in values) - 1, max(v.max() for v in values) + 1
    x = np.linspace(low, high, POINTS)
    plots = []
    for name, found in runs:
        lines = [Line(x, density(getattr(found, kind), x), colour) for kind, _, colour in KINDS]
        plots.append(Plot(f"{name}: r_v {found.r_v:.2f}", lines, x_span=(low, high)))
    note = f"Density of D's logits of {len(values[0]):,} pictures of each kind; positive means real."
    return plots_page("What D knows by heart", note, [(words, colour) for _, words, colour in KINDS], plots)


def density(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Gaussian kernel density [m] of `values` [n] at `x` [m], with Scott's bandwidth."""
    width = max(float(values.std()), 1e-6) * len(values) ** -0.2
    near = np.exp(-0.5 * ((x[:, None] - values[None]) / width) ** 2)
    return near.sum(1) / (len(values) * width * np.sqrt(2 * np.pi))
