"""A plan beside what a training was seen to hold and to take."""

import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from facedistill.plan.held import Crowd, Saved
from facedistill.plan.plan import Plan, plan
from facedistill.recipe import Recipe
from facedistill.train.loop import on_device
from facedistill.train.prepare import Run, prepare

IDENTITIES, BATCH = 12, 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    tiny.write_faces(folder / "faces", identities=IDENTITIES)
    tiny.write_teacher(folder / "teacher")
    return folder


def recipe(folder: Path, **changes: Any) -> Recipe:
    given = {"training": {"epochs": 1, "batch": BATCH}, **changes}
    return tiny.recipe(folder / "faces", folder / "unused", **given)


def trained(recipe: Recipe) -> Run:
    run = prepare(recipe)
    run.objective.train()
    for number, (images, batch) in enumerate(islice(run.loader.epoch(0), 1)):
        run.step(number, images, on_device(batch, torch.device("cpu"), 0.0))
    return run


def nbytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def planned(recipe: Recipe, world: int = 1, identities: int = IDENTITIES) -> Plan:
    return plan(recipe, identities, world, gbit_per_s=25.0)


CASES = {
    "sgd": {},
    "adamw": {"optimiser": {"adamw": {}}, "head": {"adaface": {}}, "training": {"ema_decay": 0.9, "batch": BATCH}},
    "prompted": {"teacher": "prompted", "method": {"urfm": {"centres": 4, "width": 8, "heads": 2}, "hinton": {}}},
    "inherited": {"teacher": "live", "head": {"inherited": {"centres": "teacher_means", "precision": "bf16"}}},
    "finetuned": {"teacher": "live", "head": {"inherited": {"centres": "finetune"}}},
    "moved": {"teacher": "live", "head": None, "method": {"adadistill": {}, "cosine": {}}},
}


def case(folder: Path, name: str) -> Recipe:
    changes = dict(CASES[name])
    if "teacher" in changes:
        changes["teacher"] = {changes["teacher"]: {"weights": folder / "teacher"}}
    return recipe(folder, **changes)


@pytest.mark.parametrize("name", CASES)
def test_what_is_held_is_what_was_planned_to_the_byte(folder: Path, name: str) -> None:
    run, total = trained(case(folder, name)), planned(case(folder, name)).total
    objective, averaged = run.objective, run.learners.averaged
    held = [*objective.parameters(), *objective.buffers()]
    if objective.teacher is not None:
        assert objective.teacher.network is not None
        held += [*objective.teacher.network.parameters(), *objective.teacher.network.buffers()]
    if averaged is not None:
        held += [*averaged.module.parameters(), *averaged.module.buffers()]
    assert total.weights == nbytes(held)
    assert total.gradients == nbytes(weight.grad for weight in objective.parameters() if weight.grad is not None)
    state = run.learners.optimiser.state.values()
    assert total.optimiser == nbytes(value for each in state for value in each.values() if value.dim())


@pytest.mark.parametrize("name", ["sgd", "adamw", "inherited", "finetuned"])
def test_what_is_kept_for_the_way_back_is_what_was_planned(folder: Path, name: str) -> None:
    run, found = trained(case(folder, name)), planned(case(folder, name))
    ((images, batch),) = islice(run.loader.epoch(0), 1)
    saved = Saved(run.objective)
    with saved.hooks:
        run.objective(images, on_device(batch, torch.device("cpu"), 0.0))
    both = found.held["activations"].activations + found.held["logits"].activations
    # The network was measured with another small head, of eight identities: a few kilobytes.
    assert both == pytest.approx(saved.nbytes, abs=8192)


def test_processes_share_what_grows_with_identities(folder: Path) -> None:
    many = 100_000
    alone, shared = (planned(recipe(folder), world, many) for world in (1, 8))
    assert alone.held["classifier"].weights == many * 8 * 4
    assert shared.held["classifier"].weights == many // 8 * 8 * 4
    assert shared.held["student"] == alone.held["student"]
    few, all_of_them = (each.held["logits"].activations for each in (shared, alone))
    assert few < all_of_them < 2 * few, "eight times the samples against an eighth of the centres"
    assert shared.seconds["between processes"] > 0 == alone.seconds["between processes"]


def test_sampling_spares_gradients_and_logits_and_no_state(folder: Path) -> None:
    many = 100_000
    full = planned(recipe(folder, head={"cosface": {}}), identities=many)
    tenth = planned(recipe(folder, head={"cosface": {"sample_rate": 0.1}}), identities=many)
    for name, kind in (("classifier", "gradients"), ("logits", "activations")):
        few, all_of_them = (getattr(each.held[name], kind) for each in (tenth, full))
        assert few == pytest.approx(all_of_them / 10, rel=0.05)
    assert tenth.held["classifier"].optimiser == full.held["classifier"].optimiser
    assert Crowd(many, 1, 8).taking_part(0.1) == pytest.approx(10_007, abs=1)
    assert Crowd(10, 1, 1000).taking_part(0.1) == 10, "with so many samples everybody is there"


def test_a_step_takes_about_what_was_planned(folder: Path) -> None:
    """Within a factor of 3: other work on the machine may double either side."""
    tiny.write_faces(folder / "many", identities=3000, images=1)
    wide = {"model": {"tiny.net": {"embedding": 128}}, "data": {"root": folder / "many"}}
    wanted = recipe(folder, **wide, training={"epochs": 1, "batch": 64})
    run = trained(wanted)
    batches = [(images, on_device(batch, torch.device("cpu"), 0.0)) for images, batch in islice(run.loader.epoch(0), 7)]
    taken = []
    for number, (images, batch) in enumerate(batches):
        began = time.perf_counter()
        run.step(number, images, batch)
        taken.append(time.perf_counter() - began)
    found = sum(planned(wanted, identities=3000).seconds.values())
    assert 1 / 3 < found / median(taken) < 3
