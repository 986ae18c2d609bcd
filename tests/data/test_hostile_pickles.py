"""Pickles that run code: each does so under Python's own reader, and none does under ours.

Every attack makes the folder that it is given the path of. Each is run twice: by ``facedistill``, which must refuse it
and leave no folder, and by the standard library, which must fall for it; otherwise the test would prove nothing.
"""

import codecs
import contextlib
import copyreg
import io
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from facedistill.data.binset import BinFaces
from facedistill.errors import UserError

HERE = __name__.encode()
"""Where pickles find the traps below."""
EXTENSIONS = (0xF1, 0xF123, 0xF12345)
"""Codes of one, two and three bytes for what a pickle may call without a name."""


def strike(path: str) -> str:
    """What every attack runs in the end."""
    os.mkdir(path)
    return path


EVALUATED = "__import__('os').mkdir('{}')"
PATHS = "numpy.testing._private.utils"
"""A module of NumPy that holds ``os``."""

strike_f1 = strike_f123 = strike_f12345 = strike
"""A name of its own for each extension code."""


class Born:
    """Strikes when it is made."""

    def __new__(cls, path: str = "", *, at: str = "") -> "Born":
        strike(path or at)
        return super().__new__(cls)


class Changed:
    """Strikes when it is given a state, an item, or something to append."""

    def __setstate__(self, path: str) -> None:
        strike(path)

    def __setitem__(self, path: str, value: object) -> None:
        strike(path)

    def append(self, path: str) -> None:
        strike(path)

    def extend(self, paths: list[str]) -> None:
        strike(*paths)

    def add(self, path: str) -> None:
        strike(path)


class Called:
    """Strikes by way of ``__reduce__``, as a pickle written with ease does."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return strike, (self.path,)


def text(value: str) -> bytes:
    """SHORT_BINUNICODE."""
    return b"\x8c" + bytes([len(value.encode())]) + value.encode()


def named(name: str, module: bytes = HERE) -> bytes:
    """GLOBAL."""
    return b"c" + module + b"\n" + name.encode() + b"\n"


def changed() -> bytes:
    return named("Changed") + b")\x81"


def numpy_array(path: str) -> bytes:
    """An array of objects, one of which strikes while it is read."""
    array = np.empty(1, dtype=object)
    array[0] = Called(path)
    return pickle.dumps(([array], [True]), 4)


def decoder(name: str) -> None:
    """A codec that strikes when it is looked up, as modules of the name ``encodings.<name>`` may."""
    if name.startswith("strike"):
        strike(bytes.fromhex(name.removeprefix("strike_")).decode())


def out_of_band(path: str) -> Iterator[bytes]:
    yield (strike(path) or "").encode()


ATTACKS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "os.system by GLOBAL and REDUCE": (
        "GLOBAL",
        lambda path: named("system", b"os") + text(f"mkdir '{path}'") + b"\x85R.",
    ),
    "STACK_GLOBAL": (
        "STACK_GLOBAL",
        lambda path: b"\x80\x04" + text(HERE.decode()) + text("strike") + b"\x93" + text(path) + b"\x85R.",
    ),
    "builtins.eval": (
        "GLOBAL",
        lambda path: named("eval", b"builtins") + text(EVALUATED.format(path)) + b"\x85R.",
    ),
    "builtins.eval under its name in Python 2": (
        "GLOBAL",
        lambda path: b"\x80\x02" + named("eval", b"__builtin__") + text(EVALUATED.format(path)) + b"\x85R.",
    ),
    "INST": ("INST", lambda path: b"(" + text(path) + b"i" + HERE + b"\nstrike\n."),
    "OBJ": ("GLOBAL", lambda path: b"(" + named("Born") + text(path) + b"o."),
    "NEWOBJ": ("GLOBAL", lambda path: b"\x80\x02" + named("Born") + text(path) + b"\x85\x81."),
    "NEWOBJ_EX": ("GLOBAL", lambda path: b"\x80\x04" + named("Born") + b")}" + text("at") + text(path) + b"s\x92."),
    "BUILD with __setstate__": ("GLOBAL", lambda path: changed() + text(path) + b"b."),
    "SETITEM with __setitem__": ("GLOBAL", lambda path: changed() + text(path) + b"Ns."),
    "SETITEMS with __setitem__": ("GLOBAL", lambda path: changed() + b"(" + text(path) + b"Nu."),
    "APPEND to what is no list": ("GLOBAL", lambda path: changed() + text(path) + b"a."),
    "APPENDS to what is no list": ("GLOBAL", lambda path: changed() + b"(" + text(path) + b"e."),
    "ADDITEMS to what is no set": ("GLOBAL", lambda path: b"\x80\x04" + changed() + b"(" + text(path) + b"\x90."),
    "EXT1": ("EXT1", lambda path: b"\x80\x02\x82\xf1" + text(path) + b"\x85R."),
    "EXT2": ("EXT2", lambda path: b"\x80\x02\x83\x23\xf1" + text(path) + b"\x85R."),
    "EXT4": ("EXT4", lambda path: b"\x80\x02\x84\x45\x23\xf1\x00" + text(path) + b"\x85R."),
    "PERSID": ("PERSID", lambda path: b"P" + path.encode() + b"\n."),
    "BINPERSID": ("BINPERSID", lambda path: text(path) + b"Q."),
    "NEXT_BUFFER": ("NEXT_BUFFER", lambda path: b"\x80\x05\x97."),
    "READONLY_BUFFER behind BYTEARRAY8": (
        "NEXT_BUFFER",
        lambda path: b"\x80\x05\x96" + (4).to_bytes(8, "little") + b"jpeg\x97\x98\x86.",
    ),
    "an image that is made as it is read": (
        "STACK_GLOBAL",
        lambda path: pickle.dumps(([b"jpeg", Called(path)], [True]), 4),
    ),
    "a boolean that is made as it is read": ("GLOBAL", lambda path: pickle.dumps(([b"jpeg"] * 2, [Called(path)]), 2)),
    "protocol 0": ("GLOBAL", lambda path: pickle.dumps(([b"jpeg"] * 2, [Called(path)]), 0)),
    "an array of objects": ("REDUCE", numpy_array),
    "a name within NumPy that is another module": (
        "STACK_GLOBAL",
        lambda path: b"\x80\x04" + text(PATHS) + text("os.mkdir") + b"\x93" + text(path) + b"\x85R.",
    ),
    "a codec of the attacker's choice": (
        "REDUCE",
        lambda path: named("encode", b"_codecs") + text("text") + text("strike_" + path.encode().hex()) + b"\x86R.",
    ),
    "a function kept in the memo": (
        "GLOBAL",
        lambda path: b"(" + named("strike") + b"q\x01h\x01" + text(path) + b"\x85Rt.",
    ),
    "a memo entry overwritten": (
        "GLOBAL",
        lambda path: b"(" + named("encode", b"_codecs") + b"q\x00" + named("strike") + b"q\x00h\x00" + text(path)
        + b"\x85Rt.",
    ),
    "behind a frame that announces nothing": (
        "GLOBAL",
        lambda path: b"\x80\x04\x95" + bytes(8) + named("strike") + text(path) + b"\x85R.",
    ),
}  # fmt: skip


class Careless(pickle.Unpickler):
    """Python's own reader, used as people use it."""

    def persistent_load(self, path: str) -> str:
        return strike(path)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    for code in EXTENSIONS:
        copyreg.add_extension(HERE.decode(), f"strike_{code:x}", code)
    codecs.register(decoder)
    yield
    codecs.unregister(decoder)
    for code in EXTENSIONS:
        copyreg.remove_extension(HERE.decode(), f"strike_{code:x}", code)


@pytest.mark.parametrize(("opcode", "attack"), ATTACKS.values(), ids=ATTACKS)
def test_nothing_is_run_that_python_would_run(tmp_path: Path, opcode: str, attack: Callable[[str], bytes]) -> None:
    struck, file = tmp_path / "struck", tmp_path / "evil.bin"
    file.write_bytes(attack(str(struck)))
    with pytest.raises(
        UserError, match=rf"evil\.bin is not a verification set: {opcode} at byte \d+ .*nothing in it was run"
    ):
        BinFaces(file)
    assert not struck.exists()

    with contextlib.suppress(Exception):  # it has struck by then
        Careless(io.BytesIO(file.read_bytes()), buffers=out_of_band(str(struck))).load()
    assert struck.exists(), "this attack does nothing, so refusing it proves nothing"


def test_there_are_many_ways_in() -> None:
    assert len(ATTACKS) >= 24
