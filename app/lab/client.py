"""The lab's side of the line: knock, prove, then messages one by one, with arrays out of shared memory."""

import select
import socket
from collections import deque
from pathlib import Path

import numpy as np

from app.lab import door, protocol
from app.lab.memory import NAMED, Shared
from app.lab.protocol import Array, Frames, FromWindow, Memory, Message, Refused, Release, Welcome
from engine.errors import StyleScopeError

READ = 1 << 16
GONE = "The window was closed."


class Client:
    """A connection to a live window. `send` and `receive` may be called from two threads."""

    def __init__(self, path: Path, name: str = "lab"):
        """Knock where the note at `path` says; StyleScopeError when nobody answers or the window refuses."""
        note = door.read(path)
        try:
            self.line = door.connect(note)
        except OSError as error:
            raise StyleScopeError(f"{path.name}: nobody answers there ({error.strerror or error}).") from error
        self._frames, self._bodies = Frames(), deque[bytes]()
        self._fds: deque[int] = deque()
        self._memory: dict[int, Shared] = {}
        self.welcome = self._shake_hands(note, name)

    def send(self, message: Message) -> None:
        """Send a message; StyleScopeError when the window is gone."""
        try:
            self.line.sendall(protocol.pack(message))
        except OSError:
            while self.receive():  # what was said before it hung up; the last word is the reason
                pass
            raise StyleScopeError(GONE) from None

    def receive(self, timeout: float | None = None) -> Message | None:
        """The next message, None when there is none for `timeout` seconds; StyleScopeError at the end of the line."""
        while not self._bodies:
            if not select.select([self.line], [], [], timeout)[0]:
                return None
            self._bodies.extend(self._frames.feed(self._read()))
        message = protocol.unpack(self._bodies.popleft(), FromWindow)
        if isinstance(message, Refused):
            raise StyleScopeError(message.reason)
        if isinstance(message, Memory):
            self._remember(message)
            return self.receive(timeout)
        return message

    def take(self, array: Array) -> np.ndarray:
        """A copy of what an array message announces: float32 [C, H, W]. The slot is the window's again."""
        values = self._memory[array.slot].array(array.shape).copy()
        self.send(Release(array.slot))
        return values

    def close(self) -> None:
        """Hang up and let the memory go."""
        self.line.close()
        for memory in self._memory.values():
            memory.close()
        self._memory.clear()

    def _shake_hands(self, note: door.Note, name: str) -> Welcome:
        try:
            challenge = self.receive(5.0)
            if not isinstance(challenge, protocol.Challenge):
                raise StyleScopeError("Nobody who speaks the lab's protocol answers there.")
            if challenge.protocol != protocol.VERSION:
                raise StyleScopeError(protocol.strangers(challenge.protocol))
            token = bytes.fromhex(note.token)
            self.send(protocol.Hello(protocol.VERSION, protocol.digest(token, challenge.nonce), name))
            welcome = self.receive(5.0)
            if not isinstance(welcome, Welcome):
                raise StyleScopeError("The window does not answer; it may be busy, try again.")
        except StyleScopeError:
            self.close()
            raise
        return welcome

    def _read(self) -> bytes:
        try:
            if self.line.family == door.UNIX:
                data, fds, _, _ = socket.recv_fds(self.line, READ, protocol.SLOTS)
                self._fds += fds
            else:
                data = self.line.recv(READ)
        except OSError:
            data = b""
        if not data:
            raise StyleScopeError(GONE)
        return data

    def _remember(self, message: Memory) -> None:
        old = self._memory.pop(message.slot, None)
        if old:
            old.close()
        fd = None if NAMED else self._fds.popleft()
        self._memory[message.slot] = Shared(message.size, fd, message.tag)
