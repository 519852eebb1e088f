"""Sentences over the foot of the picture: what was saved, what failed, what is being opened, with the next step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imgui_bundle import imgui, imgui_ctx

from app.live import icons

if TYPE_CHECKING:
    from app.live.ui import Ui

Vec = imgui.ImVec2
SHOWN_SECONDS = 5.0
WIDEST = 46.0  # ems


@dataclass
class Message:
    """One sentence; `buttons` are (label, action's name). Without `seconds` it stays until closed or replaced."""

    words: str
    error: bool = False
    buttons: list[tuple[str, str]] = field(default_factory=list)
    seconds: float | None = None
    progress: float | None = None
    closes: bool = True


class Messages:
    """The notices that are up; the newest stands lowest."""

    def __init__(self) -> None:
        self.notices: dict[str, Message] = {}

    def say(self, words: str, topic: str = "") -> None:
        """A short-lived notice; it replaces the one before it on the same topic."""
        self.notices[topic] = Message(words, seconds=SHOWN_SECONDS)

    def fail(self, words: str, topic: str = "", buttons: list[tuple[str, str]] | None = None) -> None:
        """A failure: stays until closed, or until the same topic has better news."""
        self.notices[topic] = Message(words, True, buttons or [])

    def clear(self, topic: str) -> None:
        self.notices.pop(topic, None)

    def tick(self, dt: float) -> None:
        """Let short-lived notices pass."""
        for topic, message in list(self.notices.items()):
            if message.seconds is not None:
                message.seconds -= dt
                if message.seconds <= 0:
                    del self.notices[topic]

    @property
    def fading(self) -> bool:
        """Whether a notice will go by itself."""
        return any(m.seconds is not None for m in self.notices.values())

    def draw(
        self, ui: "Ui", standing: list[tuple[str, Message]], low: Vec, high: Vec, said: set[str]
    ) -> None:
        """Stack the standing messages and the notices up from the foot of a rectangle; `said` are said elsewhere."""
        bottom = high.y - 3.1 * ui.em
        width = min(WIDEST * ui.em, high.x - low.x - 2 * ui.em)
        if width < 8 * ui.em or high.y - low.y < 6 * ui.em:
            return
        for topic, message in [*reversed(self.notices.items()), *standing]:
            if topic in said:
                continue
            with imgui_ctx.push_id(f"message {topic}"):
                bottom -= _strip(
                    ui, message, (low.x + high.x) / 2, bottom, width, lambda t=topic: self.clear(t)
                )
            bottom -= round(0.4 * ui.em)


def _strip(
    ui: "Ui", message: Message, middle: float, bottom: float, width: float, close: Callable[[], None]
) -> float:
    """Draw one message with its foot at `bottom`; its height in pixels."""
    em, pad = ui.em, round(0.7 * ui.em)
    gap, line = round(0.5 * em), round(1.6 * em)
    sizes = [imgui.calc_text_size(label).x + 1.6 * em for label, _ in message.buttons]
    closing = line if message.closes else 0
    tail = sum(sizes) + gap * len(sizes) + closing
    room = width - 2 * pad - tail
    below = room < 12 * em  # buttons on a line of their own
    words_room = width - 2 * pad - (closing if below else tail)
    size = imgui.calc_text_size(message.words, False, words_room)
    height = max(line, size.y) + 2 * round(0.45 * em) + (line + gap if below and sizes else 0)
    total = width if below else min(width, size.x + 2 * pad + tail)
    low = Vec(round(middle - total / 2), round(bottom - height))
    high = Vec(low.x + round(total), round(bottom))
    draw = imgui.get_window_draw_list()
    draw.add_rect_filled(low, high, ui.colour("panel", 0.97), 0.25 * em)
    draw.add_rect(low, high, ui.colour("red" if message.error else "line"), 0.25 * em, ui.theme.hair)
    imgui.set_cursor_screen_pos(low)
    imgui.set_next_item_allow_overlap()
    imgui.invisible_button(
        "ground", Vec(high.x - low.x, high.y - low.y)
    )  # so that a click here is not one on the picture
    if message.progress is not None:
        foot = Vec(low.x + (high.x - low.x) * min(1.0, max(0.02, message.progress)), high.y)
        draw.add_rect_filled(Vec(low.x, high.y - 2 * ui.theme.hair), foot, ui.colour("teal"))
    top = low.y + round((height - size.y) / 2) if not (below and sizes) else low.y + round(0.6 * em)
    imgui.set_cursor_screen_pos(Vec(low.x + pad, top))
    shade = imgui_ctx.push_style_color(imgui.Col_.text, ui.theme.red if message.error else ui.theme.text)
    with shade, imgui_ctx.push_text_wrap_pos(imgui.get_cursor_pos_x() + words_room + 1):
        imgui.text_unformatted(message.words)
    x = low.x + pad if below else high.x - pad - tail + gap
    y = high.y - line - round(0.45 * em) if below else low.y + round((height - line) / 2)
    for (label, action), button in zip(message.buttons, sizes, strict=True):
        imgui.set_cursor_screen_pos(Vec(x, y))
        if ui.segment(label, False, button, 1.6, raised=True):
            ui.act(action)
        x += button + gap
    if message.closes:
        imgui.set_cursor_screen_pos(
            Vec(high.x - line - round(0.2 * em), low.y + round(0.2 * em) if below else y)
        )
        if ui.mark("Close", icons.close, "dim", line, "Close"):
            close()
    return height
