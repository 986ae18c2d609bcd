"""Parts of the people: bins and groups that cover everybody once."""

from pathlib import Path

import numpy as np
import pytest

from facedistill.data.contract import AbstractFaces
from facedistill.data.part import Part, only
from facedistill.errors import UserError


class Listed(AbstractFaces):
    """Faces without pixels: ``counts`` of them for each person, and one of nobody."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.identities = tuple(counts)
        labels = [label for label, count in enumerate(counts.values()) for _ in range(count)]
        self.labels = np.array([*labels, -1])

    def image(self, index: int) -> np.ndarray:
        raise NotImplementedError

    def name(self, index: int) -> str:
        return f"{index}.png"


FACES = Listed({"ann": 5, "bob": 1, "cid": 3, "dot": 1, "eve": 9, "fay": 2, "gus": 4})


def test_bins_part_everybody_by_how_often_they_are_shown() -> None:
    parts = [Part(bin=number, bins=3).of(FACES) for number in range(3)]
    assert parts == [{"bob", "dot", "fay"}, {"cid", "gus"}, {"ann", "eve"}]


def test_groups_part_people(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    groups = ["east" if label in (0, 2) else "west" for label in FACES.labels]
    file.write_text("path,group\n" + "".join(f"{i}.png,{group}\n" for i, group in enumerate(groups)))
    assert Part(group="east", groups=file).of(FACES) == {"ann", "cid"}
    assert Part(group="west", groups=file).of(FACES) == {"bob", "dot", "eve", "fay", "gus"}
    with pytest.raises(UserError, match="names no group 'north'; it has east, west"):
        Part(group="north", groups=file).of(FACES)
    file.write_text(file.read_text().replace("0.png,east", "0.png,west"))
    with pytest.raises(UserError, match="puts faces of 'ann' into several groups"):
        Part(group="east", groups=file).of(FACES)


def test_only_some_people_stay_and_whoever_has_no_label() -> None:
    kept = only(FACES, frozenset({"gus", "bob", "held out"}))
    assert kept.identities == ("bob", "gus")
    assert kept.labels.tolist() == [0, 1, 1, 1, 1, -1]
    assert kept.name(0) == "5.png"
    with pytest.raises(UserError, match="leaves nobody"):
        only(FACES, frozenset({"held out"}))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "either `bin`, or `group`"),
        ({"bin": 0, "group": "east", "groups": Path("x")}, "not both"),
        ({"group": "east"}, "with the file `groups`"),
        ({"bin": 3}, "bins 0 to 2; there is no 3"),
    ],
)
def test_parts_that_are_none_are_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Part(**options)


def test_more_bins_than_people_are_refused() -> None:
    with pytest.raises(UserError, match="8 bins of 7 people"):
        Part(bin=0, bins=8).of(FACES)
