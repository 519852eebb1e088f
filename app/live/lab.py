"""The lab as the window knows it: who is attached, what they want done, and the process that was opened for it."""

import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from app.live import actions
from engine import parameters
from engine.errors import SceneError, StyleScopeError

if TYPE_CHECKING:
    from app.lab.server import Edit, Server
    from app.live.app import App

log = logging.getLogger(__name__)
MAIN = Path(__file__).resolve().parents[2] / "main.py"
LATE = 30  # frames after the start that the door opens: the first pictures come first


class Lab:
    """The window's end of the lab. Nothing here is imported, opened or sent before somebody could want it."""

    def __init__(self, app: "App"):
        self.app = app
        self.server: Server | None = None
        self.wanted = False  # whether the door shall open by itself
        self._frames = 0
        self._gesture: Edit | None = None  # the last edit of a drag that goes on
        self._process: subprocess.Popen | None = None
        self._complaints: IO[bytes] | None = None

    @property
    def dragging(self) -> bool:
        """Whether a lab is in the middle of a gesture."""
        return self._gesture is not None and self.server is not None and self._gesture.guest in self.server.guests

    @property
    def attached(self) -> int:
        """How many labs look on."""
        return sum(guest.known for guest in self.server.guests) if self.server else 0

    def open(self) -> None:
        """Start a lab beside the window; a message says what is missing where it cannot be."""
        from app.lab import needs

        try:
            needs.check()
            self.start()
            self._spawn()
        except StyleScopeError as error:
            self.app.messages.fail(str(error), "lab")

    def start(self) -> None:
        """Open the door for labs; StyleScopeError where it cannot be."""
        if self.server is not None:
            return
        from app.lab.server import Server

        server = Server(self.app.worker.ask, self._wake)
        try:
            server.start(self.app.session.folder, self.app.theme.scale)
        except OSError as error:
            reason = error.strerror or error
            raise StyleScopeError(f"No lab can be attached ({reason}); the window works without one.") from error
        self.server = server

    def tick(self) -> None:
        """Once a frame: take what labs want, and tell what there is."""
        self._frames += 1
        if self.wanted and self._frames == LATE:
            self._start_late()
        if self.server is None:
            return
        for edit in self.server.take():
            self._do(edit)
        if self._gesture is not None and not self.dragging:
            self._gesture = None
            self.app.history.commit()
        if self.server.guests and self.app.shown is not None:
            self._publish()
        if self._process is not None and self._process.poll() is not None:
            self._ended(self._process.returncode)

    def close(self) -> None:
        """Hang up; a lab that was opened stays, for it may watch something else."""
        if self.server is not None:
            self.server.close()

    # --- what labs want -----------------------------------------------------------------------------------------

    def _do(self, edit: "Edit") -> None:
        from app.lab.protocol import ACTS, Act

        assert self.server is not None
        message = edit.message
        if isinstance(message, Act):
            if message.name in ACTS:
                actions.run(self.app, message.name)
            else:
                self.server.reject(edit, f"{message.name}: expected one of {', '.join(ACTS)}.")
            return
        history = self.app.history
        try:
            scene = parameters.set(history.present, message.path, message.value)
        except SceneError as error:
            self.server.reject(edit, str(error))
            return
        history.begin()
        history.edit(scene)
        self._gesture = None if message.last else edit
        if message.last:
            history.commit()

    def _publish(self) -> None:
        from app.lab.telling import Live

        app = self.app
        assert self.server is not None and app.shown is not None
        self.server.publish(Live(app.shown, app.history.present, app.playing, app.fps, app.engine_ms))

    def _wake(self) -> None:
        if self.app.on_wake:
            self.app.on_wake()

    def _start_late(self) -> None:
        try:
            self.start()
        except StyleScopeError as error:
            log.warning("%s", error)  # nobody asked for it yet

    # --- the process --------------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.app.messages.say("The lab is open already.", "lab")
            return
        assert self.server is not None and self.server.door is not None
        note, scale = self.server.door.path, f"{self.app.theme.scale:g}"
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - read when the lab has ended
        command = [sys.executable, str(MAIN), "lab", "--attach", str(note), "--scale", scale]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._complaints
            )
        except OSError as error:
            raise StyleScopeError(f"The lab could not be started: {error.strerror or error}.") from error
        self.app.messages.say("The lab opens in a window of its own.", "lab")

    def _ended(self, code: int) -> None:
        """The lab was closed, or it failed and left its reason."""
        self._process = None
        assert self._complaints is not None
        with self._complaints as file:
            file.seek(0)
            lines = file.read()[-4096:].decode(errors="replace").strip().splitlines()
        if code:
            reason = lines[-1] if lines else f"it ended with code {code}"
            self.app.messages.fail(f"The lab closed unexpectedly: {reason}", "lab")
