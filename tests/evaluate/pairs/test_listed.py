"""Lists of pairs for sets that come with none."""

import numpy as np

from facedistill.evaluate.pairs.listed import listed_pairs


def test_listed_pairs_have_the_form_of_lfw() -> None:
    labels = np.repeat(np.arange(20), 3)
    pairs = listed_pairs(labels, per_kind=5)
    assert len(pairs) == pairs.folds * 10
    assert (pairs.same == (labels[pairs.first] == labels[pairs.second])).all()
    fold = np.repeat(np.arange(pairs.folds), 10)
    people = [set(labels[[*pairs.first[fold == number], *pairs.second[fold == number]]]) for number in range(10)]
    assert all(not people[i] & people[j] for i in range(10) for j in range(i)), "folds share nobody"
    assert [int(pairs.same[fold == number].sum()) for number in range(10)] == [5] * 10
    assert len({(i, j) for i, j in zip(pairs.first, pairs.second, strict=True)}) == len(pairs), "no pair twice"
