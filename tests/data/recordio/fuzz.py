"""Damages RecordIO files in memory and opens them: ``python fuzz.py COUNT SEED`` prints how they ended, as JSON.

A process of its own, whose memory is limited: what asks for more than the files warrant, reads beyond them or raises
anything unforeseen ends it.
"""

import json
import random
import resource
import struct
import sys
from collections import Counter
from pathlib import Path

import cv2
import foreign
import numpy as np

from facedistill.data.codec import decode
from facedistill.data.contract import UnreadableImage
from facedistill.data.recordio.contents import Contents, read_contents
from facedistill.data.recordio.index import parse_index
from facedistill.data.recordio.item import image_bytes

SPARE_BYTES = 256 << 20
"""Beyond what the process has when it begins; the files have some 600 bytes."""
MAGIC = struct.pack("<I", foreign.MAGIC)
WORDS = [0, 1, 2, 7, 24, 32, 255, 2**16, 2**29 - 1, 2**29, 3 << 29 | 4, 2**31, 2**32 - 1, 0x7FC00000, foreign.MAGIC]
"""Lengths, kinds, flags and numbers that are at an edge of something; 0x7fc00000 is not a number."""


def sets(folder: Path) -> list[tuple[bytes, bytes]]:
    """(.rec, .idx) of insightface's layout and of im2rec's, each with a record of several parts."""
    images = [cv2.imencode(".png", np.full((4, 4, 3), level, np.uint8))[1].tobytes() for level in (10, 99, 200)]
    with_header = {
        0: foreign.item([4.0, 6.0], 0, b""),
        1: foreign.item([3.0, 1.0], 1, images[0]),
        2: foreign.item(3.0, foreign.MAGIC, images[1]),
        3: foreign.item(5.0, 3, images[2] + MAGIC * 2),
        4: foreign.item([1.0, 3.0], 4, b""),
        5: foreign.item([3.0, 4.0], 5, b""),
    }
    plain = {
        7: foreign.item(0.0, 7, images[1]),
        0: foreign.item([1.0, 2.0, 3.0], 0, images[0]),
        9: foreign.item(1.0, 9, MAGIC * 3 + b"x"),
    }
    paths = [foreign.write(folder / name / "a.rec", records) for name, records in (("a", with_header), ("b", plain))]
    return [(path.read_bytes(), path.with_suffix(".idx").read_bytes()) for path in paths]


def damaged(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(7)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[at : at + 1] = chance.randbytes(1)
        elif kind == 2:
            del changed[at:]
        elif kind == 3:
            del changed[at : at + chance.choice((1, 4, 8, 40))]
        elif kind == 4:
            changed[at:at] = data[at : at + chance.choice((1, 4, 8, 40))]
        elif kind == 5:
            changed[at & ~3 : (at & ~3) + 4] = struct.pack("<I", chance.choice(WORDS))
        else:
            changed[at : at + 1] = chance.choice((b"\t", b"\n", b"0", b"9", b"99999999999999999999"))
    return bytes(changed)


def ending(data: bytes, index: bytes | None) -> str:
    """What opening and reading everything comes to."""
    view = memoryview(data)
    try:
        contents = read_contents(view, None if index is None else parse_index(index), labelled=True)
    except ValueError:
        return "refused"
    assert len(contents.labels) == len(contents.table.begins) == len(contents.keys)
    assert 0 <= contents.labels.min() <= contents.labels.max() < len(contents.own_labels)
    return "read" if all([readable(view, contents, place) for place in range(len(contents.labels))]) else "unreadable"


def readable(view: memoryview, contents: Contents, place: int) -> bool:
    payload = contents.table.payload(view, place)
    assert len(payload) == contents.table.lengths[place] <= len(view)
    try:
        decode(image_bytes(payload))
    except UnreadableImage:
        return False
    return True


def main(count: int, seed: int, folder: Path) -> None:
    chance = random.Random(seed)
    files = sets(folder)
    endings = Counter(ending(*files[0]) for _ in range(10))
    assert endings == {"read": 10}, "the undamaged set is read, which also loads what the limit must not forbid"
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    endings.clear()
    for number in range(count):
        data, index = files[chance.randrange(2)]
        which = number % 4  # the records, with their index and without; the index; both
        seen = damaged(data, chance) if which != 2 else data
        listed = None if which == 1 else damaged(index, chance) if which >= 2 else index
        endings[ending(seen, listed)] += 1
    print(json.dumps(endings))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
