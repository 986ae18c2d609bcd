"""Files and folders that are there whole or not at all."""

import pytest

from facedistill.errors import UserError
from facedistill.files import file_digest, refuse_existing, whole_file, whole_folder, write_whole


@pytest.mark.parametrize("whole", [whole_folder, whole_file])
def test_what_fails_leaves_nothing(whole, tmp_path):
    def begin():
        with whole(tmp_path / "parent" / "a") as unfinished:
            (unfinished / "b" if unfinished.is_dir() else unfinished).write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin()
    assert list((tmp_path / "parent").iterdir()) == []


@pytest.mark.parametrize("whole", [whole_folder, whole_file])
def test_a_place_that_is_taken_meanwhile_stays_as_it_is(whole, tmp_path):
    def write():
        with whole(tmp_path / "a"):
            (tmp_path / "a").write_text("another's")

    with pytest.raises(UserError, match=r"a exists and is never overwritten; choose another name\."):
        write()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a", "another's")]


def test_others_may_read_a_folder_that_is_whole(tmp_path):
    with whole_folder(tmp_path / "a") as unfinished:
        (unfinished / "b").write_text("b")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a" / "b").read_text() == "b"


def test_a_link_that_leads_nowhere_takes_its_place(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="choose another folder"):
        refuse_existing(tmp_path / "link", "folder")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    file = tmp_path / "below" / "a"
    write_whole(file, b"first")
    with pytest.raises(TypeError):
        write_whole(file, None)
    assert [(each.name, each.read_bytes()) for each in file.parent.iterdir()] == [("a", b"first")]


def test_a_digest_is_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert file_digest(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
