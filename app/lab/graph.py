"""The network as a node graph: rows of w above, layers in columns of one resolution each, their pictures below."""

from collections.abc import Callable

import dearpygui.dearpygui as dpg

from app.lab import theme
from app.lab.protocol import Network, Stat, Step
from app.lab.theme import colour, em

NODE, GUTTER, LINE, TITLE = 7.4, 3.2, 1.53, 2.2  # ems: width of a node, room for wires, height of a line, of a title
NODE_GAP = 0.9  # ems between two nodes of a column
STACK = 2  # layers above each other
PICTURE = 4.6  # ems of width of the last node


class Graph:
    """A node editor. A click on a node calls `select(step)`; the chosen step has an amber title."""

    def __init__(self, select: Callable[[str], None]):
        self.select = select
        self.network: Network | None = None
        self._nodes: dict[str, int | str] = {}
        self._facts: dict[str, int | str] = {}  # the line of each node that changes
        self._chosen = ""
        self.width = 0  # pixels that the whole graph takes

    def build(self, parent: int | str, height: int) -> None:
        """The empty editor."""
        self._themes()
        corner = dpg.mvNodeMiniMap_Location_BottomRight
        self.editor = dpg.add_node_editor(
            parent=parent, minimap=True, minimap_location=corner, height=height, width=-1
        )

    def show(self, network: Network | None, stats: dict[str, Stat], chosen: str) -> None:
        """Draw another network anew; of the same one, what changed."""
        if network is not self.network:
            self.network = network
            self._redraw()
        for node in dpg.get_selected_nodes(self.editor):
            step = dpg.get_item_user_data(node)
            dpg.clear_selected_nodes(self.editor)
            if step:
                self.select(step)
        if chosen != self._chosen:
            for name, title in ((self._chosen, ""), (chosen, "node chosen")):
                if name in self._nodes:
                    dpg.bind_item_theme(self._nodes[name], title or self._title(name))
            self._chosen = chosen
        for name, line in self._facts.items():
            dpg.set_value(line, _fact(stats.get(name)))

    # --- drawing ------------------------------------------------------------------------------------------------

    def _redraw(self) -> None:
        dpg.delete_item(self.editor, children_only=True)
        self._nodes, self._facts, self._chosen = {}, {}, ""
        if self.network is None:
            return
        columns = columns_of(self.network.steps)
        top = TITLE + LINE * max(len(rows) for rows in first_rows(columns)) + 2 * NODE_GAP
        inputs, outputs, drives = [], [], []
        seen: dict[int, int | str] = {}
        for i, (column, rows) in enumerate(zip(columns, first_rows(columns))):
            x, y = GUTTER / 2 + i * (NODE + GUTTER), top
            if rows:
                seen |= self._rows_node(rows, x - 0.42 * GUTTER)
            for step in column:
                taken, given, driven = self._step_node(step, x + (0.6 if step.paints else 0.0), y)
                inputs.append(taken)
                outputs.append(given)
                drives += [(seen[row], driven) for row in step.ws if row in seen]
                y += TITLE + LINE * (3 if step.ws else 2) + NODE_GAP
        end = GUTTER / 2 + len(columns) * (NODE + GUTTER)
        inputs.append(self._picture_node(end, top))
        self.width = em(end + PICTURE)
        for a, b in self.network.wires:
            self._link(outputs[a], inputs[b], "link picture" if b == len(outputs) or self._both_paint(a, b) else "")
        for row, driven in drives:
            self._link(row, driven, "link w")

    def _both_paint(self, a: int, b: int) -> bool:
        assert self.network is not None
        return self.network.steps[a].paints and self.network.steps[b].paints

    def _rows_node(self, rows: list[int], x: float) -> dict[int, int | str]:
        with dpg.node(label="w", parent=self.editor, pos=(em(x), em(0.6))) as node:
            pins = {}
            for row in rows:
                with dpg.node_attribute(attribute_type=dpg.mvNode_Attr_Output, shape=dpg.mvNode_PinShape_Circle) as pin:
                    dpg.add_text(f"row {row}")
                pins[row] = pin
        dpg.bind_item_font(node, theme.SMALL)
        dpg.bind_item_theme(node, "node w")
        return pins

    def _step_node(self, step: Step, x: float, y: float) -> tuple[int | str, int | str, int | str]:
        with dpg.node(label=step.name, parent=self.editor, pos=(em(x), em(y)), user_data=step.name) as node:
            with dpg.node_attribute(shape=dpg.mvNode_PinShape_CircleFilled) as taken:
                C, H, W = step.shape
                dpg.add_text(f"{C} × {H} × {W}")
            driven: int | str = 0
            if step.ws:
                with dpg.node_attribute(shape=dpg.mvNode_PinShape_Circle) as driven:
                    dpg.add_text(_driven(step))
            with dpg.node_attribute(
                attribute_type=dpg.mvNode_Attr_Output, shape=dpg.mvNode_PinShape_CircleFilled
            ) as given:
                self._facts[step.name] = dpg.add_text(_fact(None))
        dpg.bind_item_font(node, theme.SMALL)
        self._nodes[step.name] = node
        dpg.bind_item_theme(node, self._title(step.name))
        return taken, given, driven

    def _picture_node(self, x: float, y: float) -> int | str:
        assert self.network is not None
        H, W = self.network.resolution
        node = dpg.add_node(label="picture", parent=self.editor, pos=(em(x), em(y)))
        with dpg.node_attribute(parent=node, shape=dpg.mvNode_PinShape_CircleFilled) as taken:
            dpg.add_text(f"{H} × {W}")
        dpg.bind_item_font(node, theme.SMALL)
        dpg.bind_item_theme(node, "node picture")
        return taken

    def _link(self, a: int | str, b: int | str, look: str) -> None:
        link = dpg.add_node_link(a, b, parent=self.editor)
        if look:
            dpg.bind_item_theme(link, look)

    def _title(self, name: str) -> str:
        paints = self.network is not None and any(s.paints for s in self.network.steps if s.name == name)
        return "node picture" if paints else "node layer"

    def _themes(self) -> None:
        """Titles of nodes by kind, and wires: features grey, w violet, pictures teal."""
        kinds = {"node layer": ("raised", "line"), "node w": ("raised", "violet"), "node picture": ("raised", "teal")}
        for tag, (title, outline) in (kinds | {"node chosen": ("fill", "accent")}).items():
            with dpg.theme(tag=tag), dpg.theme_component(dpg.mvAll):
                for part in ("TitleBar", "TitleBarHovered", "TitleBarSelected"):
                    dpg.add_theme_color(getattr(dpg, f"mvNodeCol_{part}"), colour(title), category=dpg.mvThemeCat_Nodes)
                dpg.add_theme_color(dpg.mvNodeCol_NodeOutline, colour(outline), category=dpg.mvThemeCat_Nodes)
                if tag == "node chosen":
                    dpg.add_theme_color(dpg.mvThemeCol_Text, colour("accent"))
        for tag, token in (("link w", "violet"), ("link picture", "teal")):
            with dpg.theme(tag=tag), dpg.theme_component(dpg.mvAll):
                dpg.add_theme_color(dpg.mvNodeCol_Link, colour(token, 0.75), category=dpg.mvThemeCat_Nodes)


def columns_of(steps: tuple[Step, ...]) -> list[list[Step]]:
    """Neighbouring steps of one height and width together, STACK of them at most, and the picture made from them."""
    columns: list[list[Step]] = []
    for step in steps:
        full = columns and not step.paints and len(columns[-1]) >= STACK
        if full or not columns or columns[-1][0].shape[1:] != step.shape[1:]:
            columns.append([])
        columns[-1].append(step)
    return columns


def first_rows(columns: list[list[Step]]) -> list[list[int]]:
    """The rows of w that each column is the first to read."""
    seen: set[int] = set()
    found = []
    for column in columns:
        rows = sorted({row for step in column for row in step.ws} - seen)
        seen |= set(rows)
        found.append(rows)
    return found


def _driven(step: Step) -> str:
    rows = ", ".join(map(str, step.ws)) if len(step.ws) < 4 else f"{step.ws[0]}–{step.ws[-1]}"
    return f"w {rows}" + (" + noise" if step.noise else "")


def _fact(stat: Stat | None) -> str:
    if stat is None or stat.std is None:
        return "std –"
    return f"std {stat.std:.3g}"
