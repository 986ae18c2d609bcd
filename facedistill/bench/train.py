"""Training: a student alone, a teacher alone, and both together, beside a loop as it is usually written."""

import copy
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from itertools import chain, count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..backbones.load import save_backbone
from ..backbones.mobilefacenet import mobilefacenet_1m2
from ..backbones.vit import vit_s
from ..data.recordio.faces import RecordFaces
from ..data.views import Views
from ..recipe import Recipe
from ..speed.choices import Speed, TeacherSpeed
from ..speed.computing import computing, hasten
from ..teachers.live import Live
from ..train.prepare import Run, prepare
from ..types import UNLABELLED, Batch
from . import eager
from .faces import jpeg_records
from .measure import Effort, conv_flops
from .row import Row, beside, near
from .store import stored

STUDENT, TEACHER, OF_A_LOOP = 2.0, 5.0, 0.9
SAME_PRECISION = Speed(matmul="medium", fused=True)
"""float32, as the eager loop has it: on a CPU another library multiplies, and rounds no worse."""
FAST = SAME_PRECISION.model_copy(update={"precision": "bf16"})
ANSWERS = TeacherSpeed(precision="bf16", compile="regional")
LIVE, STORED = 1.5, 3.0
"""Times the eager loop, at the same student, teacher, batch and precision."""


def bench_train(effort: Effort) -> list[Row]:
    """MobileFaceNet at 112 px, with a ViT-S."""
    with tempfile.TemporaryDirectory() as folder:
        root, batch = Path(folder), effort.of(16, 32)
        faces = made(root, batch)
        return [
            *_student(effort, root, faces, batch),
            _teacher(effort, root, batch),
            *_both(effort, root, faces, batch),
        ]


def made(root: Path, batch: int) -> RecordFaces:
    """Two batches of drawn faces, and the weights of a teacher that knows nothing, in ``root``."""
    (root / "teacher").mkdir()
    save_backbone(vit_s(), "vit_s", root / "teacher" / "model.safetensors")
    return jpeg_records(root / "faces", 2 * batch)


def recipe(root: Path, batch: int, speed: Speed = SAME_PRECISION, **changes: object) -> Recipe:
    """The training that is measured: mirror images only, as most published ones have it."""
    views = asdict(Views.mirror_only())
    return Recipe.model_validate(
        {
            "model": "mobilefacenet_1m2",
            "head": "cosface",
            "data": {"root": str(root / "faces"), "views": views},
            "training": {"epochs": 1000, "batch": batch, "device": "cpu", "speed": speed},
            "out": root / "run",
            **changes,
        }
    )


def _student(effort: Effort, root: Path, faces: RecordFaces, batch: int) -> list[Row]:
    """One batch again and again: loading is measured elsewhere."""
    run, fast = prepare(recipe(root, batch)), prepare(recipe(root, batch, FAST))
    loop = eager.Loop(mobilefacenet_1m2(), None, len(faces.identities))
    images, about = next(run.loader.epoch(0))
    pixels = images.float().sub(127.5).div(127.5)
    ways: dict[str, Callable[[], object]] = {
        "ours": _stepping(run, images, about),
        "bf16": _stepping(fast, images, about),
        "loop": _by_hand(run, images, about),
        "eager": lambda: loop.step(pixels, about.labels),
    }
    rates = {name: batch / seconds for name, seconds in effort.interleaved(ways).items()}
    # A backward pass is twice a forward pass; PyTorch's own count of it takes depthwise convolutions for dense ones.
    limit = conv_flops(effort) * batch / (3 * _flops(lambda: loop.student.features(pixels)))
    what = f"MobileFaceNet-1.2M at 112 px, batch {batch}"
    return [
        beside("train.student", f"{what}, fp32", "faces/s", rates["ours"], rates["eager"], STUDENT, limit=limit),
        beside(
            "train.bf16",
            "the same in bf16",
            "faces/s",
            rates["bf16"],
            rates["eager"],
            STUDENT,
            limit=limit,
        ),
        near(
            "train.loop",
            "the same, of a loop by hand over our network",
            "faces/s",
            rates["ours"],
            rates["loop"],
            OF_A_LOOP,
        ),
    ]


def _stepping(run: Run, images: Tensor, about: Batch) -> Callable[[], object]:
    run.objective.train()

    return lambda: run.step(0, images, about)


def _by_hand(run: Run, images: Tensor, about: Batch) -> Callable[[], None]:
    """An update in as few lines as it takes, of a network of its own."""
    objective = copy.deepcopy(run.objective)
    optimiser = torch.optim.SGD(objective.parameters(), lr=eager.LR, momentum=eager.MOMENTUM, nesterov=True)
    pixels = images.to(memory_format=torch.channels_last)

    @computing(run.chosen.speed)
    def step() -> None:
        loss = torch.stack(list(objective(pixels, about).values())).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def _teacher(effort: Effort, root: Path, batch: int) -> Row:
    ours, network = Live(weights=root / "teacher"), eager.plain(vit_s()).eval()
    hasten(ours, ANSWERS)
    images = torch.randint(0, 256, (batch, 3, 112, 112), dtype=torch.uint8)
    nobody = torch.full((batch,), UNLABELLED)
    pixels, about = images.float().sub(127.5).div(127.5), Batch(nobody, nobody, nobody, torch.tensor(0.0))
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(images, about),
        "eager": torch.no_grad()(lambda: network.features(pixels)),
    }
    rates = {name: batch / seconds for name, seconds in effort.interleaved(ways).items()}
    limit = conv_flops(effort, torch.bfloat16) * batch / _flops(ways["eager"])
    what = f"a ViT-S's answers, batch {batch}, compiled, in bf16"
    return beside("train.teacher", what, "faces/s", rates["ours"], rates["eager"], TEACHER, limit=limit)


def _both(effort: Effort, root: Path, faces: RecordFaces, batch: int) -> list[Row]:
    """Loading included, everything in fp32."""
    taken = effort.interleaved(distillations(root, faces, batch))
    rates = {name: batch / seconds for name, seconds in taken.items()}
    return [
        beside("train.live", "ViT-S to MobileFaceNet, fp32", "faces/s", rates["live"], rates["eager"], LIVE),
        beside("train.stored", "the same with the teacher stored", "faces/s", rates["stored"], rates["eager"], STORED),
    ]


def distillations(root: Path, faces: RecordFaces, batch: int) -> dict[str, Callable[[], object]]:
    """Each call loads and learns another batch: teacher live, teacher stored, and the eager loop with its teacher."""
    live = recipe(root, batch, teacher={"live": {"weights": str(root / "teacher")}}, method={"cosine": {}})
    loop = eager.Loop(mobilefacenet_1m2(), vit_s(), len(faces.identities))
    return {
        "live": _training(prepare(live)),
        "stored": _training(prepare(stored(live, root / "store"))),
        "eager": _eager_training(loop, faces, batch),
    }


def _training(run: Run) -> Callable[[], object]:
    batches = chain.from_iterable(run.loader.epoch(number) for number in count())
    return lambda: _stepping(run, *next(batches))()


def _eager_training(loop: eager.Loop, faces: RecordFaces, batch: int) -> Callable[[], object]:
    chance = np.random.default_rng(0)

    def step() -> float:
        index = chance.choice(len(faces), batch, replace=False).tolist()
        return loop.step(eager.load(faces, index, chance), torch.from_numpy(faces.labels[index]))

    return step


def _flops(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())
