"""What the lab knows of the window: a thread keeps the line, and puts together what the messages say."""

import threading
import time
from pathlib import Path

import numpy as np

from app.lab import door
from app.lab.client import Client
from app.lab.protocol import Act, Array, Message, Network, Rejected, Set, Stat, Subscribe, Update, Value, Want
from app.lab.record import Record
from cuda_ops.background import Background
from engine import parameters
from engine.errors import StyleScopeError
from engine.scene import Scene

RATE = 10.0  # updates a second
RETRY = 1.0  # seconds between two knocks
WAITING = "Waiting for a StyleScope window. Start one with: main.py live"


class Link:
    """Looks for a window, attaches to it, and again when it is gone. All that is here may be read at any time.

    `note` is the window to attach to, else the newest one of `folder`. `said` is a sentence for the person.
    """

    def __init__(self, folder: Path, note: Path | None = None):
        self.folder, self.note = folder, note
        self.attached, self.said = False, WAITING
        self.network: Network | None = None
        self.update: Update | None = None
        self.scene = Scene()
        self.arrays: dict[int, tuple[Array, np.ndarray]] = {}
        self.record = Record()
        self.rejected = ""
        self.pid = 0  # of the window
        self._clock = 0.0  # this clock minus the window's
        self._wants: dict[int, Want] = {}
        self._client: Client | None = None
        self._closing = threading.Event()
        self._thread = Background(self._run, name="link", end=self._closing.set)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    # --- what a person does -------------------------------------------------------------------------------------

    def set(self, path: str, value: Value, last: bool = True) -> None:
        """Set a parameter of the window's scene; nothing where no window is attached."""
        self._send(Set(path, value, last))

    def select(self, step: str) -> None:
        """Choose a step, here, in the window, and in every other lab."""
        self.set("view.step", step)

    def act(self, name: str) -> None:
        """Have the window run one of ACTS."""
        self._send(Act(name))

    def want(self, slot: int, step: str | None, rate: float = 4.0) -> None:
        """Have a slot filled with what a step makes; None for nothing."""
        want = None if step is None else Want(slot, step, rate)
        if want != self._wants.get(slot):
            self._wants = {k: w for k, w in self._wants.items() if k != slot} | ({slot: want} if want else {})
            self._send(self._wish())

    # --- what is known ------------------------------------------------------------------------------------------

    @property
    def step(self) -> str:
        """The chosen step, or the first one where the picture is shown."""
        names = [step.name for step in self.network.steps] if self.network else []
        chosen = self.scene.view.step
        return chosen if chosen in names else names[0] if names else ""

    @property
    def now(self) -> float:
        """The window's clock."""
        return time.monotonic() - self._clock

    def stats(self) -> dict[str, Stat]:
        """The newest numbers of each step."""
        if self.network is None or self.update is None:
            return {}
        return {step.name: stat for step, stat in zip(self.network.steps, self.update.steps)}

    def hear(self, message: Message) -> None:
        """Take in what the window says."""
        if isinstance(message, Network):
            self.network, self.update = message, None
        elif isinstance(message, Update):
            self._take(message)
        elif isinstance(message, Rejected):
            self.rejected = message.reason

    # --- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            notes = [self.note] if self.note else door.find(self.folder)
            for note in notes:
                self._visit(note)
            self._closing.wait(RETRY)

    def _visit(self, note: Path) -> None:
        """Attach to a window until one of both ends it."""
        if not note.exists():
            return
        try:
            client = Client(note)
        except StyleScopeError as error:
            self.said = str(error) if self.note or "answers" not in str(error) else WAITING
            return
        self._client, self.scene, self.update = client, Scene(), None
        self.attached, self.said, self.rejected, self.pid = True, "", "", client.welcome.pid
        try:
            client.send(self._wish())
            while not self._closing.is_set():
                message = client.receive(0.2)
                if isinstance(message, Array):
                    self.arrays[message.slot] = message, client.take(message)
                elif message is not None:
                    self.hear(message)
        except StyleScopeError as error:
            self.said = str(error)
        finally:
            self._client, self.attached = None, False
            client.close()

    def _take(self, update: Update) -> None:
        scene = self.scene
        for path, value in update.values.items():
            scene = parameters.set(scene, path, value)
        self.scene, self.update = scene, update
        self._clock = time.monotonic() - update.seconds
        self.record.add(update.seconds, numbers(update.values) | statistics(self.stats()))

    def _wish(self) -> Subscribe:
        return Subscribe(RATE, tuple(self._wants.values()))

    def _send(self, message: Message) -> None:
        client = self._client
        if client is None:
            return
        try:
            client.send(message)
        except (StyleScopeError, OSError) as error:
            self.said = str(error)


def numbers(values: dict[str, object]) -> dict[str, float]:
    """Those parameters that a plot can show, by path."""
    return {path: float(v) for path, v in values.items() if isinstance(v, bool | int | float)}


def statistics(stats: dict[str, Stat]) -> dict[str, float]:
    """Every number of every step as `step: name`."""
    found = {}
    for step, s in stats.items():
        if s.mean is not None and s.low is not None and s.high is not None and s.std is not None:
            known = {"mean": s.mean, "std": s.std, "low": s.low, "high": s.high, "peak": max(abs(s.low), abs(s.high))}
            known |= {"clipped": s.clipped or 0.0, "nan": float(s.nan), "inf": float(s.inf)}
            found |= {f"{step}: {name}": value for name, value in known.items()}
        if not s.reused:
            found[f"{step}: ms"] = s.ms
    return found
