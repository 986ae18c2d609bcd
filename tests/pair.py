"""Trainings that two processes take as one, and one alone; run as a script it is one of the two.

All cases share one pair of processes, since starting them takes longer than training.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import tiny
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from facedistill import dist, shards
from facedistill.backbones.contract import AbstractBackbone, Preprocess
from facedistill.catalogue import catalogue
from facedistill.method import AbstractMethod
from facedistill.recipe import Recipe
from facedistill.train.checkpoint import Progress, restore, save
from facedistill.train.loop import on_device
from facedistill.train.prepare import Run, prepare
from facedistill.types import Features

HERE = Path(__file__).parent
STEPS = 20
PAIR = ("a", "b")
OTHERWISE = {"adadistill", "residual", "rskd", "urfm"}
"""Methods that need a head, a model or a teacher of their own, or have a case of their own."""
OPTIONS = {"proxyless": {"centres": "best"}}
"""What a method needs to be told here."""


class _Deep(AbstractBackbone):
    """Two stages, for methods that ask for the last but one; no BatchNorm."""

    def __init__(self) -> None:
        super().__init__(Preprocess(tiny.SIZE_PX))
        self.stages = nn.ModuleList([nn.Conv2d(3, 8, 4, 4), nn.Conv2d(8, 8, 2, 2)])
        self.out = nn.Linear(8 * 4, 8)

    def features(self, pixels: Tensor) -> Features:
        first = self.stages[0](pixels).tanh()
        second = self.stages[1](first).tanh()
        return Features(self.out(second.flatten(1)).float(), (first, second))


def deep() -> AbstractBackbone:
    return _Deep()


def write_faces(folder: Path) -> None:
    """Seven identities, which two processes do not share evenly, and some faces without one."""
    tiny.write_faces(folder / "faces", identities=7)
    tiny.write_faces(folder / "others", identities=1, seed=5)
    tiny.write_teacher(folder / "teacher")


def recipe(folder: Path, **changes: Any) -> Recipe:
    """A network without BatchNorm, so that two processes of half a batch compute what one of a whole one does."""
    whole = {
        "model": {"tiny.net": {"batch_norm": False}},
        "data": {"root": folder / "faces", "unlabelled": [folder / "others"]},
        "training": {"epochs": STEPS, "batch": 8},
        "optimiser": {"sgd": {"lr": 0.005, "weight_decay": 0.01}},
    }
    return tiny.recipe(folder / "faces", folder / "unused", **{**whole, **changes})


def cases(folder: Path) -> Mapping[str, Recipe]:
    """What is trained, by name."""
    weights = {"weights": folder / "teacher"}
    live, prompted = {"live": weights}, {"prompted": {**weights, "count": 2, "scale": 8.0}}
    adamw, slow = {"adamw": {"lr": 1e-3}}, {"sgd": {"lr": 0.0002, "weight_decay": 0.01}}
    means = {"centres": "teacher_means", "margin": {"arcface": {"scale": 8.0}}}
    sampled = {"cosface": {"scale": 8.0, "sample_rate": 0.4}}
    every = {name: OPTIONS.get(name, {}) for name in catalogue("methods", AbstractMethod) if name not in OTHERWISE}
    made = {
        "adaface": {"head": {"adaface": {"scale": 8.0}}},
        "arcface": {"head": {"arcface": {"scale": 8.0}}},
        "softmax": {"head": {"softmax": {"scale": 8.0}}, "optimiser": adamw},
        "sampled": {"head": sampled},
        "sampled by AdamW": {"head": sampled, "optimiser": adamw},
        "inherited": {"head": {"inherited": {**means, "precision": "bf16"}}, "teacher": live},
        "inherited, finetuned, sampled": {
            "head": {"inherited": {"centres": "finetune", "margin": sampled}},
            "teacher": live,
        },
        "AdaDistill's centres": {
            "head": None,
            "method": {"adadistill": {"margin": {"arcface": {"scale": 8.0}}}},
            "teacher": live,
        },
        # Attention from small centres, and many terms at once, would make much of the last bit within 20 long steps.
        "APT": {
            "method": {"cosine": {}, "urfm": {"centres": 4, "width": 8, "heads": 2}},
            "teacher": prompted,
            "optimiser": slow,
        },
        "every method": {"model": "pair.deep", "method": every, "teacher": live, "optimiser": slow},
    }
    return {name: recipe(folder, **changes) for name, changes in made.items()}


def steps(run: Run, start: int = 0, end: int = STEPS) -> dict[str, Tensor]:
    """Every term of the loss, step by step."""
    run.objective.train()
    batches = chain.from_iterable(run.loader.epoch(epoch) for epoch in count())
    values = [
        run.step(number, images, on_device(batch, run.step.device, number / run.step.steps))
        for number, (images, batch) in islice(enumerate(batches), start, end)
    ]
    return {f"term {name}": torch.tensor([each[name] for each in values]) for name in values[0]}


def state(run: Run) -> Iterator[tuple[str, Tensor]]:
    """All weights and buffers, whole."""
    shares = shards.shares_in(run.objective)
    for name, tensor in run.objective.state_dict().items():
        yield name, (shards.whole(tensor, shares[name]) if name in shares else tensor).clone()


def write(tensors: Mapping[str, Tensor], file: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)


def train(recipe: Recipe) -> dict[str, Tensor]:
    """All that comes of a training, whose batch is that of one process."""
    run = prepare(recipe, processes=1)
    return {**steps(run), **dict(state(run))}


KEPT, MIDDLE = "sampled by AdamW", STEPS // 2
"""The case that is kept at half-time: rows of the classifier, of both of AdamW's means, and what is common to all."""


def half(folder: Path, name: str) -> dict[str, Tensor]:
    """Half of that training, kept as ``name``; then the other half."""
    run = prepare(cases(folder)[KEPT], processes=1)
    steps(run, end=MIDDLE)
    save(folder / name, run.learners, Progress(1, 1.0), run.setting)
    steps(run, start=MIDDLE)
    return dict(state(run))


def other_half(folder: Path, name: str) -> dict[str, Tensor]:
    """What was kept, by however many processes, and the other half of the training by as many as there are."""
    torch.manual_seed(7)
    run = prepare(cases(folder)[KEPT].model_copy(update={"seed": 3}), processes=1)
    restore(folder / name, run.learners, lambda began: None)
    # The other seed is for what is restored; batches are those of the training.
    run = replace(run, loader=prepare(cases(folder)[KEPT], processes=1).loader)
    steps(run, start=MIDDLE)
    return dict(state(run))


def spread(folder: Path) -> dict[str, Tensor]:
    """A Transformer whose weights two processes share, beside one that each holds; kept, resumed and put together."""
    made: dict[str, Tensor] = {}
    for name, fsdp in (("whole", False), ("spread", True)):
        training = {"epochs": STEPS, "batch": 8, "fsdp": fsdp}
        run = prepare(recipe(folder, model=tiny.VIT, training=training), processes=1)
        made |= {f"{name} {term}": values for term, values in steps(run, end=MIDDLE).items()}
        made |= {f"{name} {key}": tensor.clone() for key, tensor in run.model.named_parameters()}
        if fsdp:
            held = sum(dist.local(weight).numel() for weight in run.objective.model.parameters())
            made["held"] = torch.tensor(held)
            save(folder / "spread", run.learners, Progress(1, 1.0), run.setting)
            twin = prepare(recipe(folder, model=tiny.VIT, training=training, seed=3), processes=1)
            restore(folder / "spread", twin.learners, lambda began: None)
            made |= {f"resumed {key}": tensor.clone() for key, tensor in twin.model.named_parameters()}
    return made


def rows_and_weight() -> tuple[Tensor, Tensor]:
    """A batch of six, and what maps it."""
    chance = torch.Generator().manual_seed(0)
    return torch.randn(6, 3, generator=chance), torch.randn(3, 2, generator=chance)


def gathered() -> dict[str, Tensor]:
    """The gradient of relations among the rows of all processes, and in which order they came."""
    rows, weight = rows_and_weight()
    weight.requires_grad_()
    own = slice(dist.rank(), None, dist.world())
    everyone = dist.gather(rows[own] @ weight)
    (everyone @ everyone.T).square().mean().backward()
    assert weight.grad is not None
    return {"gradient": dist.mean(weight.grad), "numbers": dist.gather(torch.arange(6)[own])}


def file_of(folder: Path, name: str, rank: int) -> Path:
    return folder / f"{name}, {PAIR[rank]}.safetensors"


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def start(command: list[str]) -> None:
    """Run ``command`` as two processes that know of each other."""
    path = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, **place, "PYTHONPATH": path, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=280)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], "\n".join(said)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with dist.processes(torch.device("cpu")):
        for name, each in cases(folder).items():
            write(train(each), file_of(folder, name, dist.rank()))
        for name, made in (
            ("two", half(folder, "two")),
            *((f"{kept} then two", other_half(folder, kept)) for kept in ("two", "one")),
        ):
            write(made, file_of(folder, name, dist.rank()))
        write(spread(folder), file_of(folder, "spread", dist.rank()))
        write(gathered(), folder / f"gathered{dist.rank() or ''}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
