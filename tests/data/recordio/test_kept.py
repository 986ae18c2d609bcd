"""A large set opens a second time without being read again, and not where anything has changed."""

import os
import struct
from pathlib import Path

import cv2
import foreign
import numpy as np
import pytest

from facedistill.data.recordio import faces as reading
from facedistill.data.recordio import kept
from facedistill.data.recordio.faces import RecordFaces
from facedistill.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sets of four images count as large, and are kept in a folder of the test."""
    monkeypatch.setattr(kept, "KEPT_FROM", 4)
    monkeypatch.setenv("FACEDISTILL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "records"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Four images, one of them in several parts, before which others lie."""
    return foreign.write(tmp_path / "train.rec", contents(), index=True)


def contents(count: int = 4, level: int = 10) -> dict[int, bytes]:
    images = [cv2.imencode(".png", np.full((8, 8, 3), level * key, np.uint8))[1].tobytes() for key in range(count)]
    images[1] += b"\0" * (-len(images[1]) % 4) + 2 * struct.pack("<I", foreign.MAGIC)
    return {key: foreign.item(float(key % 2), key, image) for key, image in enumerate(images)}


def everything(faces: RecordFaces) -> list[object]:
    rows = [(faces.name(index), faces.encoded(index), int(faces.labels[index])) for index in range(len(faces))]
    return [rows, faces.identities]


@pytest.mark.parametrize("labelled", [True, False])
def test_a_second_opening_reads_nothing_again(records: Path, labelled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    first = everything(RecordFaces(records, labelled=labelled))
    monkeypatch.setattr(reading, "read_contents", None)  # calling it would be an error
    again = RecordFaces(records, labelled=labelled)
    assert everything(again) == first
    again.labels[0] = 5  # an array like any other, and nobody else's
    assert everything(RecordFaces(records, labelled=labelled)) == first


def test_a_file_or_an_index_that_changed_is_read_again(records: Path) -> None:
    RecordFaces(records)
    later = os.stat(records).st_mtime_ns + 1
    foreign.write(records, contents(level=20), index=True)  # as long as before
    os.utime(records, ns=(later, later))
    assert int(RecordFaces(records).image(2)[0, 0, 0]) == 40
    records.with_suffix(".idx").write_text("0\t1\n")
    with pytest.raises(UserError, match="no record begins at byte 1"):
        RecordFaces(records)


def test_small_sets_leave_nothing(tmp_path: Path, cache: Path) -> None:
    RecordFaces(foreign.write(tmp_path / "small.rec", contents(3), index=True))
    assert not cache.exists()


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", np.arange(3).tobytes()])
def test_damaged_or_unwritable_caches_cost_time_only(records: Path, cache: Path, damage: bytes) -> None:
    first = everything(RecordFaces(records))
    (file,) = cache.iterdir()
    file.write_bytes(damage)
    assert everything(RecordFaces(records)) == first
    np.save(file, np.zeros(9, np.int64))
    assert everything(RecordFaces(records)) == first
    file.unlink()
    cache.rmdir()
    cache.write_text("no folder")
    assert everything(RecordFaces(records)) == first
