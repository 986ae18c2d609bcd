"""A process that is killed while it saves, many times over: ``python kills.py FOLDER TIMES``.

Children come from a fork, so that PyTorch is imported once. Each goes on from the newest checkpoint, tells the number
of every one that it has saved, and is killed at a random instant.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from facedistill.train.checkpoint import Progress, checkpoints, restore, save
from facedistill.train.state import Learners

torch.set_num_threads(1)
MARK = 64


def learners() -> Learners:
    module = torch.nn.Linear(MARK, MARK)
    return Learners(module, torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9), None)


def restored(folder: Path) -> int:
    """Steps of the newest checkpoint, whose every weight must be that number."""
    if not checkpoints(folder):
        return 0
    held = learners()
    steps = restore(folder, held, lambda setting: None).steps
    assert all(bool((weight == steps).all()) for weight in held.trained), f"a mixture at {steps}"
    return steps


def save_for_ever(folder: Path, told: int) -> None:
    held, steps = learners(), restored(folder)
    while True:
        os.write(told, steps.to_bytes(8, "little"))
        steps += 1
        save_as(folder, held, steps)


def save_as(folder: Path, held: Learners, steps: int) -> None:
    with torch.no_grad():
        for weight in held.trained:
            weight.fill_(steps)
    save(folder, held, Progress(steps=steps), {})


def one_save_s(folder: Path) -> float:
    taken = []
    for steps in range(1, 11):
        began = time.monotonic()
        save_as(folder, learners(), steps)
        taken.append(time.monotonic() - began)
    return min(taken)


def killed_at_some_time(folder: Path, within_s: float) -> int:
    """The last number that a child told; it lives for up to ``within_s`` from its first save on."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        save_for_ever(folder, tell)
    os.close(tell)
    with os.fdopen(told, "rb", buffering=0) as stream:
        numbers = stream.read(8)
        time.sleep(random.uniform(0.0, within_s))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        numbers += stream.read()
    return int.from_bytes(numbers[-8:], "little")


def main(folder: Path, times: int) -> None:
    random.seed(0)
    within_s, unfinished = 1.5 * one_save_s(folder), 0
    for _ in range(times):
        told, kept = killed_at_some_time(folder, within_s), restored(folder)
        assert kept >= told, f"{told} was saved, and {kept} is what is left"
        unfinished += any(folder.glob(".*.partial"))
    print(f"{kept} saves, {unfinished} kills in the midst of one")


main(Path(sys.argv[1]), int(sys.argv[2]))
