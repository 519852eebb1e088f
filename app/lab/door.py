"""Where a window waits for labs: a socket, and a note in the settings folder that only its person can read."""

import os
import secrets
import socket
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.lab import protocol
from engine.errors import StyleScopeError

HOST = "127.0.0.1"
UNIX = None if sys.platform == "win32" else socket.AF_UNIX


class Note(msgspec.Struct, frozen=True):
    """The content of `lab-PID.json`: where to knock and what to know. `address` is a socket's path or a port."""

    protocol: int
    address: str | int
    token: str
    pid: int
    scale: float = 1.0


@dataclass(frozen=True)
class Door:
    """An open door: the listening socket, the token, and the files to take away when it closes."""

    listener: socket.socket
    token: bytes
    path: Path
    socket_path: Path | None

    def close(self) -> None:
        """Stop listening and leave nothing behind."""
        self.listener.close()
        self.path.unlink(missing_ok=True)
        if self.socket_path:
            _remove_socket(self.socket_path)


def open_door(folder: Path, scale: float = 1.0) -> Door:
    """Listen for labs of this person on this machine, and write the note; OSError where that cannot be."""
    sweep(folder)
    token = secrets.token_bytes(32)
    listener, socket_path = _listen()
    listener.setblocking(False)
    address: str | int = str(socket_path) if socket_path else listener.getsockname()[1]
    note = Note(protocol.VERSION, address, token.hex(), os.getpid(), scale)
    path = folder / f"lab-{os.getpid()}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(note))
    return Door(listener, token, path, socket_path)


def read(path: Path) -> Note:
    """The note at `path`; StyleScopeError where there is none, it is damaged, or others can read it."""
    try:
        data = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise StyleScopeError(f"{path}: no window waits here ({error.strerror}); start one: main.py live") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise StyleScopeError(
            f"{path}: expected a note that only you can read, found mode {stat.S_IMODE(mode):o}; remove it."
        )
    try:
        return msgspec.json.decode(data, type=Note)
    except msgspec.MsgspecError as error:
        raise StyleScopeError(f"{path}: expected a note of a live window, found other words ({error}).") from None


def connect(note: Note, timeout: float | None = 5.0) -> socket.socket:
    """A blocking connection to the window of a note; OSError where it is gone."""
    if isinstance(note.address, int):
        line = socket.create_connection((HOST, note.address), timeout)
    elif UNIX is None:
        raise ConnectionRefusedError(f"{note.address}: sockets with a path are not for this system")
    else:
        line = socket.socket(UNIX, socket.SOCK_STREAM)
        line.settimeout(timeout)
        try:
            line.connect(note.address)
        except OSError:
            line.close()
            raise
    line.settimeout(None)
    return line


def find(folder: Path) -> list[Path]:
    """Notes in a settings folder, the newest window first."""
    return sorted(folder.glob("lab-*.json"), key=_age)


def sweep(folder: Path) -> None:
    """Take away what windows left behind that were killed: notes and sockets where nobody answers."""
    for path in find(folder):
        try:
            note = read(path)
            connect(note, 1.0).close()
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            if isinstance(note.address, str):
                _remove_socket(Path(note.address))
        except (OSError, StyleScopeError):
            continue  # whoever it belongs to, it is not known to be dead


def _listen() -> tuple[socket.socket, Path | None]:
    if UNIX is None:
        listener = socket.create_server((HOST, 0))
        return listener, None
    folder = Path(tempfile.mkdtemp(prefix="stylescope-lab-"))  # which makes it for this person alone
    listener = socket.socket(UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / "door"))
    listener.listen(8)
    return listener, folder / "door"


def _remove_socket(path: Path) -> None:
    """A socket and the folder that was made for it; nothing else, whatever a note says."""
    if path.name != "door" or not path.parent.name.startswith("stylescope-lab-"):
        return
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
