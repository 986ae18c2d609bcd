"""Galleries with distractors: both layouts, against plain loops."""

import cv2
import numpy as np
import pytest

from facedistill.errors import UserError
from facedistill.evaluate.embeddings.embed import Embeddings
from facedistill.evaluate.settings import Settings
from facedistill.protocols import open_protocol
from facedistill.protocols.identification import GallerySearch

SETTINGS = Settings(replicates=40, flip=False)


def write(root, names):
    for number, name in enumerate(names):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.full((20, 20, 3), number, np.uint8))
    return root


FOLDERS = [
    *(f"gallery/p{person}/{image}.png" for person in range(5) for image in range(2)),
    *(f"distractors/d{number}.png" for number in range(7)),
    *(f"probe/p{person}/{image}.png" for person in (0, 2, 3, 4, 7, 8) for image in range(3)),
]
TINYFACE = [
    *(f"Gallery_Match/{person}_{image}.png" for person in (1, 2, 10) for image in range(2)),
    *(f"Gallery_Distractor/{number}.png" for number in range(4)),
    *(f"Probe/{person}_{image}.png" for person in (1, 2, 10) for image in (7, 8)),
]


def drawn(protocol, seed=0):
    """Embeddings that lean on the person in the image's name."""
    chance = np.random.default_rng(seed)
    vectors = chance.standard_normal((len(protocol.faces), 6))
    centres = chance.standard_normal((20, 6))
    known = protocol.faces.labels >= 0
    vectors[known] += centres[protocol.faces.labels[known]]
    return Embeddings.of(vectors[None])


def identity(name):
    part, _, rest = name.partition("/")
    if "istractor" in part:
        return None
    return rest.split("/")[0] if part.islower() else rest.split("_")[0]


def looped(protocol, seen):
    names = [protocol.faces.name(number) for number in range(len(protocol.faces))]
    unit = seen.views[0] / np.linalg.norm(seen.views[0], axis=1, keepdims=True)
    gallery = [i for i, name in enumerate(names) if not name.lower().startswith("probe")]
    outcome = []
    for i in (i for i, name in enumerate(names) if name.lower().startswith("probe")):
        order = sorted(gallery, key=lambda entry: -float(unit[i] @ unit[entry]))
        mine = [identity(names[entry]) == identity(names[i]) for entry in order]
        others = [entry for entry, own in zip(order, mine, strict=True) if not own]
        ahead = mine.index(True) if any(mine) else None
        best = float(unit[i] @ unit[order[ahead]]) if any(mine) else None
        outcome.append((ahead, best, float(unit[i] @ unit[others[0]])))
    return outcome


@pytest.mark.parametrize("names", [FOLDERS, TINYFACE, [name for name in FOLDERS if "distractors" not in name]])
def test_figures_equal_loops(tmp_path, names):
    protocol = open_protocol(write(tmp_path, names))
    assert isinstance(protocol, GallerySearch)
    seen = drawn(protocol)
    figures, outcome = protocol.figures(seen, SETTINGS), looped(protocol, seen)
    for rank in (1, 5, 10, 20):
        hits = sum(ahead is not None and ahead < rank for ahead, _, _ in outcome)
        assert figures["rank"][str(rank)]["share"] == pytest.approx(hits / len(outcome))
    strangers = sorted((other for ahead, _, other in outcome if ahead is None), reverse=True)
    if strangers:
        threshold = strangers[max(int(len(strangers) * 0.1) - 1, 0)]
        hits = [ahead == 0 and own > threshold for ahead, own, _ in outcome if ahead is not None]
        assert figures["tpir_at_fpir"]["0.1"]["share"] == pytest.approx(np.mean(hits))
    assert bool(figures["tpir_at_fpir"]) == bool(strangers)
    assert figures["rank"]["1"]["share"] < figures["rank"]["5"]["share"]


def test_parts_follow_one_another(tmp_path):
    protocol = open_protocol(write(tmp_path, TINYFACE))
    figures = protocol.figures(drawn(protocol), SETTINGS)
    assert (figures["gallery"], figures["distractors"], figures["probes"], figures["people"]) == (6, 4, 6, 3)
    assert protocol.faces.name(6) == "Gallery_Distractor/0.png"
    names = [protocol.faces.name(number) for number in range(len(protocol.faces))]
    for name, label in zip(names, protocol.faces.labels, strict=True):
        assert identity(name) == (None if label < 0 else protocol.faces.identities[label])
    assert protocol.faces.image(3).shape == (112, 112, 3)
    assert protocol.faces.image(3).max() == TINYFACE.index(protocol.faces.name(3))


def test_rows_scores_and_measure_agree(tmp_path):
    protocol = open_protocol(write(tmp_path, FOLDERS))
    seen = drawn(protocol)
    figures = protocol.figures(seen, SETTINGS)
    rows, measure = list(protocol.rows(figures)), protocol.measure(seen, SETTINGS)
    assert [row.figure for row in rows] == list(measure.names)
    np.testing.assert_allclose([row.value for row in rows], measure.statistic(np.ones(measure.units)))
    assert "6 non-mated probes: unsupported" in rows[-1].note
    scores = protocol.pair_scores(seen, SETTINGS)
    assert (len(scores.genuine), len(scores.impostor)) == (12, 18)
    outcome = looped(protocol, seen)
    expected = sorted((own for _, own, _ in outcome if own is not None), reverse=True)
    np.testing.assert_allclose(scores.genuine, expected)


def test_one_network_may_search_the_other_s_gallery(tmp_path):
    protocol = open_protocol(write(tmp_path, FOLDERS))
    query, gallery = drawn(protocol, 0), drawn(protocol, 1)
    entries = protocol.sides.entries
    both = Embeddings.of(np.concatenate([gallery.views[:, :entries], query.views[:, entries:]], axis=1))
    expected = protocol.figures(both, SETTINGS)["rank"]
    assert protocol.between(query, gallery, SETTINGS)["rank"] == expected
    assert protocol.between(query, query, SETTINGS)["rank"] != expected


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["gallery/a/1.png", "probe/b/1.png"], "No identity of .*probe is in .*gallery"),
        (["Gallery_Match/1_1.png", "Probe/17.png"], r"Probe/17.png: the name must begin with the identity"),
        (["Gallery_Match/1_1.png", "Probe/_7.png"], r"Probe/_7.png: the name must begin with the identity"),
        (["Gallery_Match/1_1.png", "Probe/more/.hidden.png"], "holds no images"),
    ],
)
def test_sets_that_are_wrong_are_refused(tmp_path, names, said):
    with pytest.raises(UserError, match=said):
        open_protocol(write(tmp_path, names))
