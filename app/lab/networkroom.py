"""The first room: the steps as a table and as a graph, and all about the chosen one."""

import dearpygui.dearpygui as dpg

from app.lab import theme
from app.lab.analysis import Analysis, Asked, analyse
from app.lab.compare import line_of
from app.lab.graph import Graph
from app.lab.link import Link
from app.lab.steptable import StepTable
from app.lab.stepview import StepView
from app.lab.theme import em
from app.lab.wishes import Wishes

SLOT = 0
PLACE = "chosen"
ORDERS = {"by energy": "energy", "by number": "index", "by likeness": "distance"}
RATE = 4.0  # arrays a second


class NetworkRoom:
    """Table to the left; to the right the graph above, atlas, spectrum and histogram of the chosen step below."""

    def __init__(self, link: Link, analysis: Analysis, wishes: Wishes):
        self.link, self.analysis, self.wishes = link, analysis, wishes
        self.graph = Graph(link.select)
        self.table = StepTable(link.select, wishes)
        self.view = StepView(self._pick)

    def build(self, parent: int | str) -> None:
        with dpg.group(horizontal=True, parent=parent):
            with dpg.child_window(no_scrollbar=True, no_scroll_with_mouse=True) as self.left:
                self.table.build(self.left)
            with dpg.group() as right:
                self.graph.build(right, em(24))
                self._build_line()
                with dpg.group(horizontal=True) as below:
                    self.view.build_atlas(below, em(34), em(18))
                    with dpg.group() as plots:
                        self.view.build_spectrum(plots, -1, em(11))
                        self.view.build_histogram(plots, -1, em(8))

    def tick(self, visible: bool, room: int) -> None:
        """The newest numbers and pictures; nothing is asked for while this room is not seen."""
        self.link.want(SLOT, self.link.step or None if visible else None, RATE)
        if not visible:
            return
        self._layout(room)
        stats = self.link.stats()
        self.table.show(self.link.network, stats, self.link.step)
        self.graph.show(self.link.network, stats, self.link.step)
        self._analyse()
        found = self.analysis.found.get(PLACE)
        self.view.show(found, self.link.scene.view.channel)
        waiting = "computing …" if self.link.attached else self.link.said
        dpg.set_value(self.line, line_of(found) if found else self.analysis.error or waiting)

    # --- parts --------------------------------------------------------------------------------------------------

    def _build_line(self) -> None:
        """Which step it is, and how its channels are laid out."""
        with dpg.group(horizontal=True):
            self.line = dpg.add_text("")
            dpg.bind_item_font(self.line, theme.MONO)
            self.order = dpg.add_combo(tuple(ORDERS), width=em(8.5), callback=self.wishes.later(self._ordered))
            self.each = dpg.add_checkbox(label="own scales", callback=self.wishes.later(self._scaled))

    def _layout(self, room: int) -> None:
        dpg.configure_item(self.left, width=em(self.table.width))
        wide = dpg.get_viewport_client_width() - em(self.table.width + 2.5)
        graph = max(em(12), round(0.55 * room))
        rest = max(em(14), room - graph - em(2.8))
        dpg.configure_item(self.graph.editor, height=graph, minimap=self.graph.width > wide)
        dpg.configure_item(self.view.atlas, width=round(0.55 * wide), height=rest)
        dpg.configure_item(self.view.spectrum, height=round(0.56 * rest))
        dpg.configure_item(self.view.histogram, height=rest - round(0.56 * rest) - em(0.4))

    def _analyse(self) -> None:
        view, known = self.link.scene.view, self.link.arrays.get(SLOT)
        dpg.set_value(self.order, next(label for label, sort in ORDERS.items() if sort == view.sort))
        dpg.set_value(self.each, view.each)
        if known is None or known[0].step != self.link.step:
            return
        array, values = known
        asked = Asked(view.sort, view.channel if view.sort == "distance" else 0, view.each, self.view.aspect)
        key = (array.serial, array.step, asked)
        self.analysis.ask(PLACE, key, lambda: analyse(array.step, values, array.rate, asked))

    def _pick(self, channel: int) -> None:
        """A channel, here and in the window."""
        self.link.set("view.channel", channel)

    def _ordered(self) -> None:
        self.link.set("view.sort", ORDERS[dpg.get_value(self.order)])

    def _scaled(self) -> None:
        self.link.set("view.each", bool(dpg.get_value(self.each)))
