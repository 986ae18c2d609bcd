"""Both layouts read as another program wrote them; every lie of a file is one sentence before any use."""

import multiprocessing
import pickle
import re
import struct
from pathlib import Path

import cv2
import foreign
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facedistill.data.contract import UnreadableImage
from facedistill.data.folder import FolderFaces
from facedistill.data.loader import in_order
from facedistill.data.open import has_identities, open_faces
from facedistill.data.recordio import index as index_file
from facedistill.data.recordio.faces import RecordFaces
from facedistill.data.recordio.frame import LENGTH_MASK, pack
from facedistill.data.recordio.layout import EXACT, image_places, read_heads
from facedistill.data.recordio.table import measure
from facedistill.data.recordio.writer import write_records
from facedistill.errors import UserError

MAGIC = struct.pack("<I", foreign.MAGIC)


def png(level: int) -> bytes:
    return cv2.imencode(".png", np.full((8, 8, 3), level, np.uint8))[1].tobytes()


def levels(faces: RecordFaces) -> list[int]:
    return [int(faces.image(index)[0, 0, 0]) for index in range(len(faces))]


def insightface_set(**changes: bytes) -> dict[int, bytes]:
    """Identities 7 (images 1 and 2) and 9 (image 3), as insightface writes them; ``changes`` by ``k<key>``."""
    records = {
        1: foreign.item([7.0, 1.0], 1, png(10)),
        2: foreign.item(7.0, 2, png(20)),
        3: foreign.item([9.0, 1.0], 3, png(30)),
        0: foreign.item([4.0, 6.0], 0, b""),
        4: foreign.item([1.0, 3.0], 4, b""),
        5: foreign.item([3.0, 4.0], 5, b""),
    }
    return records | {int(name[1:]): payload for name, payload in changes.items()}


@pytest.mark.parametrize("index", [True, False])
def test_insightface_layout(tmp_path: Path, index: bool) -> None:
    faces = RecordFaces(foreign.write(tmp_path / "train.rec", insightface_set(), index=index))
    assert levels(faces) == [10, 20, 30]
    assert faces.labels.tolist() == [0, 0, 1]
    assert faces.identities == ("7", "9")
    assert [faces.name(number) for number in range(3)] == ["1", "2", "3"]
    assert faces.encoded(1) == png(20)


@pytest.mark.parametrize("index", [True, False])
def test_files_without_a_header_are_all_images(tmp_path: Path, index: bool) -> None:
    records = {key: foreign.item(float(key % 3), key, png(key)) for key in (5, 0, 17, 2)}
    faces = RecordFaces(foreign.write(tmp_path / "train.rec", records, index=index))
    assert levels(faces) == [5, 0, 17, 2]
    assert faces.labels.tolist() == [1, 0, 1, 1]
    assert faces.identities == ("0", "2")


def test_an_index_is_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{key}\t{4 * key}\n" for key in range(40)]
    monkeypatch.setattr(index_file, "PIECE_BYTES", 13)
    keys, offsets = index_file.parse_index("".join(lines).encode())
    assert keys.tolist() == list(range(40))
    assert offsets.tolist() == list(range(0, 160, 4))
    with pytest.raises(ValueError, match="something else than lines"):
        index_file.parse_index("".join([*lines[:30], "5 5\n", *lines[31:]]).encode())


def test_an_index_in_another_order_than_the_records(tmp_path: Path) -> None:
    path = foreign.write(tmp_path / "train.rec", {key: foreign.item(0.0, key, png(key)) for key in range(6)})
    lines = path.with_suffix(".idx").read_text().splitlines()
    path.with_suffix(".idx").write_bytes("\r\n".join(lines[place] for place in (3, 1, 5, 0)).encode())
    assert levels(RecordFaces(path)) == [3, 1, 5, 0]


def test_records_without_an_index_and_without_numbers_are_numbered(tmp_path: Path) -> None:
    records = {key: foreign.item(0.0, 0, png(key)) for key in range(4)}
    faces = RecordFaces(foreign.write(tmp_path / "train.rec", records, index=False))
    assert [faces.name(number) for number in range(4)] == ["0", "1", "2", "3"]


def test_two_labels_with_an_image_are_no_header(tmp_path: Path) -> None:
    records = {key: foreign.item([3.0, 8.0], key, png(key)) for key in range(2)}
    assert levels(RecordFaces(foreign.write(tmp_path / "a.rec", records))) == [0, 1]


def test_unlabelled_labels_are_not_looked_at(tmp_path: Path) -> None:
    path = foreign.write(tmp_path / "train.rec", {0: foreign.item(float("nan"), 0, png(4))})
    faces = RecordFaces(path, labelled=False)
    assert (faces.labels.tolist(), faces.identities, levels(faces)) == ([-1], (), [4])


PAYLOADS = st.lists(
    st.lists(st.one_of(st.binary(max_size=9), st.just(MAGIC), st.just(bytes(4)))).map(b"".join), min_size=1, max_size=6
)


@given(PAYLOADS)
@settings(max_examples=100, deadline=None)
def test_any_payload_comes_back(payloads: list[bytes]) -> None:
    data, offsets = b"", []
    for payload in payloads:
        assert pack(payload) == foreign.frame(payload)
        offsets.append(len(data))
        data += pack(payload)
    view = memoryview(data)
    table = measure(view, np.array(offsets))
    assert [bytes(table.payload(view, place)) for place in range(len(payloads))] == payloads
    for number in (0, 1, 5):
        words = [(payload + bytes(4 * number + 4))[4 * number : 4 * number + 4] for payload in payloads]
        whole = [
            word if len(payload) >= 4 * number + 4 else bytes(4) for word, payload in zip(words, payloads, strict=True)
        ]
        assert table.column(view, number).tobytes() == b"".join(whole)


@given(st.lists(st.tuples(st.integers(0, EXACT - 1), st.integers(0, 3), st.booleans()), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_any_label_comes_back(tmp_path_factory: pytest.TempPathFactory, images: list[tuple[int, int, bool]]) -> None:
    folder = tmp_path_factory.mktemp("labels")
    records = {
        key: foreign.item([float(label), *[0.5] * extra] if extra else float(label), key, b"x" + MAGIC * 3 * cut)
        for key, (label, extra, cut) in enumerate(images)
    }
    faces = RecordFaces(foreign.write(folder / "a.rec", records))
    assert [int(faces.identities[label]) for label in faces.labels] == [label for label, _, _ in images]
    assert set(faces.labels.tolist()) == set(range(len(faces.identities)))
    assert [faces.encoded(number) for number in range(len(faces))] == [b"x" + MAGIC * 3 * cut for *_, cut in images]


def test_a_label_that_looks_like_the_magic_is_joined(tmp_path: Path) -> None:
    key = foreign.MAGIC << 32 | 5  # the magic lies inside the header
    path = foreign.write(tmp_path / "a.rec", {5: foreign.item(3.0, key, png(9)), 6: foreign.item(4.0, 6, png(8))})
    assert path.read_bytes()[7] >> 5 == 1
    faces = RecordFaces(path)
    assert (levels(faces), faces.identities) == ([9, 8], ("3", "4"))


def test_what_the_writer_wrote_is_what_the_folder_holds(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    for name in ("ann/1.jpg", "ann/2.png", "bob/1.jpg"):
        (tmp_path / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "faces" / name), chance.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    folder = FolderFaces(tmp_path / "faces")
    write_records(folder, tmp_path / "set")
    faces = open_faces(tmp_path / "set")
    assert isinstance(faces, RecordFaces)
    assert np.array_equal(faces.labels, folder.labels)
    for index in range(len(folder)):
        assert faces.encoded(index) == folder.encoded(index)
        assert np.array_equal(faces.image(index), folder.image(index))
    assert [has_identities(path) for path in (tmp_path / "set", tmp_path / "faces", tmp_path / "faces" / "ann")] == [
        True, True, False,
    ]  # fmt: skip


def test_processes_open_the_file_again(tmp_path: Path) -> None:
    path = foreign.write(tmp_path / "train.rec", insightface_set())
    faces = RecordFaces(path)
    copy = pickle.loads(pickle.dumps(faces))  # noqa: S301 - our own bytes
    assert levels(copy) == [10, 20, 30]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(faces.encoded, range(3)) == [png(10), png(20), png(30)]
    sent = pickle.dumps(faces)
    path.write_bytes(path.read_bytes() + bytes(8))
    with pytest.raises(UserError, match=r"train\.rec had \d+ bytes and has \d+ now"):
        pickle.loads(sent)  # noqa: S301 - our own bytes


@pytest.mark.parametrize("workers", [0, 1])
def test_workers_share_the_file(tmp_path: Path, workers: int) -> None:
    records = {key: foreign.item(float(key // 2), key, png(10 * key)) for key in range(7)}
    faces = RecordFaces(foreign.write(tmp_path / "train.rec", records))
    seen = [int(image[0, 0, 0]) for images, _ in in_order(faces, batch=3, workers=workers) for image in images]
    assert seen == [10 * key for key in range(7)]


@pytest.mark.parametrize(
    ("image", "reason"),
    [(b"", "it is empty"), (b"letter", "it is not a JPEG"), (png(3)[:-7], "it is truncated")],
)
def test_a_bad_image_is_named_when_it_is_asked_for(tmp_path: Path, image: bytes, reason: str) -> None:
    path = foreign.write(tmp_path / "train.rec", insightface_set(k2=foreign.item(7.0, 2, image)))
    faces = RecordFaces(path)
    with pytest.raises(UnreadableImage, match=rf"train\.rec, record 2: {reason}"):
        faces.image(1)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        RecordFaces(path)
    text = str(caught.value)
    assert text.count("\n") == 0
    assert text.endswith(".")
    return text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"k2": foreign.item(-1.0, 2, png(1))}, r"record 2 has the label -1\.0, not a whole number"),
        ({"k2": foreign.item(1.5, 2, png(1))}, r"record 2 has the label 1\.5, not a whole number"),
        ({"k3": foreign.item([float("nan"), 1], 3, png(1))}, r"record 3 has the label nan, not a whole number"),
        ({"k1": foreign.item(float("inf"), 1, png(1))}, r"record 1 has the label inf, not"),
        ({"k1": foreign.item(float(EXACT), 1, png(1))}, r"record 1 has the label 16777216\.0, not"),
        ({"k2": b"abc"}, r"record 2 has 3 bytes, too few for its header and 0 labels"),
        ({"k2": struct.pack("<IfQQ", 2**32 - 1, 0, 2, 0)}, r"record 2 has 24 bytes, too few .* 4294967295 labels"),
        ({"k0": foreign.item([5.0, 6.0], 0, b"")}, r"announces images 1 to 5 and .* there are 3 images"),
        ({"k0": foreign.item([4.0, 7.0], 0, b"")}, r"identities up to 7, .* there are 3 images and 2 identities"),
        ({"k0": foreign.item([float("nan"), 6.0], 0, b"")}, r"announces images 1 to nan"),
        ({"k0": foreign.item([1e30, -6.0], 0, b"")}, r"announces images 1 to \d+ and"),
        ({"k4": foreign.item([1.0, 9.0], 4, b"")}, r"identity record 4 announces images 1\.0 to 9\.0"),
        ({"k5": foreign.item([3.0, float("nan")], 5, b"")}, r"identity record 5 announces images 3\.0 to nan"),
        ({"k5": foreign.item([3.0, 2.0], 5, b"")}, r"identity record 5 announces images 3\.0 to 2\.0"),
        ({"k7": foreign.item([3.0, 4.0], 7, b"")}, r"header announces .* keys 0 to 7"),
    ],
)
def test_records_that_lie_are_refused(tmp_path: Path, changes: dict[str, bytes], reason: str) -> None:
    assert re.search(reason, refusal(foreign.write(tmp_path / "train.rec", insightface_set(**changes))))


def test_a_header_alone_holds_no_image(tmp_path: Path) -> None:
    path = foreign.write(tmp_path / "train.rec", {0: foreign.item([1.0, 1.0], 0, b"")})
    assert "it holds no image" in refusal(path)


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = foreign.write(tmp_path / "train.rec", insightface_set())
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        assert "train.rec" in refusal(path)


def test_without_an_index_a_truncated_file_is_refused_unless_it_ends_between_images(tmp_path: Path) -> None:
    square = {f"k{key}": foreign.item(7.0, key, bytes(20)) for key in (1, 2, 3)}  # nothing to pad
    path = foreign.write(tmp_path / "train.rec", insightface_set(**square))
    whole_images = [int(line.split("\t")[1]) for line in path.with_suffix(".idx").read_text().splitlines()][1:4]
    path.with_suffix(".idx").unlink()
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        if size in whole_images:
            assert len(RecordFaces(path)) == 1 + whole_images.index(size)
        else:
            assert "train.rec" in refusal(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "lists no record"),
        ("\n\n", "something else than lines"),
        ("0\t0\n1\t999999999\n", "points to byte 999999999, and the file has"),
        ("0\t99999999999999999999999999\n", "points to byte 9223372036854775807"),
        ("0\t0\n1\t2\n", "no record begins at byte 2"),
        ("0\t0\n1\t8\n", "no record begins at byte 8"),
        ("0\t0\n1\t0\n", "announces \\d+ bytes, and 0 are left before the next record"),
        ("0\t0\n0\t4\n", "lists a key twice"),
        ("0\t-4\n", "something else than lines"),
        ("0\t1.5\n", "something else than lines"),
        ("0 0\n", "something else than lines"),
        ("0\t0\n1\n", "something else than lines"),
        ("0\t0\t1\n4\n", "something else than lines"),
        ("0\t0\n5\t\n", "something else than lines"),
        ("\t", "something else than lines"),
        ("7", "something else than lines"),
    ],
)
def test_an_index_of_something_else_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = foreign.write(tmp_path / "train.rec", {key: foreign.item(0.0, key, png(5)) for key in range(3)})
    path.with_suffix(".idx").write_text(text)
    assert re.search(reason, refusal(path))


def test_damaged_frames_are_refused(tmp_path: Path) -> None:
    path = foreign.write(tmp_path / "train.rec", {0: foreign.item(0.0, 0, MAGIC * 3), 1: foreign.item(0.0, 1, b"abcd")})
    whole = path.read_bytes()

    def with_word(at: int, word: int) -> str:
        path.write_bytes(whole[:at] + struct.pack("<I", word) + whole[at + 4 :])
        return refusal(path)

    second = len(whole) - 36
    assert "no record begins at byte 0" in with_word(0, foreign.MAGIC ^ 1)
    assert f"no record begins at byte {second}" in with_word(second + 4, 3 << 29 | 28)
    assert f"the record at byte {second} announces {LENGTH_MASK} bytes" in with_word(second + 4, LENGTH_MASK)
    assert "begins part 1 of a record where another part is due" in with_word(36, 1 << 29)
    assert "no record begins at byte 32" in with_word(36, 7 << 29)
    assert "no record begins at byte 32" in with_word(32, 0)


def test_missing_and_empty_files_and_other_kinds_are_refused(tmp_path: Path) -> None:
    assert "cannot be opened: No such file" in refusal(tmp_path / "train.rec")
    (tmp_path / "train.rec").write_bytes(b"")
    assert "train.rec is empty" in refusal(tmp_path / "train.rec")
    (tmp_path / "x.rec").mkdir()
    assert "cannot be opened" in refusal(tmp_path / "x.rec")
    with pytest.raises(UserError, match="There is no folder or file"):
        open_faces(tmp_path / "nowhere.rec")
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"a\.zip is not a set of faces; .*\.rec"):
        open_faces(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9,8,8\n", "has the label 9, and .*property 9 classes"),
        ("x", "three whole"),
        ("1,2", "three whole"),
        ("1,2,3,4", "three whole"),
    ],
)
def test_a_property_of_something_else_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = foreign.write(tmp_path / "train.rec", insightface_set())
    (tmp_path / "property").write_text("10,8,8\n")
    RecordFaces(path)
    (tmp_path / "property").write_text(text)
    assert re.search(reason, refusal(path))


def test_headers_beyond_what_float32_can_count() -> None:
    """From 16.8 million on the header is rounded; the records themselves say how many they are."""
    from facedistill.data.recordio.layout import Heads

    images, identities = EXACT + 2, 3  # the end of the images' keys, EXACT + 3, is no float32
    count = 1 + images + identities
    labels = np.zeros((count, 2), np.float32)
    labels[0] = images + 1, count
    labels[-identities:] = [(1, 2), (2, 3), (3, images + 1)]
    flags = np.zeros(count, np.int64)
    flags[[0, -3, -2, -1]] = 2
    heads = Heads(flags, labels, np.where(flags == 2, 0, 9))
    assert int(np.float32(images + 1)) != images + 1
    places = image_places(np.arange(count), heads)
    assert (places[0], places[-1], len(places)) == (1, images, images)


def test_heads_are_read_from_joined_records_too() -> None:
    payload = struct.pack("<IfQQ", 2, 0, foreign.MAGIC, 0) + struct.pack("<2f", 5, 6) + b"img"
    view = memoryview(foreign.frame(payload) + foreign.frame(foreign.item(8.0, 1, b"")))
    table = measure(view, np.array([0, len(foreign.frame(payload))]))
    heads = read_heads(view, table, np.arange(2))
    assert heads.flags.tolist() == [2, 0]
    assert heads.labels.tolist() == [[5, 6], [8, 0]]
    assert heads.image_bytes.tolist() == [3, 0]
