"""The pickle machine: turns opcodes into plain Python values and inert records, and can do nothing else.

It knows the instructions of `opcodes.py`. Names are looked up in a table of our own (`allowed.py`), never
imported; REDUCE and NEWOBJ call only functions of that table; BUILD works only on records of that table; every
step and byte is paid for from a `Budget`. Long byte strings are not read at all: they become windows of the file.
"""

import struct
import sys
from collections.abc import Callable
from typing import Any

from engine.checkpoints.limits import damaged
from engine.checkpoints.opcodes import ACTIONS, CONTAINER, LONG_NAME
from engine.checkpoints.records import Stub, kindof
from engine.checkpoints.source import Source

Rules = Callable[[str, str], Stub]  # (module, name) -> what stands for it; raises for everything not allowed
Persistent = Callable[[Any], Any]  # persistent id -> object

LONG_BYTES = 512  # byte strings above this stay in the file
READ_AHEAD = 16 << 10
ENTRY = 128  # bytes charged for a memo entry
STEPS_PER_CHECK = 4096


class Machine:
    """Reads one pickle from `source`, starting at `position`; afterwards `position` is just behind it."""

    def __init__(self, source: Source, rules: Rules, persistent: Persistent | None = None, position: int = 0):
        self.source = source
        self.position = position
        self.budget = source.budget
        self.rules = rules
        self.persistent = persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.done = False
        self._ahead = b""
        self._at = 0

    def load(self) -> Any:
        """The object; raises CheckpointError for whatever is damaged, too large or not allowed."""
        try:
            while not self.done:
                self._run(STEPS_PER_CHECK)
                self.source.watch.check()
            return self.stack.pop()
        except IndexError:
            raise damaged("a value missing in the middle of it") from None

    def _run(self, steps: int) -> None:
        self.budget.take_steps(steps // 64)  # paid in advance, so that many short pickles also add up
        for taken in range(1, steps + 1):
            code = self.take(1)[0]
            action = ACTIONS.get(code)
            if action is None:
                raise damaged(f"the byte 0x{code:02x} where an instruction should be")
            action(self)
            if self.done:
                steps = taken
                break
        self.budget.take_steps(steps)

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self._at + count
        if end > len(self._ahead):
            self._refill(count)
            end = count
        data = self._ahead[self._at : end]
        self._at = end
        self.position += count
        return data

    def _refill(self, count: int) -> None:
        room = self.source.length - self.position
        self._ahead = self.source.read(self.position, max(count, min(READ_AHEAD, room)))
        self._at = 0

    def number(self, code: str) -> Any:
        """The next number, packed as `struct` calls it."""
        return struct.unpack(code, self.take(struct.calcsize(code)))[0]

    def line(self) -> str:
        """The next text up to a newline: a name."""
        letters = bytearray()
        while (letter := self.take(1)) != b"\n":
            letters += letter
            if len(letters) > LONG_NAME:
                raise damaged("a name without an end")
        return _text(bytes(letters))

    def literal(self, size: int) -> Any:
        """A byte string: bytes if short, a window of the file if long."""
        if size <= LONG_BYTES:
            self.budget.take(size + 64)
            return self.take(size)
        window = self.source.window(self.position, size)
        self.position += size
        self._ahead, self._at = b"", 0
        self.budget.take(CONTAINER)
        return window

    def text(self, size: int) -> str:
        """A character string of `size` UTF-8 bytes."""
        self.source.require(self.position, size)
        self.budget.take(size)
        text = _text(self.take(size))
        self.budget.take(sys.getsizeof(text))
        return text

    def push(self, value: Any, cost: int = 0) -> None:
        if cost:
            self.budget.take(cost)
        self.stack.append(value)

    def since_mark(self) -> list[Any]:
        """Everything that was pushed after the last mark, taken off the stack."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def remember(self, key: int) -> None:
        self.budget.take(ENTRY)
        self.memo[key] = self.stack[-1]

    def recall(self, key: int) -> None:
        if key not in self.memo:
            raise damaged("a reference to a value that is not there")
        self.stack.append(self.memo[key])

    def top(self, kind: type) -> Any:
        """The topmost value, which the next instruction changes; only plain containers may be changed."""
        value = self.stack[-1]
        if not isinstance(value, kind):
            raise damaged(f"{kindof(value)} where a {kind.__name__} should be")
        return value

    def fill(self, target: dict, pairs: list[Any]) -> None:
        if len(pairs) % 2:
            raise damaged("a name without its value")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            target[self.key(key)] = value

    def key(self, key: Any) -> Any:
        """`key`, if it is of a kind that a dict may safely be asked to hash."""
        if type(key) is str or type(key) is bytes:
            return key
        if key is not None and type(key) not in (int, float, bool):
            raise damaged(f"{kindof(key)} used as a name")
        self.budget.take_odd_key()
        return key

    def call(self, function: Any, arguments: Any) -> None:
        if not isinstance(function, Stub) or type(arguments) is not tuple:
            raise damaged(f"{kindof(function)} called like a function")
        self.push(function.call(self.source, arguments), CONTAINER)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise damaged("bytes that are not text where text should be") from None
