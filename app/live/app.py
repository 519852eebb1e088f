"""The window's state and one frame of it: drawn into whatever Dear ImGui context is there, with or without GL."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Any, Protocol

from imgui_bundle import imgui, imgui_ctx

from app.live import actions, bars, dialogs, systemtheme
from app.live.columns import Columns, default_layout
from app.live.following import Follower
from app.live.lab import Lab
from app.live.messages import Message, Messages
from app.live.opening import Opener
from app.live.saving import Saver
from app.live.session import Layout, Session
from app.live.spectra import Spectra
from app.live.tasks import Tasks
from app.live.theme import Theme
from app.live.ui import Ui
from app.live.vectors import Vectors
from app.live.viewport import Viewport
from app.live.wplane import WPlane
from app.tokens import DARK, LIGHT
from engine import precision
from engine.animate import advance, is_moving
from engine.errors import StyleScopeError
from engine.frame import Frame
from engine.history import History
from engine.scene import Scene

Vec = imgui.ImVec2
LONGEST_STEP = 0.1  # seconds that the clock moves on at most in one frame
ROOM = 22.0  # ems of width that the picture keeps; the right column gives way first, then the left one


class Renders(Protocol):
    """What the app asks of engine.worker.Worker."""

    def submit(self, scene: Scene, budget_ms: float | None = None) -> None: ...
    def ask(self, question: Callable[[Any], None]) -> None: ...
    def latest(self) -> Frame | None: ...
    @property
    def idle(self) -> bool: ...
    def close(self) -> None: ...


class App:
    """Everything the window shows. `frame(dt)` draws it; the engine works in threads of its own."""

    def __init__(
        self, worker: Renders, store: Any, session: Session, panels: list[tuple[Any, str]], *,
        texture: Any = None, scale: float = 1.0, strict: bool = False,
    ):  # fmt: skip
        self.worker, self.store, self.session, self.panels = worker, store, session, panels
        self.settings = session.settings
        self.screen_scale = scale
        self.history = History(Scene())
        self.theme = Theme(self._tokens(), self._scale())
        self.ui = Ui(self.theme)
        self.viewport = Viewport(self.settings, texture)
        self.columns = Columns(panels, self._layout(), strict, self.settings.workspace)
        self.messages, self.tasks = Messages(), Tasks()
        self.opener, self.saver, self.vectors = Opener(self), Saver(self), Vectors(self)
        self.follower = Follower(self)
        self.spectra, self.w_plane, self.lab = Spectra(self), WPlane(self), Lab(self)
        self.dialogs = dialogs.Dialogs(self)
        self.actions = actions.actions()
        self.playing, self.panels_shown, self.closing = True, True, False
        self.on_fullscreen: Callable[[], None] | None = None  # the loop's part of F11
        self.on_wake: Callable[[], None] | None = None  # ends the loop's sleep, from any thread
        self.shown: Frame | None = None  # the newest frame
        self.picture_scene: Scene | None = (
            None  # the scene of the picture on screen; older than `shown` on an error
        )
        self.scene_path, self.saved_scene = "", self.history.present
        self.window_ms = 0.0
        self._submitted: Scene | None = None
        self._serial = -1
        self._arrivals: deque[float] = deque(maxlen=60)
        self._engine_ms: deque[float] = deque(maxlen=30)
        self._dock_again = False
        self.theme.load_fonts()
        self.theme.apply()
        self._offer_recovery()

    # --- one frame ----------------------------------------------------------------------------------------------

    def frame(self, dt: float) -> None:
        """Take in what happened, draw everything, act on what the person did. `dt` in seconds."""
        self._receive()
        self.follower.tick(dt)
        if self.playing and is_moving(self.history.present):
            self.history.drift(advance(self.history.present, min(dt, LONGEST_STEP)))
        self.messages.tick(dt)
        self._tell_panels()
        actions.shortcuts(self)
        scene = self._draw()
        self._take(scene)
        for name, args in self._requests():
            actions.run(self, name, *args)
        self.lab.tick()
        self._submit()
        if self.session.due(self.history.present, dt):
            self._autosave()

    @property
    def busy(self) -> bool:
        """Whether the next frame will show something new without anyone touching anything."""
        moving = self.playing and is_moving(self.history.present)
        return bool(
            moving or not self.worker.idle or self.opener.loading or self.tasks.busy or self.messages.fading
            or self.spectra.running
        )  # fmt: skip

    @property
    def surround(self) -> tuple[float, float, float]:
        """Colour around the picture; the window is cleared to it, which costs the CPU less than filling does."""
        colour = self.theme.surround
        return colour.x, colour.y, colour.z

    @property
    def has_picture(self) -> bool:
        return self.shown is not None and self.shown.image is not None

    @property
    def engine_ms(self) -> float:
        """Milliseconds that the engine takes for a picture, opening a network aside: the median of the last ones."""
        return median(self._engine_ms) if self._engine_ms else 0.0

    @property
    def fps(self) -> float:
        """Pictures per second over the last ones; 0 when none came for a second."""
        times = self._arrivals
        if len(times) < 2 or time.perf_counter() - times[-1] > 1:
            return 0.0
        return (len(times) - 1) / max(1e-6, times[-1] - times[0])

    def close(self, clean: bool = True) -> None:
        """Stop what runs. After a mistake of the program (not `clean`) the scene is kept for the next start."""
        self.opener.cancel()
        self.follower.stop()
        self.spectra.close()
        self.lab.close()
        self.worker.close()
        self.tasks.close()
        self.settings.imgui = imgui.save_ini_settings_to_memory()
        if not clean:
            self.session.autosave(self.history.present)
        self.session.close(clean)

    # --- what actions do ----------------------------------------------------------------------------------------

    def edit(self, scene: Scene) -> None:
        """A person's change to the scene: one undo entry."""
        if scene != self.history.present:
            self.history.commit()
            self.history.edit(scene)

    def undo(self) -> None:
        self.history.undo()

    def redo(self) -> None:
        self.history.redo()

    def toggle_play(self) -> None:
        self.playing = not self.playing

    def toggle_panels(self) -> None:
        self.panels_shown = not self.panels_shown
        if not self.panels_shown:
            self.messages.say("Tab shows the panels again", "panels")

    def toggle_fullscreen(self) -> None:
        if self.on_fullscreen:
            self.on_fullscreen()

    def recover(self, restore: bool) -> None:
        """Take up the scene of a window that crashed, or forget it."""
        self.messages.clear("recovery")
        if restore:
            try:
                self.opener.open_scene(self.session.recovered())
            except StyleScopeError as error:
                self.messages.fail(f"The last scene cannot be restored: {error}", "recovery")
        self.session.drop_crashed()

    def quit(self) -> None:
        self.closing = True

    def close_top(self) -> None:
        """Esc: the topmost dialog, else hidden panels come back."""
        if not self.dialogs.close() and not self.panels_shown:
            self.panels_shown = True

    def flip(self, setting: str) -> None:
        setattr(self.settings, setting, not getattr(self.settings, setting))

    def use_workspace(self, name: str) -> None:
        self.settings.workspace = name
        self.columns.use(self._layout(), self.settings.workspace)

    def reset_layout(self) -> None:
        """The present workspace as it was at first."""
        self.settings.layouts.pop(self.settings.workspace, None)
        self.columns.use(self._layout(), self.settings.workspace)
        self.panels_shown = self._dock_again = True

    def use_theme(self, name: str) -> None:
        self.settings.theme = name  # type: ignore[assignment]
        self.theme.use(self._tokens())
        self.theme.apply()

    def use_scale(self, factor: float) -> None:
        self.settings.ui_scale = factor
        self.theme.apply(self._scale())

    def use_screen_scale(self, scale: float) -> None:
        """The window moved to a screen of another scale."""
        self.screen_scale = scale
        self.theme.apply(self._scale())

    def start_with(self, scene: Scene) -> None:
        """Play a scene that nobody has touched yet."""
        self.history = History(scene)
        self.saved_scene = scene

    def set_preview(self, budget_ms: float) -> None:
        """How long a picture may take while something is dragged; 0 waits for the whole one."""
        self.settings.preview_ms = budget_ms

    def use_precision(self, mode: str) -> None:
        """Compute as the checkpoint says (stored) or in single precision throughout (fp32), from the next frame on."""
        self.worker.ask(lambda _: precision.use(mode))
        self._submitted = None

    # --- parts of a frame ---------------------------------------------------------------------------------------

    def _receive(self) -> None:
        self.tasks.poll()
        self.opener.poll()
        frame = self.worker.latest()
        if frame is None or frame.serial == self._serial:
            return
        same = self.shown is not None and frame.timings is self.shown.timings  # only more is known of it
        self._serial, self.shown = frame.serial, frame
        if not same:
            self._arrivals.append(time.perf_counter())
        if frame.error is None and not same:
            self._engine_ms.append(frame.ms)
        if frame.error is None:
            self.picture_scene = frame.scene
        if self.saver.picture_wanted and not frame.preview:
            self.saver.capture_picture()

    def _tell_panels(self) -> None:
        host = self.ui.host
        host.playing, host.fps, host.window_ms = self.playing, self.fps, self.window_ms
        host.loading, host.load_error = self.opener.loading, self.opener.error
        host.run_words, host.run_trouble = self.follower.words, self.follower.trouble
        host.run_folder = self.follower.home
        host.picture_note = self.viewport.texture.note if self.viewport.texture else ""
        host.recent, host.preview_ms = tuple(self.settings.recent), self.settings.preview_ms
        host.capture_folder, host.last_capture = str(self.session.capture_folder()), self.saver.last_capture
        self.ui.model = self.shown.model if self.shown else None
        host.vector_error, host.spectrum = self.vectors.error, self.spectra.job
        host.w_plane, host.w_plane_error = self.w_plane.plane, self.w_plane.error
        host.base_w = self.vectors.base_w if self.vectors.can_map else None

    def _draw(self) -> Scene:
        size, em = imgui.get_io().display_size, self.ui.em
        scene, frame = self.history.present, self.shown
        seen, self.columns.in_view = self.columns.in_view, set()
        top = bottom = left = right = 0.0
        if self.panels_shown:
            top, bottom = bars.heights(self.ui, size.y)
            layout = self.columns.layout
            left = round(layout.left_width * em) if layout.left else 0.0
            left = left if size.x - left >= ROOM * em else 0.0
            right = round(layout.right_width * em) if layout.right else 0.0
            right = right if size.x - left - right >= ROOM * em else 0.0
        foot = size.y - bottom
        scene = self._draw_centre(scene, frame, Vec(left, top), Vec(size.x - right, foot), "Model" in seen)
        if left:
            scene = self.columns.draw(self.ui, scene, frame, "left", Vec(0, top), Vec(left, foot))
        if right:
            scene = self.columns.draw(
                self.ui, scene, frame, "right", Vec(size.x - right, top), Vec(size.x, foot)
            )
        if self.panels_shown:
            scene = self.columns.draw_floating(self.ui, scene, frame)
            bars.draw_top(self, size.x, top)
            bars.draw_status(self, size, bottom)
        self.dialogs.draw(self.ui)
        return scene

    def _draw_centre(self, scene: Scene, frame: Frame | None, low: Vec, high: Vec, model_seen: bool) -> Scene:
        """The picture between the columns; popped-out sections can be docked around it.

        What the panel Model says is not said twice: `model_seen` is whether it can be seen.
        """
        size = Vec(max(1.0, high.x - low.x), max(1.0, high.y - low.y))
        imgui.set_next_window_pos(low)
        imgui.set_next_window_size(size)
        with bars.bare(), imgui_ctx.begin("Centre", None, bars.FIXED | imgui.WindowFlags_.no_background):
            dock = imgui.get_id("Centre dock")
            imgui.dock_space(dock, Vec(0, 0))
        again = imgui.Cond_.always if self._dock_again else imgui.Cond_.first_use_ever
        self._dock_again = False
        imgui.set_next_window_dock_id(dock, int(again))
        kind = imgui.WindowClass()
        kind.dock_node_flags_override_set = _PICTURE_NODE
        imgui.set_next_window_class(kind)
        with bars.bare(), imgui_ctx.begin("Picture", None, bars.PICTURE):
            corner, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
            scene = self.viewport.draw(self.ui, scene, frame, self.panels_shown, quiet=model_seen)
            said = {"open", "loading"} if model_seen else set()
            self.messages.draw(
                self.ui, self._standing(), corner, Vec(corner.x + room.x, corner.y + room.y), said
            )
        return scene

    def _standing(self) -> list[tuple[str, Message]]:
        """Messages that hold as long as their cause does."""
        found = []
        if self.shown and self.shown.error:
            back = [("Undo", "undo")] if self.history.can_undo else []
            found.append(("frame", Message(self.shown.error, True, back, closes=False)))
        loading = self.opener.message()
        return [*found, ("loading", loading)] if loading else found

    def _take(self, scene: Scene) -> None:
        """The panels' and the viewport's change, as part of the gesture that is open."""
        if self.ui.gesture_began:
            self.history.begin()
        if scene != self.history.present:
            self.history.edit(scene)
        idle = not imgui.is_any_item_active() and not imgui.is_any_mouse_down() and not self.lab.dragging
        if self.ui.gesture_ended or (idle and self.history.in_gesture and not self.ui.bars.wheeling):
            self.history.commit()
        self.ui.gesture_began = self.ui.gesture_ended = False

    def _requests(self) -> list[tuple[str, tuple]]:
        requests, self.ui.requests = self.ui.requests, []
        return requests

    def _submit(self) -> None:
        if self.history.present != self._submitted:
            self._submitted = self.history.present
            hurry = self.history.in_gesture and self.settings.preview_ms > 0
            self.worker.submit(self._submitted, self.settings.preview_ms if hurry else None)

    def _autosave(self) -> None:
        scene = self.history.present
        self.tasks.start(
            lambda: self.session.autosave(scene), lambda _: self.messages.clear("autosave"),
            lambda why: self.messages.fail(f"The scene cannot be kept for a restart: {why}", "autosave"),
        )  # fmt: skip

    def _offer_recovery(self) -> None:
        if self.session.trouble:
            self.messages.fail(self.session.trouble, "session")
        if self.session.crashed is None:
            return
        words = "StyleScope was not closed properly last time."
        choices = [("Restore the last scene", "recovery.restore"), ("Start fresh", "recovery.drop")]
        self.messages.notices["recovery"] = Message(words, buttons=choices, closes=False)

    def _layout(self) -> Layout:
        name = self.settings.workspace
        return self.settings.layouts.setdefault(name, default_layout(self.panels, name))

    def _tokens(self) -> Any:
        theme = self.settings.theme
        dark = systemtheme.is_dark() if theme == "auto" else theme == "dark"
        return DARK if dark else LIGHT

    def _scale(self) -> float:
        return self.settings.ui_scale * 1.0 if self.settings.ui_scale else self.screen_scale


_PICTURE_NODE = (
    imgui.internal.DockNodeFlagsPrivate_.no_tab_bar | imgui.internal.DockNodeFlagsPrivate_.no_docking_over_me
)
