"""Two processes of half a batch, which share the classifier, train as one with all of it."""

import shutil
from pathlib import Path

import pair
import pytest
import tiny
import torch
from safetensors.torch import load_file

from facedistill import dist
from facedistill.errors import UserError
from facedistill.train.checkpoint import checkpoints, restore
from facedistill.train.manifest import damage
from facedistill.train.prepare import prepare

NAMES = list(pair.cases(Path()))
CLOSE, CLOSE_TERM = 1e-6, 1e-5
"""Of the loss and the weights, and of its single terms, some of which are steep; float32 tells numbers apart by 6e-8 of
theirs, and these have come through 20 steps."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    pair.write_faces(folder)
    pair.write(pair.half(folder, "one"), folder / "straight.safetensors")
    pair.start([pair.__file__, str(folder)])
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_two_are_one(folder: Path, name: str) -> None:
    first, second = (load_file(pair.file_of(folder, name, rank)) for rank in range(2))
    assert [each for each in first if not torch.equal(first[each], second[each])] == []
    alone = pair.train(pair.cases(folder)[name])
    assert first.keys() == alone.keys()
    apart = {each: far for each in alone if (far := distance(first[each], alone[each])) > limit(each)}
    assert apart == {}


def limit(name: str) -> float:
    return CLOSE_TERM if name.startswith("term") and name != "term loss" else CLOSE


def test_gathered_rows_give_the_gradient_of_the_whole_batch(folder: Path) -> None:
    gathered = load_file(folder / "gathered.safetensors")
    rows, weight = pair.rows_and_weight()
    weight.requires_grad_()
    whole = dist.gather(rows @ weight)
    (whole @ whole.T).square().mean().backward()
    torch.testing.assert_close(gathered["gradient"], weight.grad)
    assert gathered["numbers"].tolist() == list(range(6)), "in the order of the whole batch"


def distance(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference, relative to values above 1."""
    found, wanted = found.double(), wanted.double()
    return float(((found - wanted).abs() / wanted.abs().clamp_min(1)).max())


def test_kept_and_resumed_by_two_it_goes_on_bit_for_bit(folder: Path) -> None:
    straight, resumed = (load_file(pair.file_of(folder, name, 0)) for name in ("two", "two then two"))
    assert [each for each in straight if not torch.equal(straight[each], resumed[each])] == []


@pytest.mark.parametrize("change", ["one then two", "two then one"])
def test_another_number_of_processes_goes_on(folder: Path, change: str) -> None:
    straight = load_file(folder / "straight.safetensors")
    alone = change.endswith("one")
    resumed = pair.other_half(folder, "two") if alone else load_file(pair.file_of(folder, change, 0))
    assert {each: far for each in straight if (far := distance(resumed[each], straight[each])) > CLOSE} == {}


def test_every_process_writes_its_own_rows(folder: Path) -> None:
    (kept,) = checkpoints(folder / "two")
    parts = [load_file(file) for file in sorted((kept / "parts").iterdir())]
    names = {"objective.head.centres", "optimiser.6.exp_avg", "optimiser.6.exp_avg_sq"}
    assert [{name: len(rows) for name, rows in part.items()} for part in parts] == [
        dict.fromkeys(sorted(names), count) for count in (4, 3)
    ]
    assert "head.centres" not in load_file(kept / "objective.safetensors")


def test_damage_in_any_part_is_noticed(folder: Path, tmp_path: Path) -> None:
    (kept,) = checkpoints(folder / "two")
    copy = shutil.copytree(kept, tmp_path / kept.name)
    assert damage(copy) is None
    file = max((copy / "parts").iterdir())
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert damage(copy) == f"parts/{file.name} is not what was written"


def test_a_network_whose_weights_are_shared_learns_the_same(folder: Path) -> None:
    made = [load_file(pair.file_of(folder, "spread", rank)) for rank in range(2)]
    named = {name.removeprefix("whole "): tensor for name, tensor in made[0].items() if name.startswith("whole ")}
    far = {name: distance(made[0][f"spread {name}"], tensor) for name, tensor in named.items()}
    assert {name: apart for name, apart in far.items() if apart > CLOSE} == {}
    weights = [name for name in named if not name.startswith("term")]
    assert all(torch.equal(made[0][f"resumed {name}"], made[0][f"spread {name}"]) for name in weights)
    held = [int(each["held"]) for each in made]
    assert sum(held) == sum(named[name].numel() for name in weights)
    assert max(held) < 0.6 * sum(held), "each process holds about half"


def test_shared_weights_are_there_for_one_process(folder: Path) -> None:
    run = prepare(pair.recipe(folder, model=tiny.VIT, training={"epochs": 1, "fsdp": True}))
    restore(folder / "spread", run.learners, lambda began: None)
    made = load_file(pair.file_of(folder, "spread", 0))
    assert all(torch.equal(weight, made[f"spread {name}"]) for name, weight in run.model.named_parameters())
    assert pair.steps(run, end=1)["term loss"].isfinite().all(), "one process takes no notice of the word"


def test_shared_weights_and_an_average_exclude_each_other(folder: Path) -> None:
    with pytest.raises(UserError, match="ema_decay"):
        prepare(pair.recipe(folder, training={"epochs": 1, "ema_decay": 0.9, "fsdp": True}))
