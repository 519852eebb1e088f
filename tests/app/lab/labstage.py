"""The real window with a real engine, and a client of its lab's line; no GL, no display."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.lab.client import Client
from app.lab.protocol import Message, Network, Subscribe, Update
from engine.renderer import Renderer
from engine.worker import Worker
from tests.app.live.appstage import AppStage
from tests.engine import tiny

PATIENCE = 2000  # frames until something must have happened


class LabStage(AppStage):
    """`with LabStage(folder) as stage: client = stage.client()`; `stage.hear(client, kind)` is its next message."""

    def __init__(self, folder: Path, G: Any = None):
        self.G = G or tiny.stylegan2()
        super().__init__(folder, engine=Worker(Renderer(models=tiny.Shelf(tiny=self.G))))

    def __enter__(self) -> "LabStage":
        super().__enter__()
        self.app.lab.start()
        self.clients: list[Client] = []
        self.happens(lambda: self.engine_double.idle)
        return self

    def __exit__(self, *rest: Any) -> None:
        for client in self.clients:
            client.close()
        self.app.lab.close()
        self.engine_double.close()
        super().__exit__(*rest)

    @property
    def server(self) -> Any:
        return self.app.lab.server

    @property
    def note(self) -> Path:
        return self.server.door.path

    def client(self, wish: Subscribe | None = None) -> Client:
        """A lab that has knocked, and subscribed if it wishes for something."""
        client = Client(self.note, "test")
        self.clients.append(client)
        if wish:
            client.send(wish)
        return client

    def hear(self, client: Client, kind: type, such: Callable[[Any], bool] = lambda m: True) -> Any:
        """The next message of a kind, while the window goes on; others are passed over."""
        for _ in range(PATIENCE):
            self.run_frames()
            while (message := client.receive(0.002)) is not None:
                if isinstance(message, kind) and such(message):
                    return message
        raise AssertionError(f"no {kind.__name__} came")

    def happens(self, done: Callable[[], Any]) -> None:
        """Draw until it did."""
        for _ in range(PATIENCE):
            self.run_frames()
            if done():
                return
            time.sleep(0.002)
        raise AssertionError("it did not happen")


def listened(stage: LabStage, client: Client) -> tuple[Network, Update]:
    """What a lab is told first."""
    return stage.hear(client, Network), stage.hear(client, Update)


def everything(client: Client) -> list[Message]:
    """All messages that are there."""
    found = []
    while (message := client.receive(0.02)) is not None:
        found.append(message)
    return found
