"""Errors by group against plain loops over every pair, and lists that are wrong."""

import json

import numpy as np
import pytest
import tiny

from facedistill.data.folder import FolderFaces
from facedistill.data.pairs import Pairs
from facedistill.errors import UserError
from facedistill.evaluate.embeddings.embed import Embeddings
from facedistill.evaluate.pairs.demographics import group_statistic
from facedistill.evaluate.settings import Settings
from facedistill.protocols import open_protocol
from facedistill.protocols.groups import Groups

SETTINGS = Settings(fars=(0.2, 0.05), replicates=30)
PEOPLE, IMAGES = 12, 4


@pytest.fixture
def root(tmp_path):
    root = tiny.write_faces(tmp_path / "faces", identities=PEOPLE, images=IMAGES)
    names = sorted(str(file.relative_to(root)) for file in root.rglob("*.png"))
    rows = [f"{name},{'east' if int(name.split('/')[0][1:]) % 3 else 'west'}" for name in names]
    (root / "groups.csv").write_text("\n".join(["path,group", *rows]))
    return root


def seen():
    """The first group is harder: its people lie closer together."""
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((PEOPLE, 6)).repeat(IMAGES, axis=0)
    return Embeddings.of((vectors + 0.9 * generator.standard_normal(vectors.shape))[None])


def looped(unit, labels, group, far, weights, listed):
    """FMR and FNMR of every group at the lowest threshold whose FMR over all listed pairs is at most ``far``."""
    scored = [(unit[i] @ unit[j], i, j) for i, j in listed]
    impostors = sorted(
        ((s, weights[labels[i]] * weights[labels[j]]) for s, i, j in scored if labels[i] != labels[j]), reverse=True
    )
    reached = np.cumsum([weight for _, weight in impostors])
    threshold = impostors[int(np.argmax(reached > far * reached[-1] + 1e-9))][0]
    for number in range(group.max() + 1):
        inside = [(s, i, j) for s, i, j in scored if group[i] == group[j] == number]
        false = [(s, weights[labels[i]] * weights[labels[j]]) for s, i, j in inside if labels[i] != labels[j]]
        true = [(s, weights[labels[i]]) for s, i, j in inside if labels[i] == labels[j]]
        yield sum(w for s, w in false if s > threshold + 1e-12) / sum(w for _, w in false)
        yield sum(w for s, w in true if s <= threshold + 1e-12) / sum(w for _, w in true)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("listed", [False, True])
def test_errors_equal_loops(root, weighted, listed):
    protocol = open_protocol(root)
    faces, embeddings = protocol.faces, seen()
    group = (np.array([int(name.split("/")[0][1:]) for name in map(faces.name, range(len(faces)))]) % 3 == 0).astype(
        int
    )
    first, second = np.triu_indices(len(faces), 1)
    if listed:
        chosen = np.sort(np.random.default_rng(1).permutation(len(first))[:700])
        first, second = first[chosen], second[chosen]
        pairs = Pairs(first, second, faces.labels[first] == faces.labels[second])
        protocol = Groups(faces, pairs, ("east", "west"), group)
    weights = np.random.default_rng(2).integers(0, 3, PEOPLE).astype(float) if weighted else np.ones(PEOPLE)
    whole, groups = protocol._scored(embeddings, SETTINGS)
    got = group_statistic(whole, groups, SETTINGS.fars)(weights).reshape(2, -1)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    for at, far in enumerate(SETTINGS.fars):
        expected = list(looped(embeddings.unit, faces.labels, group, far, weights, pairs))
        np.testing.assert_allclose(got[at], expected, atol=1e-12)


def test_figures_have_ratios_and_intervals(root):
    protocol = open_protocol(root)
    assert isinstance(protocol, Groups)
    figures = protocol.figures(seen(), SETTINGS)
    json.dumps(figures, allow_nan=False)
    at = figures["groups"]["0.2"]
    assert set(at["groups"]) == {"east", "west"}
    fmrs = [group["fmr"] for group in at["groups"].values()]
    assert at["ratios"]["fmr"]["highest_over_lowest"] == max(fmrs) / min(fmrs)
    low, high = at["groups"]["east"]["fmr_interval"]
    assert low <= at["groups"]["east"]["fmr"] <= high
    assert at["groups"]["west"]["impostor"] == 6 * IMAGES**2
    assert at["groups"]["west"]["supported"] is False
    said = [row.figure for row in protocol.rows(figures)]
    assert said[0] == "TAR at FAR 0.2"
    assert "FNMR of west at FMR 0.05" in said


def test_an_error_that_never_happens_has_no_ratio(root):
    unit = np.eye(PEOPLE).repeat(IMAGES, axis=0)
    figures = open_protocol(root).figures(Embeddings.of(unit[None]), SETTINGS)
    assert figures["groups"]["0.2"]["ratios"]["fnmr"] == {"highest_over_lowest": None, "interval": [None, None]}
    json.dumps(figures, allow_nan=False)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("path,group", "file,group"), "columns path,group"),
        (lambda text: text + "\np0/none.png,east", "there is no image 'p0/none.png'"),
        (lambda text: text.rpartition("\n")[0], "gives 1 images no group, such as p9/p9_0004.png"),
        (lambda text: text + "\n" + text.splitlines()[1], "line 50: expected a path that is not there yet"),
        (lambda text: text.replace("west", "east"), "names one group only"),
    ],
)
def test_wrong_lists_are_said(root, change, sentence):
    file = root / "groups.csv"
    file.write_text(change(file.read_text()))
    with pytest.raises(UserError, match=sentence):
        open_protocol(root)


def test_a_group_without_impostors_is_refused(root):
    faces = FolderFaces(root)
    alone = (faces.labels == 0).astype(int)
    with pytest.raises(UserError, match="Group 'alone' has no genuine or no impostor pair"):
        Groups(faces, None, ("rest", "alone"), alone).figures(seen(), SETTINGS)
