"""Two activations side by side: two steps of the window's network, or one of them of a checkpoint of the lab's own."""

from pathlib import Path

import dearpygui.dearpygui as dpg

from app.lab import theme
from app.lab.analysis import Analysis, Asked, Findings, analyse
from app.lab.link import Link
from app.lab.second import Second
from app.lab.stepview import StepView, top_of
from app.lab.theme import em
from app.lab.wishes import Wishes

CHOSEN = "chosen step"
SLOTS = {"A": 1, "B": 2}


class Compare:
    """Two columns with atlas, spectrum and histogram; both spectra on one scale of power."""

    def __init__(self, link: Link, analysis: Analysis, wishes: Wishes):
        self.link, self.analysis, self.wishes = link, analysis, wishes
        self.second = Second()
        self.views = {side: StepView(self._pick) for side in SLOTS}
        self.steps: dict[str, int | str] = {}
        self.words: dict[str, int | str] = {}
        self._offered: dict[str, tuple[str, ...]] = {}
        self._top = 0.0

    def build(self, parent: int | str) -> None:
        with dpg.table(parent=parent, header_row=False, policy=dpg.mvTable_SizingStretchSame, borders_innerV=True):
            for _ in SLOTS:
                dpg.add_table_column()
            with dpg.table_row():
                for side in SLOTS:
                    with dpg.table_cell() as cell:
                        self._build_side(side, cell)

    def layout(self, room: int) -> None:
        """Share the height of the window."""
        rest = max(em(20), room - em(5.5))
        for view in self.views.values():
            dpg.configure_item(view.atlas, height=round(0.46 * rest))
            dpg.configure_item(view.spectrum, height=round(0.32 * rest))
            dpg.configure_item(view.histogram, height=round(0.22 * rest))

    def tick(self, visible: bool) -> None:
        """Ask for what is wanted, show what is known; nothing while it is not seen."""
        asked = {"A": self._step("A"), "B": "" if self.second.path else self._step("B")}
        for side, slot in SLOTS.items():
            self.link.want(slot, asked[side] or None if visible else None, 2.0)
        if not visible:
            return
        self._offer()
        self.second.tick(self.link.scene, self._step("B"))
        for side, slot in SLOTS.items():
            if side == "B" and self.second.path:
                self._analyse_second()
            elif slot in self.link.arrays:
                array, values = self.link.arrays[slot]
                question = self._question(side)
                self.analysis.ask(side, (array.serial, array.step, question),
                                  lambda a=array, v=values, q=question: analyse(a.step, v, a.rate, q))  # fmt: skip
        self._show()

    # --- parts --------------------------------------------------------------------------------------------------

    def _build_side(self, side: str, cell: int | str) -> None:
        with dpg.group(horizontal=True):
            dpg.bind_item_font(dpg.add_text(side), theme.HEADING)
            self.steps[side] = dpg.add_combo((CHOSEN,), default_value=CHOSEN, width=em(11))
            if side == "B":
                enter = self.wishes.later(self._open)
                self.path = dpg.add_input_text(
                    hint="a checkpoint to compare with; empty is this window", width=-1, on_enter=True, callback=enter
                )
        self.words[side] = dpg.add_text("")
        dpg.bind_item_font(self.words[side], theme.MONO)
        self.views[side].build_atlas(cell, -1, em(18))
        self.views[side].build_spectrum(cell, -1, em(12))
        self.views[side].build_histogram(cell, -1, em(9))

    def _step(self, side: str) -> str:
        chosen = dpg.get_value(self.steps[side])
        return self.link.step if chosen == CHOSEN else chosen

    def _offer(self) -> None:
        network = self.link.network
        ours = tuple(step.name for step in network.steps) if network else ()
        for side in SLOTS:
            names = self.second.steps or ours if side == "B" and self.second.path else ours
            if names != self._offered.get(side):
                self._offered[side] = names
                dpg.configure_item(self.steps[side], items=(CHOSEN, *names))
                if dpg.get_value(self.steps[side]) not in names:
                    dpg.set_value(self.steps[side], names[-1] if side == "B" and names else CHOSEN)

    def _open(self) -> None:
        text = dpg.get_value(self.path).strip()
        self.second.open(Path(text).expanduser().absolute() if text else None)

    def _analyse_second(self) -> None:
        sample = self.second.sample
        if sample is not None:
            question = self._question("B")
            self.analysis.ask("B", (id(sample), question),
                              lambda: analyse(sample.step, sample.values, sample.rate, question))  # fmt: skip

    def _question(self, side: str) -> Asked:
        view = self.link.scene.view
        return Asked(view.sort, view.channel if view.sort == "distance" else 0, view.each, self.views[side].aspect)

    def _show(self) -> None:
        found = {side: self.analysis.found.get(side) for side in SLOTS}
        tops = [top_of(f) for f in found.values() if f]
        top = max(tops, default=0.0)
        if top != self._top:  # both anew, on the new scale
            self._top = top
            for view in self.views.values():
                view.found = None
        for side, view in self.views.items():
            view.show(found[side], self.link.scene.view.channel, top)
            dpg.set_value(self.words[side], self._said(side, found[side]))

    def _said(self, side: str, found: Findings | None) -> str:
        second = side == "B" and self.second.path
        if second and self.second.error:
            return self.second.error
        if second and self.second.doing and self.second.sample is None:
            return f"{self.second.doing} …"
        if found is None:
            return "…" if self.link.attached else self.link.said
        name = f"{self.second.path.name}  " if second and self.second.path else ""
        return name + line_of(found)

    def _pick(self, channel: int) -> None:
        self.link.set("view.channel", channel)


def line_of(found: Findings) -> str:
    """An activation in one line of numbers."""
    C, H, W = found.shape
    mean, std = found.mean_std
    low, high = found.low_high
    return f"{found.step}  {C} × {H} × {W}   mean {mean:.4g}  std {std:.4g}  {low:.4g} … {high:.4g}"
