"""What is written can be read by a program that knows the format's description alone."""

from pathlib import Path

import cv2
import foreign
import numpy as np
import pytest

from facedistill.data.folder import FolderFaces
from facedistill.data.mixed import Mixed
from facedistill.data.recordio.writer import write_records
from facedistill.data.subset import Subset
from facedistill.data.synthetic import DrawnFaces
from facedistill.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """People b (3 images), a (2) and c (1): JPEG, PNG and BMP."""
    chance = np.random.default_rng(0)
    for path in ("b/1.jpg", "b/2.png", "b/3.jpg", "a/1.jpg", "a/2.bmp", "c/1.png"):
        (tmp_path / "faces" / path).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(tmp_path / "faces" / path), chance.integers(0, 256, (10, 12, 3), dtype=np.uint8))
    return tmp_path / "faces"


def as_insightface_reads(path: Path) -> tuple[list[tuple[float, bytes]], list[tuple[int, int]]]:
    """(label, image) of keys 1 to the end that record 0 gives, and the ranges behind them."""
    records = {key: foreign.unpack(payload) for key, payload in foreign.read(path).items()}
    (images_end, identities_end), _, rest = records[0]
    assert rest == b""
    images = [(records[key][0][0], records[key][2]) for key in range(1, int(images_end))]
    ranges = [records[key][0] for key in range(int(images_end), int(identities_end))]
    assert set(records) == set(range(int(identities_end)))
    assert all(records[key][1] == key for key in records)
    return images, [(int(first), int(end)) for first, end in ranges]


def test_a_folder_arrives_byte_for_byte(root: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_records(FolderFaces(root), tmp_path / "set", report=lambda done, of: told.append((done, of)))
    images, ranges = as_insightface_reads(tmp_path / "set" / "train.rec")
    assert [label for label, _ in images] == [0, 0, 1, 1, 1, 2]
    assert ranges == [(1, 3), (3, 6), (6, 7)]
    files = [root / name for name in ("a/1.jpg", "a/2.bmp", "b/1.jpg", "b/2.png", "b/3.jpg", "c/1.png")]
    for (_, data), file in zip(images, files, strict=True):
        if file.suffix == ".bmp":
            assert data.startswith(b"\x89PNG")
            assert np.array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), 1), cv2.imread(str(file)))
        else:
            assert data == file.read_bytes()
    assert (tmp_path / "set" / "property").read_text() == "3,10,12\n"
    assert told == [(done, 6) for done in range(1, 7)]
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["property", "train.idx", "train.rec"]


def test_faces_that_are_no_files_go_in_without_loss_and_side_by_side(tmp_path: Path) -> None:
    drawn = DrawnFaces(identities=2, images_per_identity=2, size_px=32)
    write_records(Subset(drawn, np.array([2, 0, 3, 1])), tmp_path / "set")
    images, ranges = as_insightface_reads(tmp_path / "set" / "train.rec")
    assert ranges == [(1, 3), (3, 5)]
    for (label, data), (number, identity) in zip(images, [(0, 0), (1, 0), (2, 1), (3, 1)], strict=True):
        pixels = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), 1), cv2.COLOR_BGR2RGB)
        assert np.array_equal(pixels, drawn.image(number))
        assert label == identity


def test_what_stands_in_the_way_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match="taken exists and is never overwritten"):
        write_records(FolderFaces(root), tmp_path / "taken")
    with pytest.raises(UserError, match="needs an identity for every image"):
        write_records(Mixed(FolderFaces(root), [FolderFaces(root, labelled=False)]), tmp_path / "set")
    (root / "c" / "1.png").write_bytes((root / "c" / "1.png").read_bytes()[:-9])
    with pytest.raises(UserError, match=r"c/1\.png cannot be read \(it is truncated\)"):
        write_records(FolderFaces(root), tmp_path / "set")
    (root / "c" / "1.png").unlink()
    (root / "c" / "1.bmp").write_bytes(b"BM")
    with pytest.raises(UserError, match=r"c/1\.bmp cannot be read"):
        write_records(FolderFaces(root), tmp_path / "set")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "taken"]
