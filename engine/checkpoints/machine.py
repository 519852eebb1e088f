"""The pickle machine: turns opcodes into plain Python values and inert records, and can do nothing else.

It knows the opcodes that pickle protocols 2 to 5 write. Names are looked up in a table of our own (`allowed.py`), never
imported; REDUCE and NEWOBJ call only functions of that table; BUILD works only on records of that table; every
step and byte is paid for from a `Budget`. Long byte strings are not read at all: they become windows of the file.
"""

import pickletools
import struct
import sys
from collections.abc import Callable
from typing import Any

from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.records import Buildable, Stub
from engine.checkpoints.source import Source

Rules = Callable[[str, str], Stub]  # (module, name) -> what stands for it; raises for everything not allowed
Persistent = Callable[[Any], Any]  # persistent id -> object

LONG_BYTES = 512  # byte strings above this stay in the file
LONG_NAME = 255  # bytes of a module's or a function's name
READ_AHEAD = 16 << 10
CONTAINER = 256  # bytes charged for a list, dict, set or record, and for what refers to it
ENTRY = 128  # bytes charged for a memo entry
STEPS_PER_CHECK = 4096

_CODES = {opcode.name: ord(opcode.code) for opcode in pickletools.opcodes}
_ACTIONS: dict[int, Callable[["Machine"], None]] = {}


def _on(*names: str) -> Callable:
    def register(action: Callable[["Machine"], None]) -> Callable[["Machine"], None]:
        for name in names:
            _ACTIONS[_CODES[name]] = action
        return action

    return register


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
            action = _ACTIONS.get(code)
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


def kindof(value: Any) -> str:
    """What kind of thing a value is, for a message; never shows the value, which can be endless."""
    return value.name if isinstance(value, Stub) else f"a {type(value).__name__}"


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise damaged("bytes that are not text where text should be") from None


@_on("PROTO")
def _protocol(m: Machine) -> None:
    version = m.take(1)[0]
    if not 2 <= version <= 5:
        raise refusal(
            "a pickle of protocol 2 to 5", f"protocol {version}", "save the network again with a newer Python"
        )


@_on("FRAME")
def _frame(m: Machine) -> None:
    m.take(8)


@_on("STOP")
def _stop(m: Machine) -> None:
    m.done = True


@_on("MARK")
def _mark(m: Machine) -> None:
    m.marks.append(len(m.stack))


@_on("POP")
def _pop(m: Machine) -> None:
    if m.marks and m.marks[-1] == len(m.stack):
        m.marks.pop()
    else:
        m.stack.pop()


@_on("POP_MARK")
def _pop_mark(m: Machine) -> None:
    m.since_mark()


@_on("DUP")
def _dup(m: Machine) -> None:
    m.push(m.stack[-1])


@_on("NONE")
def _none(m: Machine) -> None:
    m.push(None)


@_on("NEWTRUE")
def _true(m: Machine) -> None:
    m.push(True)


@_on("NEWFALSE")
def _false(m: Machine) -> None:
    m.push(False)


@_on("BININT")
def _int4(m: Machine) -> None:
    m.push(m.number("<i"))


@_on("BININT1")
def _int1(m: Machine) -> None:
    m.push(m.take(1)[0])


@_on("BININT2")
def _int2(m: Machine) -> None:
    m.push(m.number("<H"))


@_on("LONG1")
def _long(m: Machine) -> None:
    m.push(int.from_bytes(m.take(m.take(1)[0]), "little", signed=True), 64)


@_on("BINFLOAT")
def _float(m: Machine) -> None:
    m.push(m.number(">d"))


@_on("SHORT_BINSTRING")
def _short_string(m: Machine) -> None:
    m.push(m.literal(m.take(1)[0]).decode("latin1"))  # Python 2 wrote names and arrays alike this way


@_on("BINSTRING")
def _string(m: Machine) -> None:
    value = m.literal(m.number("<I"))
    m.push(value.decode("latin1") if isinstance(value, bytes) else value)


@_on("SHORT_BINUNICODE")
def _text1(m: Machine) -> None:
    m.push(m.text(m.take(1)[0]))


@_on("BINUNICODE")
def _text4(m: Machine) -> None:
    m.push(m.text(m.number("<I")))


@_on("BINUNICODE8")
def _text8(m: Machine) -> None:
    m.push(m.text(m.number("<Q")))


@_on("SHORT_BINBYTES")
def _bytes1(m: Machine) -> None:
    m.push(m.literal(m.take(1)[0]))


@_on("BINBYTES")
def _bytes4(m: Machine) -> None:
    m.push(m.literal(m.number("<I")))


@_on("BINBYTES8", "BYTEARRAY8")
def _bytes8(m: Machine) -> None:
    m.push(m.literal(m.number("<Q")))


@_on("EMPTY_TUPLE")
def _tuple0(m: Machine) -> None:
    m.push(())


@_on("TUPLE1")
def _tuple1(m: Machine) -> None:
    m.push((m.stack.pop(),), 64)


@_on("TUPLE2")
def _tuple2(m: Machine) -> None:
    last, first = m.stack.pop(), m.stack.pop()
    m.push((first, last), 64)


@_on("TUPLE3")
def _tuple3(m: Machine) -> None:
    last, middle, first = m.stack.pop(), m.stack.pop(), m.stack.pop()
    m.push((first, middle, last), 64)


@_on("TUPLE")
def _tuple(m: Machine) -> None:
    m.push(tuple(m.since_mark()), CONTAINER)


@_on("EMPTY_LIST")
def _list0(m: Machine) -> None:
    m.push([], CONTAINER)


@_on("LIST")
def _list(m: Machine) -> None:
    m.push(m.since_mark(), CONTAINER)


@_on("APPEND")
def _append(m: Machine) -> None:
    value = m.stack.pop()
    m.top(list).append(value)


@_on("APPENDS")
def _appends(m: Machine) -> None:
    values = m.since_mark()
    m.top(list).extend(values)


@_on("EMPTY_DICT")
def _dict0(m: Machine) -> None:
    m.push({}, CONTAINER)


@_on("DICT")
def _dict(m: Machine) -> None:
    pairs = m.since_mark()
    m.push({}, CONTAINER)
    m.fill(m.stack[-1], pairs)


@_on("SETITEM")
def _setitem(m: Machine) -> None:
    value, key = m.stack.pop(), m.stack.pop()
    m.fill(m.top(dict), [key, value])


@_on("SETITEMS")
def _setitems(m: Machine) -> None:
    pairs = m.since_mark()
    m.fill(m.top(dict), pairs)


@_on("EMPTY_SET")
def _set0(m: Machine) -> None:
    m.push(set(), CONTAINER)


@_on("ADDITEMS")
def _additems(m: Machine) -> None:
    values = m.since_mark()
    m.top(set).update(m.key(value) for value in values)


@_on("FROZENSET")
def _frozenset(m: Machine) -> None:
    m.push(frozenset(m.key(value) for value in m.since_mark()), CONTAINER)


@_on("BINPUT")
def _put1(m: Machine) -> None:
    m.remember(m.take(1)[0])


@_on("LONG_BINPUT")
def _put4(m: Machine) -> None:
    m.remember(m.number("<I"))


@_on("MEMOIZE")
def _memoize(m: Machine) -> None:
    m.remember(len(m.memo))


@_on("BINGET")
def _get1(m: Machine) -> None:
    m.recall(m.take(1)[0])


@_on("LONG_BINGET")
def _get4(m: Machine) -> None:
    m.recall(m.number("<I"))


@_on("GLOBAL")
def _global(m: Machine) -> None:
    module = m.line()
    m.push(m.rules(module, m.line()))


@_on("STACK_GLOBAL")
def _stack_global(m: Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if type(name) is not str or type(module) is not str or len(name) + len(module) > 2 * LONG_NAME:
        raise damaged("a name that is no text")
    m.push(m.rules(module, name))


@_on("INST")
def _inst(m: Machine) -> None:
    module = m.line()
    m.rules(module, m.line())  # names what the file asks for, if that is forbidden
    raise damaged("an object made in a way that no network file uses")


@_on("REDUCE", "NEWOBJ")
def _reduce(m: Machine) -> None:
    arguments, function = m.stack.pop(), m.stack.pop()
    m.call(function, arguments)


@_on("NEWOBJ_EX")
def _newobj_ex(m: Machine) -> None:
    keywords, arguments, function = m.stack.pop(), m.stack.pop(), m.stack.pop()
    if keywords != {}:
        raise damaged("an object made with keywords")
    m.call(function, arguments)


@_on("BUILD")
def _build(m: Machine) -> None:
    state, target = m.stack.pop(), m.stack[-1]
    if not isinstance(target, Buildable):
        raise refusal(
            "attributes given to objects of a network",
            f"attributes given to {kindof(target)}",
            "it could change the program itself, so the file was refused and nothing in it was run",
        )
    target.build(state)


@_on("BINPERSID")
def _persistent(m: Machine) -> None:
    if m.persistent is None:
        raise damaged("a reference to another file")
    m.push(m.persistent(m.stack.pop()), CONTAINER)
