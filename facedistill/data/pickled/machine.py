"""Reads a pickle without being able to run anything: a stack machine that knows lists, tuples, bytes and small numbers.

A pickle is a program. Python's own reader imports what the program names and calls it, so that a downloaded file runs
code of its author's choice. This machine has no operation that imports or calls: names are looked up among the tokens
of ``arrays.GLOBALS``, and every opcode that is not in ``STEPS`` is refused.

Bytes are views of the file; every announced length is checked against what is there; what a file builds is bounded by
its size and by ``MAX_OPCODES``.
"""

from collections.abc import Callable
from mmap import mmap

from .cursor import Refused
from .opcodes import CODES
from .stack import Machine

MAX_OPCODES = 4_000_000
"""Two per image given as bytes, some twenty per image given as an array; the largest published set has 14,000."""


def read_pickle(data: bytes | mmap) -> object:
    """What a pickle of protocol 0 to 5 builds from lists, tuples, bool, int, None, str, and

    * ``memoryview`` for bytes, bytearrays and the strings of Python 2,
    * ``arrays.Array`` for arrays of uint8.

    Raises:
        Refused: any other content, or a damaged file.
    """
    machine = Machine(data)
    for _ in range(MAX_OPCODES):
        code = machine.cursor.opcode()
        if code == CODES["STOP"]:
            return machine.result()
        step = STEPS.get(code)
        if step is None:
            machine.cursor.refuse("is not needed for images and booleans")
        step(machine)
    raise Refused(f"it has more than {MAX_OPCODES:,} opcodes, more than any list of images needs")


def _global(machine: Machine) -> None:
    module, name = machine.cursor.line(), machine.cursor.line()
    machine.find_global(module.decode("utf-8", "replace"), name.decode("utf-8", "replace"))


def _stack_global(machine: Machine) -> None:
    name, module = machine.pop(), machine.pop()
    machine.find_global(module, name)


def _frame(machine: Machine) -> None:
    """A frame announces how much comes before the next; its content is read like any other."""
    machine.cursor.check(machine.cursor.unsigned(8))


def _protocol(machine: Machine) -> None:
    number = machine.cursor.unsigned(1)
    if number > 5:
        machine.cursor.refuse(f"announces protocol {number}; 0 to 5 are known")


_BY_NAME: dict[str, Callable[[Machine], object]] = {
    "PROTO": _protocol,
    "FRAME": _frame,
    "MARK": Machine.mark,
    "NONE": lambda machine: machine.push(None),
    "NEWTRUE": lambda machine: machine.push(True),
    "NEWFALSE": lambda machine: machine.push(False),
    "INT": Machine.number,
    "LONG": lambda machine: machine.push(machine.cursor.decimal()),
    "LONG1": lambda machine: machine.push(machine.cursor.signed(machine.cursor.unsigned(1))),
    "BININT": lambda machine: machine.push(machine.cursor.signed(4)),
    "BININT1": lambda machine: machine.push(machine.cursor.unsigned(1)),
    "BININT2": lambda machine: machine.push(machine.cursor.unsigned(2)),
    "STRING": Machine.quoted,
    "BINSTRING": lambda machine: machine.push(machine.cursor.counted(4)),
    "SHORT_BINSTRING": lambda machine: machine.push(machine.cursor.counted(1)),
    "SHORT_BINBYTES": lambda machine: machine.push(machine.cursor.counted(1)),
    "BINBYTES": lambda machine: machine.push(machine.cursor.counted(4)),
    "BINBYTES8": lambda machine: machine.push(machine.cursor.counted(8)),
    "BYTEARRAY8": lambda machine: machine.push(machine.cursor.counted(8)),
    "UNICODE": lambda machine: machine.text(machine.cursor.line(), "raw-unicode-escape"),
    "SHORT_BINUNICODE": lambda machine: machine.text(machine.cursor.counted(1)),
    "BINUNICODE": lambda machine: machine.text(machine.cursor.counted(4)),
    "BINUNICODE8": lambda machine: machine.text(machine.cursor.counted(8)),
    "EMPTY_TUPLE": lambda machine: machine.push(()),
    "TUPLE": lambda machine: machine.push(tuple(machine.since_mark())),
    "TUPLE1": lambda machine: machine.last(1),
    "TUPLE2": lambda machine: machine.last(2),
    "TUPLE3": lambda machine: machine.last(3),
    "EMPTY_LIST": lambda machine: machine.push([]),
    "LIST": lambda machine: machine.push(machine.since_mark()),
    "APPEND": lambda machine: machine.extend([machine.pop()]),
    "APPENDS": lambda machine: machine.extend(machine.since_mark()),
    "PUT": lambda machine: machine.put(machine.cursor.decimal()),
    "BINPUT": lambda machine: machine.put(machine.cursor.unsigned(1)),
    "LONG_BINPUT": lambda machine: machine.put(machine.cursor.unsigned(4)),
    "MEMOIZE": Machine.memoize,
    "GET": lambda machine: machine.get(machine.cursor.decimal()),
    "BINGET": lambda machine: machine.get(machine.cursor.unsigned(1)),
    "LONG_BINGET": lambda machine: machine.get(machine.cursor.unsigned(4)),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": Machine.reduce,
    "BUILD": Machine.build,
}

STEPS = {CODES[name]: step for name, step in _BY_NAME.items()}
"""What is done at each opcode that may occur; STOP ends the reading."""
