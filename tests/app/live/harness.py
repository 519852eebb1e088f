"""Tier A: draw into a bare Dear ImGui context and drive it by label. No window, no GL, no display.

result = run(draw, script)        # draw() once a frame; script(ctx) clicks, types and drags
"""

import ctypes
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imgui_bundle._imgui_bundle as native
from imgui_bundle import imgui

MAX_FRAMES = 5000
test_engine = imgui.test_engine


def render_without_gil() -> Callable[[], None]:
    """`imgui.render()` that lets go of the GIL, so that the script, on a thread of its own, can run inside it."""
    try:
        function = ctypes.CDLL(native.__file__)._ZN5ImGui6RenderEv
    except (AttributeError, OSError) as error:
        raise RuntimeError(
            f"imgui-bundle: expected the symbol ImGui::Render() in {native.__file__}, found none ({error}); "
            "tests that drive the window need the Linux wheel of imgui-bundle that requirements.txt pins."
        ) from error
    function.restype = None
    return function


@dataclass
class Result:
    frames: int
    log: str


class Stage:
    """A bare context with a test engine. Use `with Stage() as stage: stage.play(draw, script)`."""

    def __init__(self, size: tuple[int, int] = (1280, 800)):
        self.size = size
        self.render = render_without_gil()
        self.time = 0.0

    def __enter__(self) -> "Stage":
        self.context = imgui.create_context()
        io = imgui.get_io()
        io.set_ini_filename("")
        io.backend_flags |= imgui.BackendFlags_.renderer_has_textures
        io.config_flags |= imgui.ConfigFlags_.docking_enable
        io.display_size = imgui.ImVec2(*self.size)
        self.engine = test_engine.create_context()
        options = test_engine.get_io(self.engine)
        options.config_run_speed = test_engine.TestRunSpeed.fast
        options.config_saved_settings = False
        test_engine.start(self.engine, self.context)
        return self

    def __exit__(self, *_: Any) -> None:
        test_engine.stop(self.engine)
        for texture in imgui.get_platform_io().textures:
            texture.set_tex_id(0)
            texture.status = imgui.ImTextureStatus.destroyed
        imgui.get_io().backend_flags &= ~imgui.BackendFlags_.renderer_has_textures
        imgui.destroy_context()
        test_engine.destroy_context(self.engine)

    def frame(self, draw: Callable[[], None], dt: float = 1 / 60) -> None:
        """One frame of whatever `draw` draws."""
        io = imgui.get_io()
        io.delta_time = dt
        io.display_size = imgui.ImVec2(*self.size)
        imgui.new_frame()
        draw()
        self.render()
        for texture in imgui.get_platform_io().textures:
            if texture.status in (imgui.ImTextureStatus.want_create, imgui.ImTextureStatus.want_updates):
                texture.set_tex_id(1)
                texture.status = imgui.ImTextureStatus.ok
            elif texture.status == imgui.ImTextureStatus.want_destroy:
                texture.set_tex_id(0)
                texture.status = imgui.ImTextureStatus.destroyed
        test_engine.pre_swap(self.engine)
        test_engine.post_swap(self.engine)

    def play(self, draw: Callable[[], None], script: Callable[[Any], None]) -> Result:
        """Run `script(ctx)` while drawing; an exception in either, or a label that is not there, fails the test."""
        failures: list[str] = []

        def body(ctx: Any) -> None:
            try:
                script(ctx)
            except BaseException:  # noqa: BLE001 - handed to the test below; the engine would only log it
                failures.append(traceback.format_exc())

        test = test_engine.register_test(self.engine, "live", "script")
        test.test_func = body
        test_engine.queue_test(self.engine, test)
        frames = 0
        while not test_engine.is_test_queue_empty(self.engine):
            self.frame(draw)
            frames += 1
            assert frames < MAX_FRAMES, f"the script did not end within {MAX_FRAMES} frames"
        log = test.output.log.get_text()
        assert not failures, failures[0]
        assert test.output.status == test_engine.TestStatus.success, log
        return Result(frames, log)


def run(
    draw: Callable[[], None], script: Callable[[Any], None], size: tuple[int, int] = (1280, 800)
) -> Result:
    """One script against one `draw`, in a context of its own.

    Fonts and style need the context: call `theme.load_fonts()` inside `draw` on its first call, or use `run_panel`.
    """
    with Stage(size) as stage:
        return stage.play(draw, script)


class PanelStage:
    """One panel in a window called "Panel", with a theme, a history and the app's way of taking changes.

    Labels are `Panel/<title>/<label>`; the reference is already set, so that scripts say "Psi" or "Reset Psi".
    """

    def __init__(self, panel: Any, scene: Any = None, frame: Any = None, width: float = 336.0):
        from app.live.theme import Theme
        from app.live.ui import Ui
        from engine.history import History
        from engine.scene import Scene

        self.panel, self.rendered, self.width = panel, frame, width
        self.history = History(scene or Scene())
        self.ui = Ui(Theme())
        self.ui.model = frame.model if frame else None
        self.acts: list[tuple[str, tuple]] = []
        self.ready = False

    @property
    def scene(self) -> Any:
        return self.history.present

    def draw(self) -> None:
        if not self.ready:
            self.ui.theme.load_fonts()
            self.ui.theme.apply(1.0)
            self.ready = True
        imgui.set_next_window_pos((10, 10))
        imgui.set_next_window_size((self.width, 780))
        imgui.begin("Panel", None, imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_move)
        imgui.push_id(self.panel.title)
        new = self.panel.draw(self.ui, self.scene, self.rendered)
        imgui.pop_id()
        imgui.end()
        self.take(new)

    def take(self, new: Any) -> None:
        if self.ui.gesture_began:
            self.history.begin()
        if new != self.scene:
            self.history.edit(new)
        if self.ui.gesture_ended:
            self.history.commit()
        self.ui.gesture_began = self.ui.gesture_ended = False
        self.acts += self.ui.requests
        self.ui.requests.clear()


def run_panel(
    panel: Any, script: Callable[[Any], None], scene: Any = None, frame: Any = None, width: float = 336.0
) -> Any:
    """Drive one panel; returns the stage: `.scene`, `.history`, `.acts` (requested actions in order)."""
    stage = PanelStage(panel, scene, frame, width)

    def scripted(ctx: Any) -> None:
        ctx.set_ref(f"Panel/{panel.title}")
        script(ctx)

    run(stage.draw, scripted)
    return stage
