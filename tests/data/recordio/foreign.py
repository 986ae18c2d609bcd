"""RecordIO by plain ``struct``, written from the format's description and sharing nothing with the package."""

import struct
from collections.abc import Sequence
from pathlib import Path

MAGIC = 0xCED7230A


def frame(payload: bytes) -> bytes:
    """One record, cut at every aligned magic as MXNet's writer cuts it."""
    cuts = [at for at in range(0, len(payload) - 3, 4) if payload[at : at + 4] == struct.pack("<I", MAGIC)]
    parts, begin = [], 0
    for at in cuts:
        parts.append(payload[begin:at])
        begin = at + 4
    parts.append(payload[begin:])
    framed = b""
    for number, part in enumerate(parts):
        kind = 0 if len(parts) == 1 else 1 if number == 0 else 3 if number == len(parts) - 1 else 2
        framed += struct.pack("<II", MAGIC, kind << 29 | len(part)) + part
        framed += b"\0" * ((4 - len(part) % 4) % 4)
    return framed


def item(label: float | Sequence[float], key: int, image: bytes) -> bytes:
    """Header and image; several labels follow the header."""
    if isinstance(label, int | float):
        return struct.pack("<IfQQ", 0, label, key, 0) + image
    return struct.pack("<IfQQ", len(label), 0.0, key, 0) + struct.pack(f"<{len(label)}f", *label) + image


def write(path: Path, payloads: dict[int, bytes], *, index: bool = True) -> Path:
    """Payloads by key, in this order, with the ``.idx`` beside."""
    data, lines = b"", ""
    for key, payload in payloads.items():
        lines += f"{key}\t{len(data)}\n"
        data += frame(payload)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if index:
        path.with_suffix(".idx").write_text(lines)
    return path


def read(path: Path) -> dict[int, bytes]:
    """Payloads by key, through the ``.idx``."""
    data = path.read_bytes()
    found = {}
    for line in path.with_suffix(".idx").read_text().splitlines():
        key, at = (int(word) for word in line.split("\t"))
        pieces, kind = [], -1
        while kind not in (0, 3):
            magic, word = struct.unpack_from("<II", data, at)
            assert magic == MAGIC
            kind, length = word >> 29, word & (2**29 - 1)
            pieces.append(data[at + 8 : at + 8 + length])
            at += 8 + (length + 3) // 4 * 4
        found[key] = struct.pack("<I", MAGIC).join(pieces)
    return found


def unpack(payload: bytes) -> tuple[list[float], int, bytes]:
    """Labels, id and image."""
    flag, label, key, _ = struct.unpack_from("<IfQQ", payload)
    if flag == 0:
        return [label], key, payload[24:]
    return list(struct.unpack_from(f"<{flag}f", payload, 24)), key, payload[24 + 4 * flag :]
