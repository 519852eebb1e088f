"""Networks as panels see them, and a way to drive one panel by label."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from engine.frame import Frame, ModelFacts, StepReport
from engine.picture import Picture
from engine.scene import Scene
from tests.app.live.harness import PanelStage, run


def stylegan2(num_ws: int = 14, c_dim: int = 0, noise: bool = True, **changes: Any) -> Frame:
    """A StyleGAN2 with `num_ws` rows: two steps and a torgb for each resolution, the first two steps reused."""
    steps, row, size = [], 0, 4
    while row + 1 < num_ws:
        for name in ("conv1",) if size == 4 else ("conv0", "conv1"):
            steps.append((f"b{size}.{name}", size, 512 // (1 + size // 64), row))
            row += 1
        steps.append((f"b{size}.torgb", size, 3, row))
        size *= 2
    layers = tuple(name for name, *_ in steps if "conv" in name) if noise else ()
    return _frame("stylegan2", steps, num_ws, c_dim=c_dim, noise_layers=layers, **changes)


def stylegan3(num_ws: int = 16, **changes: Any) -> Frame:
    """A StyleGAN3 with `num_ws` rows: the input and one step for each other row."""
    steps = [("input", 36, 1024, 0)] + [(f"L{i}_{36 + 4 * i}_512", 36 + 4 * i, 512, i + 1) for i in range(num_ws - 1)]
    return _frame("stylegan3", steps, num_ws, has_input_transform=True, **changes)


def _frame(family: str, steps: list[tuple[str, int, int, int]], num_ws: int, **changes: Any) -> Frame:
    size = steps[-1][1]
    facts = ModelFacts(
        path="/nets/cats.pkl", name="cats", network="G_ema", networks=("G_ema",), family=family, format="pickle",
        resolution=(size, size), channels=3, z_dim=8, c_dim=0, w_dim=6, num_ws=num_ws, parameters=1_234_567,
        steps=tuple(name for name, *_ in steps), noise_layers=(), has_input_transform=False, default_cutoff=None,
        lod=0.0, max_lod=0.0, trained=True,
    )  # fmt: skip
    reports = tuple(
        StepReport(name, (channels, size, size), "float32", (row,), 1.5 + i, i < 2)
        for i, (name, size, channels, row) in enumerate(steps)
    )
    timings = {"mapping": 0.5, "synthesis": 7.5}
    return Frame(Scene(), 1, Picture(np.zeros((4, 4, 4), np.uint8)), replace(facts, **changes), reports, timings, 2)


class Driven(PanelStage):
    """A stage that also remembers `said`: the notes and errors that the panel showed."""

    def __init__(self, panel: Any, scene: Scene | None, frame: Frame | None, width: float):
        super().__init__(panel, scene, frame, width)
        self.said: list[str] = []
        note = self.ui.note

        def remembered(words: str, color: Any = None) -> None:
            self.said.append(words)
            note(words, color)

        self.ui.note = remembered


def drive(
    panel: Any, script: Callable[[Any], None], scene: Scene | None = None, frame: Frame | None = None,
    width: float = 336.0, **host: Any,
) -> Driven:  # fmt: skip
    """Run `script(ctx)` on one panel, labels as the panel writes them; `host` is what the app would tell panels."""
    stage = Driven(panel, scene, frame, width)
    for name, value in host.items():
        setattr(stage.ui.host, name, value)

    play(stage, script)
    return stage


def play(stage: Driven, script: Callable[[Any], None]) -> None:
    """Run `script(ctx)` on a stage that is there already."""

    def body(ctx: Any) -> None:
        ctx.set_ref(f"Panel/{stage.panel.title}")
        ctx.yield_(2)
        script(ctx)
        ctx.yield_(2)

    run(stage.draw, body)


def centre(ctx: Any, label: str) -> Any:
    """The middle of an item on screen."""
    return ctx.item_info(label).rect_full.get_center()


def drag(ctx: Any, label: str, *points: Any) -> None:
    """Press on an item, move over points on screen, release."""
    ctx.mouse_move(label)
    ctx.mouse_down(0)
    for point in points:
        ctx.mouse_move_to_pos(point)
    ctx.mouse_up(0)
    ctx.yield_(2)


