"""Pickles are read without being run: what Python and NumPy write, what an attacker writes, and what is damaged."""

import io
import pickle
import random
import re
from collections.abc import Iterator

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facedistill.data.pickled import machine
from facedistill.data.pickled.arrays import Array
from facedistill.data.pickled.cursor import Refused
from facedistill.data.pickled.machine import read_pickle
from facedistill.data.pickled.opcodes import NAMES
from facedistill.data.pickled.write import write_pickle

PROTOCOLS = range(6)


def plain(value: object) -> object:
    """As Python's own reader would give it."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, Array):
        return value.pixels
    return type(value)(map(plain, value)) if isinstance(value, list | tuple) else value


def alike(ours: object, theirs: object) -> bool:
    if type(ours) is not type(theirs):
        return False
    if isinstance(theirs, np.ndarray):
        return ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    if isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    return ours == theirs


texts = st.binary(min_size=1, max_size=300)
images = texts | texts.map(lambda data: np.frombuffer(data, np.uint8).copy())
answers = st.booleans() | st.integers(-(2**63), 2**63 - 1)


@given(st.lists(images, max_size=6), st.lists(answers), st.sampled_from(PROTOCOLS))
@settings(max_examples=200, deadline=None)
def test_what_python_writes_is_read_as_python_reads_it(bins, issame, protocol):
    value = (bins + bins[:1], issame)
    assert alike(plain(read_pickle(pickle.dumps(value, protocol))), value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_long_bytes_frames_and_arrays_of_any_shape(protocol):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    value = ([bytes(100_000), b"x" * 70_000, array, np.asfortranarray(array), array[:, :1]], [None, ()])
    assert alike(plain(read_pickle(pickle.dumps(value, protocol))), value)


def test_a_memo_gives_the_same_object_again():
    image = np.frombuffer(b"image", np.uint8)
    for protocol in PROTOCOLS:
        first, second = read_pickle(pickle.dumps([image, image], protocol))
        assert first is second


# Written by Python 2.7, whose strings are bytes.
PYTHON2 = {
    "protocol 0": b"((lp0\nS'\\xff\\xd8\\'\"\\\\\\n\\r\\tjp\\x00'\np1\naS'\\xff\\xd8second'\np2\na(lp3\nI01\natp4\n.",
    "protocol 1": b"(]q\x00(U\x0b\xff\xd8'\"\\\n\r\tjp\x00q\x01U\x08\xff\xd8secondq\x02e]q\x03I01\natq\x04.",
    "protocol 2": b"\x80\x02]q\x00(U\x0b\xff\xd8'\"\\\n\r\tjp\x00q\x01U\x08\xff\xd8secondq\x02e]q\x03\x88a\x86q\x04.",
    "long": b"\x80\x02]q\x00(T\x0b\x00\x00\x00\xff\xd8'\"\\\n\r\tjp\x00U\x08\xff\xd8seconde]\x88a\x86.",
}

PYTHON2_ARRAY = (
    b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03(K\x01K\x05\x85"
    b"cnumpy\ndtype\nq\x04U\x02u1K\x00K\x01\x87Rq\x05(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    b"U\x05imagetb."
)


@pytest.mark.parametrize("data", PYTHON2.values(), ids=PYTHON2)
def test_the_strings_of_python_2_are_bytes(data):
    expected = ([b"\xff\xd8'\"\\\n\r\tjp\x00", b"\xff\xd8second"], [True])
    assert pickle.loads(data, encoding="bytes") == expected  # noqa: S301
    assert plain(read_pickle(data)) == expected


def test_arrays_written_under_python_2():
    assert bytes(read_pickle(PYTHON2_ARRAY).pixels) == b"image"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=9), st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_by_python_and_by_us(files, data):
    numbers = data.draw(st.lists(st.integers(0, len(files) - 1)))
    issame = data.draw(st.lists(st.booleans()))
    file = io.BytesIO()
    write_pickle(file.write, numbers, files.__getitem__, issame)
    expected = ([files[number] for number in numbers], issame)
    assert pickle.loads(file.getvalue()) == expected  # noqa: S301
    assert pickle.loads(file.getvalue(), encoding="bytes") == expected  # noqa: S301
    assert plain(read_pickle(file.getvalue())) == expected


def test_an_image_that_comes_twice_is_written_once():
    file, asked = io.BytesIO(), []
    write_pickle(file.write, [0, 1, 0, 0], lambda number: asked.append(number) or bytes([number]) * 999, [True, False])
    assert asked == [0, 1]
    assert len(file.getvalue()) < 2100


DAMAGED = {
    "it ends at byte 0": b"",
    "it ends at byte 2": b"\x80\x04",
    "PROTO at byte 0 announces protocol 9": b"\x80\x09N.",
    "BINBYTES at byte 2 announces 4294967295 bytes where 4 are left": b"\x80\x03B\xff\xff\xff\xffabc.",
    "BINBYTES8 at byte 0 announces 18446744073709551615 bytes": b"\x8e" + b"\xff" * 8 + b"abc.",
    "BYTEARRAY8 at byte 0 announces": b"\x96" + b"\x00" * 7 + b"\x40.",
    "BINUNICODE8 at byte 0 announces": b"\x8d" + b"\xff" * 8 + b".",
    "FRAME at byte 2 announces 9999 bytes": b"\x80\x04\x95" + (9999).to_bytes(8, "little") + b"N.",
    "BININT at byte 0 announces 4 bytes where 2": b"J\x01\x02",
    "INT at byte 0 has no end of line": b"I01",
    "INT at byte 0 is not a number": b"I" + b"9" * 21 + b"\n.",
    "LONG at byte 0 is not a number": b"Lseven\n.",
    "BINUNICODE at byte 0 is not utf-8": b"X\x02\x00\x00\x00\xff\xfe.",
    "UNICODE at byte 0 is not raw-unicode": b"V\\u12\n.",
    "STRING at byte 0 has no quotes": b"Simage\n.",
    "STRING at byte 0 has an escape": b"S'\\q'\n.",
    "STRING at byte 1 has an escape": b"NS'\\\\\\x4'\n.",
    "APPEND at byte 1 finds nothing": b"Na.",
    "APPEND at byte 2 finds no list": b"NNa.",
    "APPENDS at byte 1 finds no mark": b"]e.",
    "TUPLE3 at byte 2 finds nothing": b"NN\x87.",
    "BINGET at byte 0 asks for the memo's entry 7": b"h\x07.",
    "MEMOIZE at byte 0 finds nothing": b"\x94.",
    "STOP at byte 2 leaves": b"NN.",
    "STOP at byte 1 leaves": b"(.",
    "0xff at byte 1 is not needed": b"N\xff.",
    "BINFLOAT at byte 0 is not needed": b"G" + bytes(8) + b".",
    "EMPTY_DICT at byte 0 is not needed": b"}.",
    "LONG4 at byte 0 is not needed": b"\x8b\xff\xff\xff\x7f.",
    "STACK_GLOBAL at byte 2 names something": b"NN\x93.",
    "REDUCE at byte 2 calls": b"N)R.",
    "BUILD at byte 2 sets": b"NNb.",
}


@pytest.mark.parametrize(("reason", "data"), DAMAGED.items(), ids=DAMAGED)
def test_damage_is_named_with_its_opcode_and_place(reason, data):
    with pytest.raises(Refused, match=f"^{re.escape(reason)}"):
        read_pickle(data)


NOT_NEEDED = (
    "POP POP_MARK DUP FLOAT BINFLOAT LONG4 PERSID BINPERSID DICT EMPTY_DICT SETITEM SETITEMS EMPTY_SET ADDITEMS "
    "FROZENSET INST OBJ NEWOBJ NEWOBJ_EX EXT1 EXT2 EXT4 NEXT_BUFFER READONLY_BUFFER"
)


def test_every_other_opcode_is_refused():
    assert {name for code, name in NAMES.items() if code not in machine.STEPS} == {*NOT_NEEDED.split(), "STOP"}
    for code in set(range(256)) - set(machine.STEPS) - {ord(".")}:
        with pytest.raises(Refused, match=r"at byte 1 is not needed"):
            read_pickle(b"N" + bytes([code]) + b"0\n" * 9)


@pytest.mark.parametrize("token", [name + b"\n" for name in (b"numpy\nndarray", b"numpy\ndtype", b"_codecs\nencode")])
@pytest.mark.parametrize("use", [b")\x81", b")}\x92", b"(o", b")R", b"Nb", b"Na", b"(Ne", b"NNs"])
def test_names_that_are_known_cannot_be_used_otherwise(token, use):
    with pytest.raises(Refused):
        read_pickle(b"c" + token + use + b".")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"K\x05\x85c", b"K\x04\x85c"),  # fewer pixels than bytes
        (b"K\x05\x85c", b"K\x06\x85c"),
        (b"K\x05\x85c", b"J\xff\xff\xff\xff\x85c"),
        (b"K\x05\x85c", b"\x88\x85c"),
        (b"K\x05\x85c", b")c"),
        (b"U\x02u1", b"U\x02O8"),
        (b"U\x02u1", b"U\x02b1"),
        (b"(K\x03U\x01|", b"(K\x04U\x01|"),
        (b"K\x00\x85U\x01b", b"K\x01\x85U\x01b"),
        (b"U\x05imagetb.", b"Ntb."),
        (b"U\x05imagetb.", b"U\x05imagetbNb."),
    ],
)
def test_only_the_exact_shape_of_an_array_of_uint8_is_one(good, bad):
    assert good in PYTHON2_ARRAY
    with pytest.raises(Refused, match=r"REDUCE|BUILD"):
        read_pickle(PYTHON2_ARRAY.replace(good, bad))


def test_no_file_builds_more_than_a_multiple_of_itself(monkeypatch):
    text = b"X" + (1000).to_bytes(4, "little") + b"x" * 1000
    encode = b"c_codecs\nencode\nq\x00" + text + b"q\x01X\x06\x00\x00\x00latin1\x86q\x02R0"[:-1]
    again = b"h\x00h\x02R"
    read_pickle(b"(" + encode + b"t.")
    with pytest.raises(Refused, match="more bytes than the file"):
        read_pickle(b"(" + encode + again * 100 + b"t.")
    monkeypatch.setattr(machine, "MAX_OPCODES", 1000)
    read_pickle(b"(" + b"N" * 997 + b"t.")
    with pytest.raises(Refused, match="more than 1,000 opcodes"):
        read_pickle(b"(" + b"N" * 998 + b"t.")


def test_a_list_within_itself_and_a_deep_one_do_no_harm():
    cyclic = read_pickle(b"]q\x00h\x00a.")
    assert cyclic[0] is cyclic
    depth = 20_000
    value = read_pickle(b"]" * depth + b"a" * (depth - 1) + b".")
    assert isinstance(value, list)


SEEDS = [
    pickle.dumps(([b"\xff\xd8" + bytes(range(30)), np.arange(40, dtype=np.uint8)], [True]), protocol)
    for protocol in PROTOCOLS
] + [*PYTHON2.values(), PYTHON2_ARRAY]


def mutated(chance: random.Random) -> bytes:
    """A seed with some bytes changed, cut, doubled, or with a piece of another seed in it."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del data[at : at + chance.randint(1, 20)]
        elif kind == 2:
            data[at:at] = data[at : at + chance.randint(1, 20)]
        elif kind == 3:
            other = chance.choice(SEEDS)
            start = chance.randrange(len(other))
            data[at:at] = other[start : start + chance.randint(1, 30)]
        else:
            data[at : at + 8] = chance.choice([b"\xff" * 8, b"\x00" * 8, b"\xff\xff\xff\x7f", b"(", b"R", b"b", b"."])
    return bytes(data)


def size_of(value: object, seen: set[int]) -> int:
    """Bytes and items that a value holds, each object once."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, list | tuple):
        return len(value) + sum(size_of(each, seen) for each in value)
    if isinstance(value, Array):
        return 0 if value.pixels is None else value.pixels.nbytes
    return len(value) if isinstance(value, memoryview) else 1


def outcome(data: bytes) -> object:
    try:
        return read_pickle(data)
    except Refused as refused:
        return str(refused)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Without the checks of types and shapes, which take most of the time of a short function."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("unchecked")
def test_forty_thousand_mutations_end_in_a_value_or_in_a_sentence():
    chance, read = random.Random(0), 0
    for _ in range(40_000):
        data = mutated(chance)
        value = outcome(data)
        if isinstance(value, str):
            assert " at byte " in value
            assert len(value) < 200
        else:
            read += 1
            assert size_of(value, set()) <= 12 * len(data)
    assert 1000 < read < 39_000
