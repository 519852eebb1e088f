"""One lab as the window sees it: its line, what waits to be sent, what it asked for, its slots of shared memory."""

import contextlib
import secrets
import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.lab import protocol
from app.lab.memory import Shared
from app.lab.protocol import Array, Frames, Hello, Memory, Message, ProtocolError, Subscribe, Want
from engine.scene import Scene

MOST_UNSENT = 1 << 18  # bytes that wait for a lab that does not read
MOST_SKIPPED = 600  # updates in a row that a lab may miss: a minute at ten a second
MOST_ARRAY = 1 << 29  # bytes of one array
DUTY = 20.0  # a copy that took a second is followed by so many without one
READ = 1 << 16


class Overflow(Exception):
    """A lab does not take what it must not miss."""


@dataclass
class Slot:
    """A piece of shared memory and what is wanted in it; `lent` until the lab has read it."""

    want: Want
    memory: Shared | None = None
    lent: bool = False
    serial: int = -1  # of the frame that was sent last
    due: float = 0.0


class Guest:
    """A connection, never waited for. What does not fit the line is kept up to MOST_UNSENT bytes, or skipped."""

    def __init__(self, line: socket.socket, now: float):
        line.setblocking(False)
        self.line, self.born = line, now
        self.nonce = secrets.token_bytes(32)
        self.known = False
        self.name = ""
        self.wish: Subscribe | None = None
        self.slots: dict[int, Slot] = {}
        self.asked = False  # whether activations are on their way
        self.due = 0.0
        self.skipped = 0  # updates in a row that the line had no room for
        self.told: tuple[Scene | None, object, object] = (None, None, None)  # scene, network, state last sent
        self._frames = Frames(protocol.MOST_HELLO)
        self._unsent: deque[tuple[memoryview, int | None]] = deque()

    def fileno(self) -> int:
        return self.line.fileno()

    # --- what goes out ------------------------------------------------------------------------------------------

    def greet(self) -> None:
        """Ask for the proof that the lab knows the token."""
        self.say(protocol.Challenge(protocol.VERSION, self.nonce))

    @property
    def unsent(self) -> int:
        """Bytes that wait."""
        return sum(len(data) for data, _ in self._unsent)

    def say(self, message: Message, fd: int | None = None) -> None:
        """Send a message as far as the line takes it; Overflow when too much waits already."""
        if self.unsent > MOST_UNSENT:
            raise Overflow
        self._unsent.append((memoryview(protocol.pack(message)), fd))
        self.flush()

    def flush(self) -> None:
        """Send what waits, without waiting; OSError when the line is broken."""
        while self._unsent:
            data, fd = self._unsent[0]
            try:
                sent = self.line.send(data) if fd is None else socket.send_fds(self.line, [data], [fd])
            except BlockingIOError:
                return
            if sent < len(data):
                self._unsent[0] = (data[sent:], None)  # a descriptor goes with the first byte
            else:
                self._unsent.popleft()

    def close(self, reason: str = "") -> None:
        """Hang up, with a last word where there is one and room for it; the shared memory is let go."""
        if reason:
            with contextlib.suppress(OSError, Overflow):
                self.say(protocol.Refused(reason))
        self.line.close()
        for slot in self.slots.values():
            if slot.memory:
                slot.memory.close()
        self.slots.clear()

    # --- what comes in ------------------------------------------------------------------------------------------

    def read(self) -> Iterator[Message]:
        """Messages that have come; EOFError when the lab hung up, ProtocolError for anything else than messages."""
        try:
            data = self.line.recv(READ)
        except BlockingIOError:
            return
        if not data:
            raise EOFError
        for body in self._frames.feed(data):
            yield protocol.unpack(body, protocol.FromLab)

    def admit(self, message: Message, token: bytes) -> str:
        """Check a `Hello`; the reason to refuse, or nothing."""
        if not isinstance(message, Hello):
            raise ProtocolError("The line: expected Hello as the first message.")
        if message.protocol != protocol.VERSION:
            return protocol.strangers(message.protocol)
        if not secrets.compare_digest(message.digest, protocol.digest(token, self.nonce)):
            return "The lab does not know this window's token; open it from the window's menu, or with: main.py lab"
        self.known, self.name = True, message.name
        self._frames.most = protocol.MOST_BYTES
        return ""

    def subscribe(self, wish: Subscribe) -> None:
        """Take up another wish; slots keep their memory."""
        self.wish, self.due = wish, 0.0
        for want in wish.arrays:
            slot = self.slots.setdefault(want.slot, Slot(want))
            if slot.want.step != want.step:
                slot.serial = -1
            slot.want, slot.due = want, 0.0

    # --- arrays -------------------------------------------------------------------------------------------------

    def hungry(self, serial: int, now: float) -> list[Slot]:
        """Slots that are free and due, and whose last array is of an older frame than `serial`."""
        wanted = {want.slot for want in self.wish.arrays} if self.wish else set()
        return [
            slot for number, slot in self.slots.items()
            if number in wanted and not slot.lent and slot.serial != serial and now >= slot.due
        ]  # fmt: skip

    def lend(self, slot: Slot, values: np.ndarray, serial: int, rate: float) -> None:
        """Write float values [C, H, W] into a slot and tell the lab; it is the lab's until `Release`."""
        number, (C, H, W) = slot.want.slot, values.shape
        if slot.memory is None or slot.memory.size < 4 * values.size:
            if slot.memory:
                slot.memory.close()
            slot.memory = Shared(4 * values.size)
            self.say(Memory(number, slot.memory.size, slot.memory.tag), slot.memory.fd)
        np.copyto(slot.memory.array((C, H, W)), values, casting="same_kind")
        slot.lent, slot.serial = True, serial
        self.say(Array(number, slot.want.step, serial, (C, H, W), rate))
