"""A place in a pickle, and the arguments that stand there: bounded views of the file, never copies."""

from mmap import mmap
from typing import NoReturn

from .opcodes import NAMES

MAX_DIGITS = 20
"""Of a number in decimal: enough for 64 bits."""


class Refused(Exception):
    """What is wrong with a pickle and at which byte; nothing in it was run."""


class Cursor:
    """Reads a file from its beginning, opcode by opcode."""

    def __init__(self, data: bytes | mmap) -> None:
        self._data, self._view, self.size = data, memoryview(data), len(data)
        self._at = self._opcode_at = 0

    def opcode(self) -> int:
        if self._at >= self.size:
            raise Refused(f"it ends at byte {self.size} without STOP")
        self._opcode_at = self._at
        self._at += 1
        return self._data[self._opcode_at]

    def refuse(self, why: str) -> NoReturn:
        """Raises ``Refused`` with the opcode and where it stands."""
        code = self._data[self._opcode_at]
        raise Refused(f"{NAMES.get(code, f'0x{code:02x}')} at byte {self._opcode_at} {why}")

    def check(self, count: int) -> None:
        """Refuses an announcement of more bytes than are left."""
        if count > self.size - self._at:
            self.refuse(f"announces {count} bytes where {self.size - self._at} are left")

    def take(self, count: int) -> memoryview:
        """The next ``count`` bytes."""
        self.check(count)
        end = self._at + count
        taken = self._view[self._at : end]
        self._at = end
        return taken

    def counted(self, width: int) -> memoryview:
        """As many bytes as the number of ``width`` bytes before them says."""
        return self.take(self.unsigned(width))

    def unsigned(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def signed(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little", signed=True)

    def line(self) -> bytes:
        """Up to the end of the line, and without it."""
        end = self._data.find(b"\n", self._at)
        if end < 0:
            self.refuse("has no end of line")
        line = bytes(self._view[self._at : end])
        self._at = end + 1
        return line

    def decimal(self) -> int:
        """A number on a line of its own."""
        return self.number(self.line())

    def number(self, digits: bytes) -> int:
        digits = digits.removesuffix(b"L")
        if len(digits) > MAX_DIGITS or not digits.removeprefix(b"-").isdigit():
            self.refuse("is not a number of 64 bits")
        return int(digits)
