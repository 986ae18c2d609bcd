"""Methods give the numbers that published code gave for the same arrays.

``golden.json`` holds the numbers; the code, openly licensed and where possible by the method's authors, ran elsewhere
and is not here. An entry has a method's name and says

    input              which arrays: their kind, as below, shapes and seed
    options, labels    of the method; options that are not there are our defaults, and the code's constants
    identity           layers of ours that the code leaves to its caller
    state              what the code had gathered before this batch
    terms, factors     what the code gave, and by how much ours is larger where conventions differ
    why                the factors, or the state
    source             repository, file, commit, licence, and whose code it is
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import arrays, batch, classifier, seen
from torch import nn

from facedistill.method import AbstractMethod
from facedistill.signature import build
from facedistill.types import Spec, Stage

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))
OPEN = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT"}


def embeddings(*rows):
    """Student's and teacher's of one batch, and of the next one."""
    specs = {"student": Spec(rows[0].shape[1]), "teacher": Spec(rows[1].shape[1])}
    return specs, [(seen(own), seen(wanted)) for own, wanted in zip(rows[::2], rows[1::2], strict=True)]


def maps(*stages):
    """All of the student's, then all of the teacher's."""
    sides = stages[: len(stages) // 2], stages[len(stages) // 2 :]
    specs = [Spec(1, tuple(Stage(stage.shape[1], stage.shape[2:]) for stage in side)) for side in sides]
    nothing = np.full((len(stages[0]), 1), np.nan)
    return dict(zip(("student", "teacher"), specs, strict=True)), [tuple(seen(nothing, *side) for side in sides)]


def opinions(wanted, centres, own):
    """The teacher's embeddings and class centres, and the student's cosines before a tanh."""
    student = seen(np.full((len(own), 1), np.nan), cosines=np.tanh(own))
    return {"classifier": classifier(centres)}, [(student, seen(wanted))]


KINDS = {kind.__name__: kind for kind in (embeddings, maps, opinions)}


def numbered(labels, step):
    """A batch whose samples no other step has."""
    known = batch(labels)
    return replace(known, index=known.index + 100 * step)


def ours(name, *, input, options=None, labels=None, identity=(), state=None, **_):
    """The method's terms for the last batch, after what the earlier ones have left."""
    context, batches = KINDS[input["kind"]](*arrays(*input["shapes"], seed=input["seed"]))
    method = build("methods", AbstractMethod, {name: options or {}}, **context)
    for layer in identity:
        method.set_submodule(layer, nn.Identity())
    *earlier, now = [(*sides, numbered(labels or len(sides[0].embedding), step)) for step, sides in enumerate(batches)]
    for each in earlier:
        method(*each)
    method.load_state_dict(method.state_dict() | {key: torch.tensor(value) for key, value in (state or {}).items()})
    return {term: value.item() for term, value in method.eval()(*now).items()}


@pytest.mark.parametrize("name", GOLDEN)
def test_equals_published_code(name):
    entry = GOLDEN[name]
    terms, factors = ours(name, **entry), entry.get("factors", {})
    expected = {term: pytest.approx(value * factors.get(term, 1), rel=2e-5) for term, value in entry["terms"].items()}
    assert {term: terms[term] for term in expected} == expected


@pytest.mark.parametrize("name", GOLDEN)
def test_names_its_source(name):
    entry = GOLDEN[name]
    assert set(entry["source"]) == {"repository", "path", "commit", "licence", "whose"}
    assert entry["source"]["licence"] in OPEN
    assert len(entry["source"]["commit"]) == 40
    assert ("why" in entry) == bool(entry.keys() & {"factors", "state"})
