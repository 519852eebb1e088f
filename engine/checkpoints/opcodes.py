"""The instructions of pickle protocols 2 to 5, one small function each; what is not here does not exist."""

import pickletools
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.records import Buildable, kindof

if TYPE_CHECKING:
    from engine.checkpoints.machine import Machine

LONG_NAME = 255  # characters of a module's or a function's name
CONTAINER = 256  # bytes charged for a list, dict, set or record, and for what refers to it
TUPLE = 64  # bytes charged for a short tuple or a number
_CODES = {opcode.name: ord(opcode.code) for opcode in pickletools.opcodes}
ACTIONS: dict[int, Callable[["Machine"], None]] = {}


def _on(*names: str) -> Callable:
    def register(action: Callable[["Machine"], None]) -> Callable[["Machine"], None]:
        for name in names:
            ACTIONS[_CODES[name]] = action
        return action

    return register


@_on("PROTO")
def _protocol(m: "Machine") -> None:
    version = m.take(1)[0]
    if not 2 <= version <= 5:
        raise refusal(
            "a pickle of protocol 2 to 5", f"protocol {version}", "save the network again with a newer Python"
        )


@_on("FRAME")
def _frame(m: "Machine") -> None:
    m.take(8)


@_on("STOP")
def _stop(m: "Machine") -> None:
    m.done = True


@_on("MARK")
def _mark(m: "Machine") -> None:
    m.marks.append(len(m.stack))


@_on("POP")
def _pop(m: "Machine") -> None:
    if m.marks and m.marks[-1] == len(m.stack):
        m.marks.pop()
    else:
        m.stack.pop()


@_on("POP_MARK")
def _pop_mark(m: "Machine") -> None:
    m.since_mark()


@_on("DUP")
def _dup(m: "Machine") -> None:
    m.push(m.stack[-1])


@_on("NONE")
def _none(m: "Machine") -> None:
    m.push(None)


@_on("NEWTRUE")
def _true(m: "Machine") -> None:
    m.push(True)


@_on("NEWFALSE")
def _false(m: "Machine") -> None:
    m.push(False)


@_on("BININT")
def _int4(m: "Machine") -> None:
    m.push(m.number("<i"))


@_on("BININT1")
def _int1(m: "Machine") -> None:
    m.push(m.take(1)[0])


@_on("BININT2")
def _int2(m: "Machine") -> None:
    m.push(m.number("<H"))


@_on("LONG1")
def _long(m: "Machine") -> None:
    m.push(int.from_bytes(m.take(m.take(1)[0]), "little", signed=True), TUPLE)


@_on("BINFLOAT")
def _float(m: "Machine") -> None:
    m.push(m.number(">d"))


@_on("SHORT_BINSTRING")
def _short_string(m: "Machine") -> None:
    m.push(m.literal(m.take(1)[0]).decode("latin1"))  # Python 2 wrote names and arrays alike this way


@_on("BINSTRING")
def _string(m: "Machine") -> None:
    value = m.literal(m.number("<I"))
    m.push(value.decode("latin1") if isinstance(value, bytes) else value)


@_on("SHORT_BINUNICODE")
def _text1(m: "Machine") -> None:
    m.push(m.text(m.take(1)[0]))


@_on("BINUNICODE")
def _text4(m: "Machine") -> None:
    m.push(m.text(m.number("<I")))


@_on("BINUNICODE8")
def _text8(m: "Machine") -> None:
    m.push(m.text(m.number("<Q")))


@_on("SHORT_BINBYTES")
def _bytes1(m: "Machine") -> None:
    m.push(m.literal(m.take(1)[0]))


@_on("BINBYTES")
def _bytes4(m: "Machine") -> None:
    m.push(m.literal(m.number("<I")))


@_on("BINBYTES8", "BYTEARRAY8")
def _bytes8(m: "Machine") -> None:
    m.push(m.literal(m.number("<Q")))


@_on("EMPTY_TUPLE")
def _tuple0(m: "Machine") -> None:
    m.push(())


@_on("TUPLE1")
def _tuple1(m: "Machine") -> None:
    m.push((m.stack.pop(),), TUPLE)


@_on("TUPLE2")
def _tuple2(m: "Machine") -> None:
    last, first = m.stack.pop(), m.stack.pop()
    m.push((first, last), TUPLE)


@_on("TUPLE3")
def _tuple3(m: "Machine") -> None:
    last, middle, first = m.stack.pop(), m.stack.pop(), m.stack.pop()
    m.push((first, middle, last), TUPLE)


@_on("TUPLE")
def _tuple(m: "Machine") -> None:
    m.push(tuple(m.since_mark()), CONTAINER)


@_on("EMPTY_LIST")
def _list0(m: "Machine") -> None:
    m.push([], CONTAINER)


@_on("LIST")
def _list(m: "Machine") -> None:
    m.push(m.since_mark(), CONTAINER)


@_on("APPEND")
def _append(m: "Machine") -> None:
    value = m.stack.pop()
    m.top(list).append(value)


@_on("APPENDS")
def _appends(m: "Machine") -> None:
    values = m.since_mark()
    m.top(list).extend(values)


@_on("EMPTY_DICT")
def _dict0(m: "Machine") -> None:
    m.push({}, CONTAINER)


@_on("DICT")
def _dict(m: "Machine") -> None:
    pairs = m.since_mark()
    m.push({}, CONTAINER)
    m.fill(m.stack[-1], pairs)


@_on("SETITEM")
def _setitem(m: "Machine") -> None:
    value, key = m.stack.pop(), m.stack.pop()
    m.fill(m.top(dict), [key, value])


@_on("SETITEMS")
def _setitems(m: "Machine") -> None:
    pairs = m.since_mark()
    m.fill(m.top(dict), pairs)


@_on("EMPTY_SET")
def _set0(m: "Machine") -> None:
    m.push(set(), CONTAINER)


@_on("ADDITEMS")
def _additems(m: "Machine") -> None:
    values = m.since_mark()
    m.top(set).update(m.key(value) for value in values)


@_on("FROZENSET")
def _frozenset(m: "Machine") -> None:
    m.push(frozenset(m.key(value) for value in m.since_mark()), CONTAINER)


@_on("BINPUT")
def _put1(m: "Machine") -> None:
    m.remember(m.take(1)[0])


@_on("LONG_BINPUT")
def _put4(m: "Machine") -> None:
    m.remember(m.number("<I"))


@_on("MEMOIZE")
def _memoize(m: "Machine") -> None:
    m.remember(len(m.memo))


@_on("BINGET")
def _get1(m: "Machine") -> None:
    m.recall(m.take(1)[0])


@_on("LONG_BINGET")
def _get4(m: "Machine") -> None:
    m.recall(m.number("<I"))


@_on("GLOBAL")
def _global(m: "Machine") -> None:
    module = m.line()
    m.push(m.rules(module, m.line()))


@_on("STACK_GLOBAL")
def _stack_global(m: "Machine") -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if type(name) is not str or type(module) is not str or len(name) + len(module) > 2 * LONG_NAME:
        raise damaged("a name that is no text")
    m.push(m.rules(module, name))


@_on("INST")
def _inst(m: "Machine") -> None:
    module = m.line()
    m.rules(module, m.line())  # names what the file asks for, if that is forbidden
    raise damaged("an object made in a way that no network file uses")


@_on("REDUCE", "NEWOBJ")
def _reduce(m: "Machine") -> None:
    arguments, function = m.stack.pop(), m.stack.pop()
    m.call(function, arguments)


@_on("NEWOBJ_EX")
def _newobj_ex(m: "Machine") -> None:
    keywords, arguments, function = m.stack.pop(), m.stack.pop(), m.stack.pop()
    if keywords != {}:
        raise damaged("an object made with keywords")
    m.call(function, arguments)


@_on("BUILD")
def _build(m: "Machine") -> None:
    state, target = m.stack.pop(), m.stack[-1]
    if not isinstance(target, Buildable):
        raise refusal(
            "attributes given to objects of a network",
            f"attributes given to {kindof(target)}",
            "it could change the program itself, so the file was refused and nothing in it was run",
        )
    target.build(state)


@_on("BINPERSID")
def _persistent(m: "Machine") -> None:
    if m.persistent is None:
        raise damaged("a reference to another file")
    m.push(m.persistent(m.stack.pop()), CONTAINER)
