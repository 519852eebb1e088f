"""The window's side of the line: one thread that serves labs. It never waits for one, and the window never for it."""

import contextlib
import logging
import os
import queue
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.lab import door, guest, protocol, telling
from app.lab.guest import Guest, Overflow
from app.lab.protocol import Act, Message, ProtocolError, Rejected, Release, Set, Subscribe
from app.lab.telling import Live
from cuda_ops.background import Background

if TYPE_CHECKING:
    from engine.renderer import Renderer

log = logging.getLogger(__name__)
MOST_GUESTS = 8
MOST_EDITS = 256  # that wait for the window to take them
HELLO_SECONDS = 5.0  # for a lab to prove that it knows the token

Ask = Callable[[Callable[["Renderer"], None]], None]


@dataclass(frozen=True)
class Edit:
    """What a lab wants done, and which one."""

    guest: Guest
    message: Set | Act


class Server:
    """Serves labs from `start` to `close`. `publish` and `take` are for the window's loop and return at once.

    `ask` has a question put to the renderer in its own thread (engine.worker.Worker.ask); `wake` tells a window that
    sleeps that there is something to take. Activations of a lab's slots are copied here, at most one part in DUTY of
    the time.
    """

    def __init__(
        self, ask: Ask, wake: Callable[[], None], title: str = "", clock: Callable[[], float] = time.monotonic
    ):
        self.ask, self.wake, self.title, self.clock = ask, wake, title, clock
        self.guests: list[Guest] = []
        self.door: door.Door | None = None
        self._live: Live | None = None
        self._edits: deque[Edit] = deque()
        self._lock = threading.Lock()
        self._answers: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closing = False
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._thread = Background(self._run, name="lab", end=self.stop)

    def start(self, folder: Path, scale: float = 1.0) -> None:
        """Open the door; OSError where that cannot be."""
        self.door = door.open_door(folder, scale)
        for end in (self._bell, self._ear):
            end.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._selector.register(self.door.listener, selectors.EVENT_READ)
        self._thread.start()

    def close(self) -> None:
        """Hang up on everyone and leave nothing behind."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join(2.0)
        if self.door:
            self.door.close()

    def stop(self) -> None:
        """Have the thread hang up; returns at once."""
        self._closing = True
        if self._thread.is_alive():
            self._ring()

    # --- for the window's loop ----------------------------------------------------------------------------------

    def publish(self, live: Live) -> None:
        """What labs are told of, from now on."""
        self._live = live

    def take(self) -> list[Edit]:
        """What labs want done, in order; of a drag only the newest value."""
        if not self._edits:
            return []
        with self._lock:
            taken, self._edits = list(self._edits), deque()
        return taken

    def reject(self, edit: Edit, reason: str) -> None:
        """Tell a lab why nothing was done."""
        path = edit.message.path if isinstance(edit.message, Set) else edit.message.name
        self._later(partial(self._say, edit.guest, Rejected(path, reason)))

    # --- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing:
            for key, events in self._selector.select(self._pause()):
                if key.fileobj is self._ear:
                    self._answer()
                elif self.door and key.fileobj is self.door.listener:
                    self._accept()
                elif isinstance(key.fileobj, Guest):
                    self._attend(key.fileobj, events)
            now = self.clock()
            for one in list(self.guests):
                self._serve(one, now)
        for one in list(self.guests):
            self._drop(one, "The window was closed.")
        self._selector.close()

    def _pause(self) -> float | None:
        """Seconds until something is due; None where nothing is before somebody comes."""
        if not self.guests:
            return None
        now = self.clock()
        due = [one.due - now if one.known else one.born + HELLO_SECONDS - now for one in self.guests]
        return max(0.001, min(due))

    def _accept(self) -> None:
        assert self.door is not None
        try:
            line, _ = self.door.listener.accept()
        except OSError:
            return  # it left again
        one = Guest(line, self.clock())
        self.guests.append(one)
        self._selector.register(one, selectors.EVENT_READ)
        with self._guarded(one):
            one.greet()
            if len(self.guests) > MOST_GUESTS:
                self._drop(one, f"This window serves {MOST_GUESTS} labs already; close one of them.")

    def _attend(self, one: Guest, events: int) -> None:
        """Read from a lab, or send on to it what it had no room for."""
        with self._guarded(one):
            if events & selectors.EVENT_WRITE:
                one.flush()
            if events & selectors.EVENT_READ:
                for message in one.read():
                    self._hear(one, message)

    def _hear(self, one: Guest, message: Message) -> None:
        assert self.door is not None
        if not one.known:
            reason = one.admit(message, self.door.token)
            if reason:
                self._drop(one, reason)
                raise EOFError
            one.say(protocol.Welcome(os.getpid(), self.title))
        elif isinstance(message, Subscribe):
            one.subscribe(message)
        elif isinstance(message, Release):
            if message.slot in one.slots:
                one.slots[message.slot].lent = False
        elif isinstance(message, Set | Act):
            self._queue(Edit(one, message))
        else:
            raise ProtocolError("The line: expected Hello only once.")

    def _queue(self, edit: Edit) -> None:
        with self._lock:
            last = self._edits[-1] if self._edits else None
            if last and _continues(last, edit):
                self._edits.pop()
            if len(self._edits) >= MOST_EDITS:
                raise Overflow
            self._edits.append(edit)
        self.wake()

    def _serve(self, one: Guest, now: float) -> None:
        """What is due for a lab."""
        with self._guarded(one):
            if not one.known and now - one.born > HELLO_SECONDS:
                raise ProtocolError("The line: expected Hello within five seconds.")
            live = self._live
            if one.known and one.wish and live and now >= one.due:
                one.due = now + 1 / one.wish.rate
                self._tell(one, live, now)
                self._feed(one, live, now)
        if one in self.guests:
            self._listen(one)

    def _tell(self, one: Guest, live: Live, now: float) -> None:
        """An update, if there is news and room on the line; a lab that takes none for long is dropped."""
        scene, network, state = one.told
        if (live.scene, live.network, live.state) == (scene, network, state):
            return
        if one.unsent:
            one.skipped += 1
            if one.skipped > guest.MOST_SKIPPED:
                raise Overflow
            return
        one.skipped = 0
        if live.network != network:
            message = telling.network(live.frame)
            if message is None:
                return
            one.say(message)
        one.say(telling.update(live, scene, now))
        one.told = (live.scene, live.network, live.state)

    def _feed(self, one: Guest, live: Live, now: float) -> None:
        """Ask for the activations that the lab's slots are due for."""
        slots = one.hungry(live.frame.serial, now)
        if one.asked or not slots or live.frame.error:
            return
        one.asked = True
        names = {slot.want.step for slot in slots}
        rates = {step.name: step.rate for step in live.frame.steps}

        def question(renderer: "Renderer") -> None:
            serial, kept = renderer.kept(names)
            self._later(lambda: self._lend(one, serial, kept, rates))

        self.ask(question)

    def _lend(self, one: Guest, serial: int, kept: dict[str, Any], rates: dict[str, float]) -> None:
        one.asked = False
        for slot in one.hungry(serial, self.clock()) if one in self.guests else ():
            x = kept.get(slot.want.step)
            then = self.clock()
            if x is None or 4 * x.numel() > guest.MOST_ARRAY:
                slot.due = then + 1.0
                continue
            with self._guarded(one):
                rate = rates.get(slot.want.step) or float(x.shape[2])
                one.lend(slot, x.float().cpu().numpy(), serial, rate)
                slot.due = then + max(1 / slot.want.rate, guest.DUTY * (self.clock() - then))

    # --- small things -------------------------------------------------------------------------------------------

    def _say(self, one: Guest, message: Message) -> None:
        if one in self.guests:
            with self._guarded(one):
                one.say(message)

    def _later(self, work: Callable[[], None]) -> None:
        """Have something done in the server's thread."""
        self._answers.put(work)
        self._ring()

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # then it rings already
            self._bell.send(b"!")

    def _answer(self) -> None:
        self._ear.recv(1 << 12)
        while not self._answers.empty():
            self._answers.get()()

    @contextlib.contextmanager
    def _guarded(self, one: Guest):
        """Whatever goes wrong with a lab costs the lab, never the window."""
        try:
            yield
        except EOFError:
            self._drop(one)
        except Overflow:
            self._drop(one, "The lab does not keep up with the window.")
        except (ProtocolError, OSError) as error:
            self._drop(one, str(error))
        except Exception as error:
            log.exception("serving a lab")
            self._drop(one, f"The window could not serve the lab ({type(error).__name__}: {error}).")

    def _listen(self, one: Guest) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if one.unsent else 0)
        if self._selector.get_key(one).events != events:
            self._selector.modify(one, events)

    def _drop(self, one: Guest, reason: str = "") -> None:
        if one not in self.guests:
            return
        if reason:
            log.info("a lab was dropped: %s", reason)
        self.guests.remove(one)
        self._selector.unregister(one)
        one.close(reason)


def _continues(last: Edit, edit: Edit) -> bool:
    """Whether an edit makes the one before it needless: the same lab drags the same parameter on."""
    a, b = last.message, edit.message
    return (
        isinstance(a, Set) and isinstance(b, Set) and last.guest is edit.guest and a.path == b.path and not a.last
    )
