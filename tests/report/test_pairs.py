"""Pairs worth a look, against every pair there is."""

import numpy as np

from facedistill.report.pairs import cosines, hardest_genuine, hardest_impostors, sample_pairs


def people(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Of different numbers of images, in no order."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat(np.arange(9), [1, 2, 3, 4, 5, 6, 7, 8, 1]))
    vectors = generator.standard_normal((len(labels), 5))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


def test_the_hardest_of_each_kind_come_first() -> None:
    unit, labels = people()
    alike = unit @ unit.T
    same = labels[:, None] == labels[None]
    first = hardest_genuine(unit, labels, 3)[0]
    lowest = alike[same].min()
    assert np.isclose(first.cosine, lowest)
    assert labels[first.first] == labels[first.second]
    first = hardest_impostors(unit, labels, 3)[0]
    assert np.isclose(first.cosine, alike[~same].max())
    assert labels[first.first] != labels[first.second]


def test_nobody_comes_twice_and_the_order_is_kept() -> None:
    unit, labels = people()
    genuine, impostors = hardest_genuine(unit, labels, 20), hardest_impostors(unit, labels, 20)
    assert sorted(int(labels[pair.first]) for pair in genuine) == [1, 2, 3, 4, 5, 6, 7], "whoever has two images"
    everyone = [int(labels[number]) for pair in impostors for number in (pair.first, pair.second)]
    assert len(everyone) == len(set(everyone))
    assert [pair.cosine for pair in genuine] == sorted(pair.cosine for pair in genuine)
    assert [pair.cosine for pair in impostors] == sorted((pair.cosine for pair in impostors), reverse=True)


def test_no_image_is_paired_with_itself() -> None:
    unit, labels = people()
    assert hardest_impostors(unit, np.zeros_like(labels), 5) == []
    assert hardest_genuine(unit, np.arange(len(labels)), 5) == []


def test_a_sample_holds_what_it_says() -> None:
    unit, labels = people()
    pairs = sample_pairs(labels, 500)
    assert (pairs.first != pairs.second)[pairs.same].all()
    assert ((labels[pairs.first] == labels[pairs.second]) == pairs.same).all()
    assert pairs.same.sum() == (~pairs.same).sum() == 500
    assert set(labels[pairs.first[pairs.same]]) == {1, 2, 3, 4, 5, 6, 7}
    number = 17
    assert np.isclose(cosines(unit, pairs)[number], unit[pairs.first[number]] @ unit[pairs.second[number]])


def test_every_partner_of_an_image_is_met() -> None:
    pairs = sample_pairs(np.zeros(4, np.int64), 400)
    met = {(int(first), int(second)) for first, second in zip(pairs.first, pairs.second, strict=True)}
    assert len(met) == 12
