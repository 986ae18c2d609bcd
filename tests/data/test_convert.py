"""Sets of faces are turned into one another without touching a byte of an image."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from facedistill.cli import app
from facedistill.data.binset import BinFaces, write_bin
from facedistill.data.convert import Kind, convert
from facedistill.data.folder import FolderFaces
from facedistill.data.landmarks import COLUMNS
from facedistill.data.open import open_faces
from facedistill.data.pairs import Pairs, read_pairs
from facedistill.data.synthetic import DrawnFaces
from facedistill.errors import UserError

PEOPLE = {"anna": 4, "bob": 3, "Çem": 4}


def picture(level: int, suffix: str = ".jpg") -> bytes:
    noise = np.random.default_rng(level).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return cv2.imencode(suffix, noise)[1].tobytes()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three people, and eleven pairs: two images occur often, the last one of anna in none."""
    folder = tmp_path / "people"
    for person, count in PEOPLE.items():
        (folder / person).mkdir(parents=True)
        for number in range(1, count + 1):
            (folder / person / f"{person}_{number:04d}.jpg").write_bytes(picture(len(person) * 10 + number))
    rows = [("anna", i, "anna", j) for i, j in ((1, 2), (1, 3), (2, 3))] + [("bob", i, "Çem", i) for i in (1, 2, 3)]
    rows += [
        ("bob", 1, "bob", 2),
        ("anna", 1, "bob", 3),
        ("Çem", 1, "Çem", 4),
        ("anna", 2, "Çem", 3),
        ("bob", 2, "bob", 3),
    ]
    lines = [f"{a}/{a}_{i:04d}.jpg,{b}/{b}_{j:04d}.jpg,{int(a == b)}" for a, i, b, j in rows]
    (folder / "pairs.csv").write_text("\n".join(["first,second,same", *lines]) + "\n", encoding="utf-8")
    return folder


def listed(faces: FolderFaces, pairs: Pairs) -> list[tuple[bytes, bytes, bool]]:
    """The files of all pairs, and who is the same."""
    return [
        (faces.encoded(int(a)), faces.encoded(int(b)), bool(same))
        for a, b, same in zip(pairs.first, pairs.second, pairs.same, strict=True)
    ]


def test_a_folder_becomes_a_bin_that_everybody_reads(root, tmp_path):
    written = convert(root, tmp_path / "lfw.bin", Kind.BIN)
    assert (written.images, written.identities, written.pairs, written.kinds) == (10, 0, 11, {".jpg": 10})
    faces = FolderFaces(root)
    expected = listed(faces, read_pairs(root, faces))
    with (tmp_path / "lfw.bin").open("rb") as file:
        bins, issame = pickle.load(file, encoding="bytes")  # noqa: S301
    assert list(zip(bins[::2], bins[1::2], issame, strict=True)) == expected
    again = BinFaces(tmp_path / "lfw.bin")
    assert listed(again, again.pairs) == expected


def test_a_bin_becomes_a_folder_and_the_same_bin_again(root, tmp_path):
    convert(root, tmp_path / "a.bin", Kind.BIN)
    written = convert(tmp_path / "a.bin", tmp_path / "flat", Kind.FOLDER)
    assert (written.images, written.identities, written.pairs) == (22, 0, 11)
    flat = FolderFaces(tmp_path / "flat", labelled=False)
    source = BinFaces(tmp_path / "a.bin")
    assert listed(flat, read_pairs(tmp_path / "flat", flat)) == listed(source, source.pairs)
    convert(tmp_path / "flat", tmp_path / "b.bin", Kind.BIN)
    second = BinFaces(tmp_path / "b.bin")
    assert listed(second, second.pairs) == listed(source, source.pairs)


def test_a_folder_becomes_recordio_and_a_folder_again(root, tmp_path):
    steps = []
    written = convert(root, tmp_path / "rec", Kind.RECORDIO, report=lambda done, of: steps.append((done, of)))
    assert (written.images, written.identities, written.pairs) == (11, 3, 0)
    assert steps == [(done, 11) for done in range(1, 12)]
    assert [note.split()[0] for note in written.notes] == ["RecordIO", "The"]
    back = convert(tmp_path / "rec", tmp_path / "back", Kind.FOLDER)
    assert (back.images, back.identities) == (11, 3)
    first, second = FolderFaces(root), FolderFaces(tmp_path / "back")
    assert second.labels.tolist() == first.labels.tolist()
    assert [second.encoded(index) for index in range(11)] == [first.encoded(index) for index in range(11)]
    assert oct((tmp_path / "back").stat().st_mode)[-3:] == "755"


def test_a_list_becomes_a_folder_with_the_endings_that_the_bytes_have(tmp_path):
    for number, suffix in enumerate([".jpg", ".png", ".webp", ".bmp"]):
        (tmp_path / f"{number}.jpg").write_bytes(picture(number, suffix))
    (tmp_path / "list.txt").write_text("0.jpg b\n1.jpg a\n2.jpg b\n3.jpg a\n")
    written = convert(tmp_path / "list.txt", tmp_path / "out", Kind.FOLDER)
    assert written.kinds == {".jpg": 1, ".png": 1, ".webp": 1, ".bmp": 1}
    names = [path.relative_to(tmp_path / "out").as_posix() for path in sorted((tmp_path / "out").rglob("*.*"))]
    assert names == ["a/0000001.png", "a/0000003.bmp", "b/0000000.jpg", "b/0000002.webp"]
    told = convert(tmp_path / "out", tmp_path / "rec", Kind.RECORDIO).notes
    assert told[0].startswith("2 images are PNG now")
    ours, theirs = open_faces(tmp_path / "out"), open_faces(tmp_path / "rec")
    assert all(np.array_equal(ours.image(index), theirs.image(index)) for index in range(4))


def test_nothing_is_overwritten_and_nothing_half_done_stays(root, tmp_path):
    before = sorted(tmp_path.iterdir())
    for kind in Kind:
        with pytest.raises(UserError, match="exists and is never overwritten"):
            convert(root, root, kind)
    (root / "bob" / "bob_0003.jpg").write_bytes(picture(1)[:-30])
    for kind in Kind:
        with pytest.raises(UserError, match=r"bob/bob_0003\.jpg.*truncated.*repair or remove"):
            convert(root, tmp_path / "out", kind)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("text", "reason"), [("0.png ../up\n", r"'\.\./up' cannot name"), ("0.png .a\n", r"'\.a' cannot name"),
                         ("0.png a\n1.png -1\n", "1 of 2 faces have no identity")],
)  # fmt: skip
def test_what_no_folder_can_be_called_is_refused(tmp_path, text, reason):
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(picture(number, ".png"))
    (tmp_path / "list.lst").write_text(text.replace(" ", "\t"))
    with pytest.raises(UserError, match=reason):
        convert(tmp_path / "list.lst", tmp_path / "out", Kind.FOLDER)
    assert not (tmp_path / "out").exists()


def test_a_kind_that_lacks_what_it_needs_says_so(root, tmp_path):
    convert(root, tmp_path / "a.bin", Kind.BIN)
    with pytest.raises(UserError, match="needs an identity for every image"):
        convert(tmp_path / "a.bin", tmp_path / "rec", Kind.RECORDIO)
    with pytest.raises(UserError, match=r"name it without \.rec"):
        convert(root, tmp_path / "train.rec", Kind.RECORDIO)
    (root / "pairs.csv").unlink()
    with pytest.raises(UserError, match=r"list none; give a folder with pairs"):
        convert(root, tmp_path / "b.bin", Kind.BIN)
    drawn = DrawnFaces(identities=1, images_per_identity=2, size_px=16)
    with pytest.raises(UserError, match=r"is not a file, and a \.bin holds files"):
        write_bin(tmp_path / "b.bin", drawn, Pairs(np.array([0]), np.array([1]), np.array([True])))


def test_the_command_line_says_what_was_written(root, tmp_path):
    (root / "landmarks.csv").write_text(",".join(COLUMNS) + "\n")
    shown = CliRunner().invoke(app, ["data", "convert", str(root), str(tmp_path / "lfw.bin")])
    assert shown.exit_code == 0, shown.output
    assert "10 .jpg; 0 identities, 11 pairs." in shown.stdout
    assert "landmarks.csv stays behind" in shown.stdout
    as_json = CliRunner().invoke(app, ["data", "convert", str(root), str(tmp_path / "r"), "--to", "recordio", "--json"])
    assert json.loads(as_json.stdout)["images"] == 11
    assert (tmp_path / "r" / "train.rec").is_file()


@pytest.mark.real
def test_lfw_as_a_bin_has_the_files_of_its_six_thousand_pairs(shared, tmp_path):
    faces = FolderFaces(shared / "faces" / "lfw")
    pairs = read_pairs(faces.root, faces)
    write_bin(tmp_path / "lfw.bin", faces, pairs)
    packed = BinFaces(tmp_path / "lfw.bin")
    assert (len(packed), len(packed.pairs)) == (12_000, 6_000)
    assert np.array_equal(packed.pairs.same, pairs.same)
    for pair in range(0, 6_000, 97):
        assert packed.encoded(2 * pair) == faces.encoded(int(pairs.first[pair]))
        assert packed.encoded(2 * pair + 1) == faces.encoded(int(pairs.second[pair]))
