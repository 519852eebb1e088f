"""What the live window and a lab say to each other: a version, messages, and how they are framed as bytes.

A message is a MessagePack map with its name under `type`, after its length as four bytes, lowest first. The window
speaks first. A descriptor that belongs to a message (`Memory`) travels beside its first byte.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.errors import StyleScopeError

VERSION = 1
LENGTH = 4  # bytes before a message that say how many follow
MOST_BYTES = 1 << 20  # of one message
MOST_HELLO = 1 << 10  # of one from a client that has not proved that it knows the token
SLOTS = 8  # pieces of shared memory that a client may have
MOST_RATE = 60.0  # updates a second

Name = Annotated[str, Meta(max_length=256)]
Rate = Annotated[float, Meta(gt=0, le=MOST_RATE)]
Slot = Annotated[int, Meta(ge=0, lt=SLOTS)]
Plain = bool | int | float | Annotated[str, Meta(max_length=4096)] | None
Value = Plain | list[Plain | dict[Name, Plain | list[int]]]  # all that a parameter of a scene can be, and no deeper


class ProtocolError(StyleScopeError):
    """What came over the line is no message of this protocol."""


class Message(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    """One message; the class's name is its tag."""


# --- from a lab to the window -------------------------------------------------------------------------------------


class Hello(Message, frozen=True, tag=True):
    """The answer to `Challenge`: `digest` is HMAC-SHA256 of the nonce with the token."""

    protocol: int
    digest: bytes
    name: Name = "lab"


class Want(msgspec.Struct, frozen=True):
    """What a step makes, `rate` times a second at most, in one slot of shared memory; step "" is the picture."""

    slot: Slot
    step: Name
    rate: Rate = 2.0


class Subscribe(Message, frozen=True, tag=True):
    """Everything that the lab wants from now on; a later one replaces it."""

    rate: Rate = 10.0  # of `Update`
    arrays: Annotated[tuple[Want, ...], Meta(max_length=SLOTS)] = ()


class Set(Message, frozen=True, tag=True):
    """A parameter by its path. `last` ends a gesture, which becomes one step of undo: a drag sends many."""

    path: Name
    value: Value
    last: bool = True


class Act(Message, frozen=True, tag=True):
    """A command of the window by name: one of ACTS."""

    name: Name


class Release(Message, frozen=True, tag=True):
    """The array in a slot has been read; the window may write the next one there."""

    slot: Slot


ACTS = ("undo", "redo", "play")
FromLab = Hello | Subscribe | Set | Act | Release


# --- from the window to a lab -------------------------------------------------------------------------------------


class Challenge(Message, frozen=True, tag=True):
    """The first message of all."""

    protocol: int
    nonce: bytes


class Welcome(Message, frozen=True, tag=True):
    """The lab knows the token."""

    pid: int
    title: str = ""


class Refused(Message, frozen=True, tag=True):
    """The last message of all: why the window hangs up."""

    reason: str


class Step(msgspec.Struct, frozen=True):
    """A step of the network: `shape` [C, H, W], rows of ws it reads, noise or not, samples per picture width."""

    name: str
    shape: tuple[int, int, int]
    dtype: str
    ws: tuple[int, ...]
    noise: bool
    rate: float
    clamp: float | None
    paints: bool  # its output is a picture


class Network(Message, frozen=True, tag=True):
    """What plays. `wires` are pairs of step numbers, from and to; the number after the last is the picture."""

    path: str
    name: str
    network: str
    networks: tuple[str, ...]
    family: str
    resolution: tuple[int, int]
    num_ws: int
    w_dim: int
    parameters: int
    steps: tuple[Step, ...]
    wires: tuple[tuple[int, int], ...]


class Stat(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a step's last output; `ms` is 0 where it was `reused`."""

    ms: float
    reused: bool
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    clipped: float | None = None
    nan: int = 0
    inf: int = 0


class Update(Message, frozen=True, tag=True):
    """The present: parameters that changed, and every step in the network's order.

    `seconds` is the window's clock. The first one carries all parameters.
    """

    serial: int
    seconds: float
    playing: bool
    fps: float
    engine_ms: float
    values: dict[str, Any]
    steps: tuple[Stat, ...]
    error: str = ""


class Memory(Message, frozen=True, tag=True):
    """A slot is now this memory of `size` bytes: the descriptor beside it, or on Windows the mapping called `tag`."""

    slot: int
    size: int
    tag: str = ""


class Array(Message, frozen=True, tag=True):
    """A slot holds float32 [C, H, W] of frame `serial`, untouched until `Release`; `rate` as in `Step`."""

    slot: int
    step: str
    serial: int
    shape: tuple[int, int, int]
    rate: float


class Rejected(Message, frozen=True, tag=True):
    """Why a `Set` or an `Act` changed nothing."""

    path: str
    reason: str


FromWindow = Challenge | Welcome | Refused | Network | Update | Memory | Array | Rejected


# --- bytes --------------------------------------------------------------------------------------------------------

_encoder = msgspec.msgpack.Encoder()
_decoders = {kind: msgspec.msgpack.Decoder(kind) for kind in (FromLab, FromWindow)}


def pack(message: Message) -> bytes:
    """A message as it goes over the line."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH, "little") + body


def unpack(body: bytes, kind: Any) -> Any:
    """The message of a union (`FromLab`, `FromWindow`) in a frame; ProtocolError where it is none."""
    try:
        return _decoders[kind].decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"The line: expected a message of the protocol, found other bytes ({error}).") from None


class Frames:
    """Cuts a stream of bytes into the bodies of messages, none longer than `most`."""

    def __init__(self, most: int = MOST_BYTES):
        self.most = most
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Bodies that are complete with `data`; ProtocolError at once when one announces itself as too long."""
        self._bytes += data
        while len(self._bytes) >= LENGTH:
            size = int.from_bytes(self._bytes[:LENGTH], "little")
            if size > self.most:
                raise ProtocolError(f"The line: expected messages of at most {self.most} bytes, found one of {size}.")
            if len(self._bytes) < LENGTH + size:
                return
            body = bytes(self._bytes[LENGTH : LENGTH + size])
            del self._bytes[: LENGTH + size]
            yield body


def digest(token: bytes, nonce: bytes) -> bytes:
    """The proof that someone knows the token."""
    return hmac.new(token, nonce, hashlib.sha256).digest()


def strangers(theirs: int) -> str:
    """The sentence for two sides of different versions."""
    return (
        f"The lab and the window must speak one version of their protocol: expected {VERSION}, found {theirs}; "
        "start both from the same StyleScope."
    )
