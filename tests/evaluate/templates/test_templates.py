"""Template features and pair scores against published figures and plain loops."""

import numpy as np
import pytest
from ijb_draws import FARS, PUBLISHED, draw

from facedistill.errors import UserError
from facedistill.evaluate.embeddings.embed import Embeddings
from facedistill.evaluate.templates import features as templates
from facedistill.evaluate.templates import scores as template_scores
from facedistill.evaluate.templates.conventions import CONVENTIONS, read_convention
from facedistill.evaluate.templates.features import template_features, used_views
from facedistill.evaluate.templates.nearest_far import nearest_points
from facedistill.evaluate.templates.scores import score_pairs


@pytest.mark.parametrize("seed", PUBLISHED)
@pytest.mark.parametrize("convention", [name for name in PUBLISHED[0] if "=" in name])
def test_published_figures(seed, convention):
    drawn, rules = draw(seed), read_convention(convention)
    assert (len(drawn.template), drawn.same.sum()) == (PUBLISHED[seed]["faces"], PUBLISHED[seed]["genuine"])
    assert len(drawn.same) == 44_850
    views = used_views(Embeddings.of(drawn.views), rules)
    unit = template_features(views, drawn.template, drawn.media, drawn.quality, rules)
    scores = score_pairs(unit, drawn.first, drawn.second)
    points = nearest_points(np.sort(scores[drawn.same]), np.sort(scores[~drawn.same]), FARS)
    assert tuple(round(100 * point.tar, 4) for point in points) == PUBLISHED[seed][convention]


def looped_templates(views, template, media, quality, convention):
    found = []
    for t in range(template.max() + 1):
        whole = np.zeros(views.shape[2])
        for m in sorted(set(media[template == t])):
            rows = []
            for i in np.flatnonzero((template == t) & (media == m)):
                shown = [view[i].astype(float) for view in views[: 2 if convention.flip else 1]]
                if convention.unit_views:
                    shown = [one / np.linalg.norm(one) for one in shown]
                feature = sum(shown)
                if not convention.norm_kept:
                    feature = feature / np.linalg.norm(feature)
                rows.append(feature * (float(quality[i]) if convention.detector else 1.0))
            whole += np.mean(rows, axis=0)
        found.append(whole / np.linalg.norm(whole))
    return np.array(found)


@pytest.mark.parametrize("chunk", [1, 7, 512])
@pytest.mark.parametrize("convention", [*CONVENTIONS.values(), read_convention("tface,flip=yes")])
def test_templates_equal_loops(monkeypatch, chunk, convention):
    monkeypatch.setattr(templates, "_CHUNK_IMAGES", chunk)
    chance = np.random.default_rng(0)
    template, media = np.arange(60) % 9, chance.integers(0, 5, 60)  # a medium may be seen in several templates
    views = chance.standard_normal((2, 60, 6)).astype(np.float32) * chance.uniform(1, 9, (1, 60, 1)).astype(np.float32)
    quality = chance.uniform(0.5, 1, 60).astype(np.float32)
    shuffled = chance.permutation(60)
    template, media = template[shuffled], media[shuffled]
    got = template_features(used_views(Embeddings.of(views), convention), template, media, quality, convention)
    np.testing.assert_allclose(got, looped_templates(views, template, media, quality, convention), atol=1e-12)


def test_a_feature_of_zeros_is_no_division_by_zero():
    zeros, numbers = np.zeros((1, 2, 4)), np.zeros(2, np.int64)
    got = template_features(zeros, numbers, numbers, np.ones(2), CONVENTIONS["facexzoo"])
    assert got.tolist() == [[0.0] * 4]


def test_a_missing_mirror_image_is_refused():
    seen = Embeddings.of(np.ones((1, 3, 4)))
    with pytest.raises(UserError, match="have none; embed with flip"):
        used_views(seen, CONVENTIONS["insightface"])
    assert used_views(seen, CONVENTIONS["tface"]).shape == (1, 3, 4)


@pytest.mark.parametrize("dense", [0.0, 2.0])
@pytest.mark.parametrize("block", [1, 50, 2_000_000])
@pytest.mark.parametrize("ordered", [True, False])
def test_scores_equal_dot_products(monkeypatch, dense, block, ordered):
    monkeypatch.setattr(template_scores, "_DENSE", dense)
    monkeypatch.setattr(template_scores, "_BLOCK_SCORES", block)
    monkeypatch.setattr(template_scores, "_ROWS", block)
    chance = np.random.default_rng(0)
    unit = chance.standard_normal((40, 8))
    first, second = chance.integers(0, 30, 200), chance.integers(10, 40, 200)
    first = np.sort(first) if ordered else first
    expected = [np.dot(unit[i], unit[j]) for i, j in zip(first, second, strict=True)]
    np.testing.assert_allclose(score_pairs(unit, first, second), expected, atol=1e-12)
