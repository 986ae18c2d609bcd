"""A complete, tiny IJB folder of drawn faces, read, embedded and judged; every figure again by plain loops."""

import json
from collections import defaultdict

import cv2
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_curve

from facedistill.data.synthetic import DrawnFaces
from facedistill.data.template import similarity
from facedistill.errors import UserError
from facedistill.evaluate.embeddings.embed import Embeddings, embed
from facedistill.evaluate.settings import Settings
from facedistill.protocols import open_protocol
from facedistill.protocols.ijb import Ijb

PEOPLE, IMAGES = 6, 6


def loose(chance, faces, index):
    """A picture around an aligned crop, and where its points are."""
    turn = cv2.getRotationMatrix2D((56, 56), chance.uniform(-15, 15), chance.uniform(0.9, 1.3))
    turn[:, 2] += 30
    pixels = cv2.warpAffine(faces.image(index), turn, (180, 180), borderValue=(90, 90, 90))
    return pixels, faces.landmarks_px(index) @ turn[:, :2].T + turn[:, 2]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Every person: template p with three pictures of one medium, template 100 + p with three of two; two galleries
    of three people each."""
    root = tmp_path_factory.mktemp("IJBX")
    (root / "meta").mkdir()
    (root / "loose_crop").mkdir()
    chance, faces = np.random.default_rng(0), DrawnFaces(identities=PEOPLE, images_per_identity=IMAGES, seed=3)
    tid_mid, points = [], []
    for index in range(len(faces)):
        person, image = divmod(index, IMAGES)
        template, medium = (person, 10 * person) if image < 3 else (100 + person, 10 * person + 1 + image % 2)
        pixels, landmarks = loose(chance, faces, index)
        cv2.imwrite(str(root / "loose_crop" / f"{index}.png"), pixels[:, :, ::-1])
        tid_mid.append(f"{index}.png {template} {medium}")
        points.append(f"{index}.png {' '.join(f'{p:.4f}' for p in landmarks.ravel())} {chance.uniform(0.5, 1):.4f}")
    pairs = [f"{p} {100 + q} {int(p == q)}" for p in range(PEOPLE) for q in range(PEOPLE)]
    galleries = [[f"{p},{p + 50}" for p in range(PEOPLE) if p % 2 == side] for side in (0, 1)]
    lists = {
        "ijbx_face_tid_mid.txt": tid_mid,
        "ijbx_name_5pts_score.txt": points,
        "ijbx_template_pair_label.txt": pairs,
        "ijbx_1N_gallery_G1.csv": ["TEMPLATE_ID,SUBJECT_ID", *galleries[0]],
        "ijbx_1N_gallery_G2.csv": ["TEMPLATE_ID,SUBJECT_ID", *galleries[1]],
        "ijbx_1N_probe_mixed.csv": ["TEMPLATE_ID,SUBJECT_ID", *(f"{100 + p},{p + 50}" for p in range(PEOPLE))],
    }
    for name, lines in lists.items():
        (root / "meta" / name).write_text("\n".join(lines) + "\n")
    return root


def network(images):
    """Something that tells pictures apart, and left from right."""
    coarse = torch.nn.functional.adaptive_avg_pool2d(images.float() / 255 - 0.5, 6)
    return coarse.flatten(1)


@pytest.fixture(scope="session")
def seen(folder):
    return embed(network, open_protocol(folder).faces)


SETTINGS = Settings(replicates=50, fars=(1e-3, 0.3))


def looped_templates(folder, seen, norm, detector, flip):
    """From the lists' own lines."""
    template = [int(line.split()[1]) for line in (folder / "meta/ijbx_face_tid_mid.txt").read_text().splitlines()]
    medium = [int(line.split()[2]) for line in (folder / "meta/ijbx_face_tid_mid.txt").read_text().splitlines()]
    quality = [float(line.split()[11]) for line in (folder / "meta/ijbx_name_5pts_score.txt").read_text().splitlines()]
    found = {}
    for one in set(template):
        media = defaultdict(list)
        for i in range(len(template)):
            if template[i] == one:
                feature = seen.views[0][i].astype(float) + (seen.views[1][i] if flip else 0)
                feature = feature if norm == "kept" else feature / np.linalg.norm(feature)
                media[medium[i]].append(feature * (quality[i] if detector else 1))
        whole = sum(np.mean(features, axis=0) for features in media.values())
        found[one] = whole / np.linalg.norm(whole)
    return found


SWITCHES = {
    "insightface": ("kept", True, True),
    "cvlface": ("removed", True, True),
    "adaface": ("kept", False, True),
    "tface": ("removed", False, False),
    "facexzoo": ("removed", True, False),
}


def looped_tar(unit, far):
    scores = [(float(np.dot(unit[p], unit[100 + q])), p == q) for p in range(PEOPLE) for q in range(PEOPLE)]
    fpr, tpr, _ = roc_curve([same for _, same in scores], [score for score, _ in scores])
    fpr, tpr = fpr[::-1], tpr[::-1]
    return tpr[np.argmin(np.abs(fpr - far))]


@pytest.mark.parametrize("convention", SWITCHES)
def test_verification_equals_loops(folder, seen, convention):
    settings = Settings(replicates=50, fars=(1e-3, 0.3), convention=convention)
    figures = open_protocol(folder).figures(seen, settings)
    unit = looped_templates(folder, seen, *SWITCHES[convention])
    points = figures["verification"]["tar_at_far"]
    assert [*points] == ["1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "0.3"]
    assert [point["tar"] for point in points.values()] == [looped_tar(unit, float(far)) for far in points]
    assert figures["verification"]["pairs"] == {"genuine": 6, "impostor": 30, "groups": 6}
    assert figures["convention"]["name"] == convention
    assert not any(point["supported"] for point in points.values())


def test_conventions_differ(folder, seen):
    protocol = open_protocol(folder)
    scores = [protocol.pair_scores(seen, Settings(convention=name)).genuine.round(6).tolist() for name in SWITCHES]
    assert len({tuple(one) for one in scores}) == len(SWITCHES)


def test_identification_equals_loops(folder, seen):
    figures = open_protocol(folder).figures(seen, SETTINGS)["identification"]
    unit, hits, tpirs = looped_templates(folder, seen, "kept", True, True), defaultdict(int), []
    for side in (0, 1):
        gallery = [p for p in range(PEOPLE) if p % 2 == side]
        found, strangers = [], []
        for probe in range(PEOPLE):
            similarity_to = {p: float(np.dot(unit[100 + probe], unit[p])) for p in gallery}
            if probe in gallery:
                order = sorted(gallery, key=lambda p: -similarity_to[p])
                for rank in (1, 5, 10):
                    hits[rank] += probe in order[:rank]
                found.append((order[0] == probe, similarity_to[probe]))
            else:
                strangers.append(max(similarity_to.values()))
        threshold = sorted(strangers, reverse=True)[0]
        tpirs.append(np.mean([hit and own > threshold for hit, own in found]))
    assert {rank: share["share"] for rank, share in figures["rank"].items()} == {
        str(rank): count / PEOPLE for rank, count in hits.items()
    }
    assert figures["tpir_at_fpir"]["0.1"]["share"] == pytest.approx(np.mean(tpirs))
    assert figures["galleries"] == [{"mated": 3, "non_mated": 3}] * 2
    assert hits[1] < PEOPLE, "nothing here could go wrong"


def test_figures_are_json_and_rows(folder, seen):
    protocol = open_protocol(folder)
    figures = json.loads(json.dumps(protocol.figures(seen, SETTINGS)))
    rows = list(protocol.rows(figures))
    names = [row.figure for row in rows]
    assert names[:2] == ["TAR at FAR 1e-06", "TAR at FAR 1e-05"]
    assert names[-5:] == ["rank 1", "rank 5", "rank 10", "TPIR at FPIR 0.01", "TPIR at FPIR 0.1"]
    assert all(row.interval[0] <= row.interval[1] for row in rows)
    assert all("unsupported" in row.note for row in rows if "FAR" in row.figure or "FPIR" in row.figure)
    assert figures["protocol"]["templates"].startswith(
        "convention insightface: norm kept, detector score yes, flip yes"
    )
    assert len(figures["verification"]["det"]["far"]) == 51


def test_without_flip_the_mirror_image_is_left_out(folder, seen):
    alone, protocol = Embeddings.of(seen.views[:1]), open_protocol(folder)
    figures = protocol.figures(alone, Settings(replicates=2, flip=False))
    assert figures["convention"] == {"name": "insightface", "norm": "kept", "detector": "yes", "flip": "no"}
    with pytest.raises(UserError, match="these embeddings have none"):
        protocol.figures(alone, SETTINGS)


def test_a_measure_is_the_strict_figure(folder, seen):
    protocol = open_protocol(folder)
    measure = protocol.measure(seen, SETTINGS)
    points = protocol.figures(seen, SETTINGS)["verification"]["tar_at_far"]
    assert measure.names == ("TAR at FAR 0.001", "TAR at FAR 0.3")
    strict = [points["0.001"]["strict_tar"], points["0.3"]["strict_tar"]]
    np.testing.assert_allclose(measure.statistic(np.ones(measure.units)), strict)


def test_crops_are_aligned_by_their_points(folder):
    """The drawn crop's own points, put through the loose picture and back."""
    protocol, drawn = open_protocol(folder), DrawnFaces(identities=PEOPLE, images_per_identity=IMAGES, seed=3)
    assert isinstance(protocol, Ijb)
    for index in (0, 17):
        there, back = drawn.landmarks_px(index), protocol.faces.landmarks_px(index)
        turn = similarity(there, back)
        expected = cv2.warpAffine(drawn.image(index), turn, (112, 112))
        inside = np.abs(protocol.faces.image(index).astype(int) - expected)[30:90, 30:90]
        assert inside.mean() < 6


def copied(folder, root, leave=(), change=None):
    (root / "meta").mkdir()
    (root / "loose_crop").symlink_to(folder / "loose_crop")
    for file in (folder / "meta").iterdir():
        if not any(word in file.name for word in leave):
            (root / "meta" / file.name).write_text(file.read_text())
    for name, text in (change or {}).items():
        (root / "meta" / name).write_text(text)
    return root


def test_one_half_is_enough(folder, seen, tmp_path):
    protocol = Ijb.open(copied(folder, tmp_path, leave=("pair_label",)))
    figures = protocol.figures(seen, SETTINGS)
    assert "verification" not in figures
    assert protocol.pair_scores(seen, SETTINGS) is None
    assert protocol.measure(seen, SETTINGS) is None
    assert next(protocol.rows(figures)).figure == "rank 1"


@pytest.mark.parametrize(
    ("leave", "change", "said"),
    [
        (("5pts",), {}, r"exactly one \*_name_5pts_score.txt; it has none"),
        ((), {"ijby_face_tid_mid.txt": ""}, r"it has ijbx_face_tid_mid.txt, ijby_face_tid_mid.txt"),
        (("1N", "pair"), {}, r"has neither a \*_template_pair_label.txt"),
        (("probe",), {}, r"exactly one \*_1N_probe_mixed.csv"),
        (
            (),
            {"ijbx_template_pair_label.txt": "0 100 1\n0 99 0\n"},
            r"label.txt, line 2: of the templates 0 and 99",
        ),
        ((), {"ijbx_1N_gallery_G2.csv": "99,1\n"}, r"G2.csv, line 1: template 99 has no image"),
    ],
)
def test_incomplete_folders_are_refused(folder, tmp_path, leave, change, said):
    with pytest.raises(UserError, match=said):
        open_protocol(copied(folder, tmp_path, leave, change))
