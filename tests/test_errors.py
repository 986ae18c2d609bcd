"""Errors name the nearest known thing, in one sentence."""

import pytest

from facedistill.errors import UserError, unknown


def test_a_near_name_is_suggested() -> None:
    error = unknown("method", "urmf", ["urfm", "cosine"])
    assert str(error) == "Unknown method 'urmf'; did you mean 'urfm'? Known: cosine, urfm."


def test_a_far_name_is_not() -> None:
    assert str(unknown("head", "xyz", ["arcface"])) == "Unknown head 'xyz'. Known: arcface."


def test_nothing_known_is_said() -> None:
    assert str(unknown("recipe", "x", [])) == "Unknown recipe 'x'. Known: none."


def test_the_place_is_named() -> None:
    assert "'epoch' in training; did you mean 'epochs'?" in str(unknown("key", "epoch", ["epochs"], "training"))


def test_names_may_come_from_an_iterator() -> None:
    assert "Known: a, b." in str(unknown("key", "zzz", iter("ba")))


def test_the_exit_code_says_usage() -> None:
    with pytest.raises(UserError) as caught:
        raise unknown("key", "a", ["b"])
    assert caught.value.exit_code == 2
