"""The stack machine that a pickle drives: a stack, a memo, and the few things that can be made of them."""

import codecs
import re
from mmap import mmap

from .arrays import GLOBALS, NotAnArray, Token, build, call
from .cursor import Cursor

_BOOLEANS = {b"00": False, b"01": True}
_FOREIGN_ESCAPE = re.compile(rb"\\(?!x[0-9a-fA-F]{2}|[nrt'\"])")
"""What Python 2 never writes."""


class Machine:
    """The stack, the stacks below the marks, and the memo."""

    def __init__(self, data: bytes | mmap) -> None:
        self.cursor = Cursor(data)
        self.stack: list[object] = []
        self._below: list[list[object]] = []
        self._memo: dict[int, object] = {}
        self._encoded = 0

    def result(self) -> object:
        if len(self.stack) != 1 or self._below:
            self.cursor.refuse("leaves something other than one value")
        return self.stack[0]

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self) -> object:
        if not self.stack:
            self.cursor.refuse("finds nothing on the stack")
        return self.stack.pop()

    def top(self) -> object:
        self.push(value := self.pop())
        return value

    def mark(self) -> None:
        self._below.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[object]:
        if not self._below:
            self.cursor.refuse("finds no mark on the stack")
        values, self.stack = self.stack, self._below.pop()
        return values

    def last(self, count: int) -> None:
        """A tuple of the topmost values."""
        values = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    def extend(self, values: list[object]) -> None:
        target = self.top()
        if not isinstance(target, list):
            self.cursor.refuse("finds no list to append to")
        target.extend(values)

    def put(self, number: int) -> None:
        self._memo[number] = self.top()

    def memoize(self) -> None:
        self.put(len(self._memo))

    def get(self, number: int) -> None:
        if number not in self._memo:
            self.cursor.refuse(f"asks for the memo's entry {number}, which is not there")
        self.push(self._memo[number])

    def text(self, data: bytes | memoryview, encoding: str = "utf-8") -> None:
        try:
            self.push(codecs.decode(data, encoding, "surrogatepass" if encoding == "utf-8" else "strict"))
        except UnicodeDecodeError:
            self.cursor.refuse(f"is not {encoding} text")

    def number(self) -> None:
        """INT: ``00`` and ``01`` are the booleans of protocols 0 and 1."""
        line = self.cursor.line()
        self.push(_BOOLEANS[line] if line in _BOOLEANS else self.cursor.number(line))

    def quoted(self) -> None:
        """STRING: what Python 2's ``repr`` made of bytes."""
        line = self.cursor.line()
        inner = line[1:-1]
        if len(line) < 2 or line[:1] not in b"'\"" or line[-1:] != line[:1]:
            self.cursor.refuse("has no quotes around its text")
        if _FOREIGN_ESCAPE.search(inner.replace(rb"\\", b"")):
            self.cursor.refuse("has an escape that Python 2 never writes")
        self.push(memoryview(codecs.escape_decode(inner)[0]))

    def find_global(self, module: object, name: object) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            self.cursor.refuse("names something by other than text")
        if (module, name) not in GLOBALS:
            shown = ascii(f"{module}.{name}"[:60])[:60]
            self.cursor.refuse(f"asks for {shown}, which could run code")
        self.push(GLOBALS[module, name])

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        if function is Token.ENCODE:
            self._count_text(arguments)
        try:
            self.push(call(function, arguments))
        except NotAnArray:
            self.cursor.refuse("calls something other than what builds an array of uint8")

    def build(self) -> None:
        state = self.pop()
        try:
            build(self.top(), state)
        except NotAnArray:
            self.cursor.refuse("sets the state of something other than an array of uint8")

    def _count_text(self, arguments: object) -> None:
        """Texts are copied as they become bytes; a file that asks for it again and again would fill the memory."""
        text = arguments[0] if isinstance(arguments, tuple) and arguments else ""
        self._encoded += len(text) if isinstance(text, str) else 0
        if self._encoded > self.cursor.size:
            self.cursor.refuse("builds more bytes than the file has")
