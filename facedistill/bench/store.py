"""What a teacher store saves of an epoch, and how fast it is read.

The most that can be saved is 1 + T_teacher / T_student; T_student is a step whose answers cost nothing at all.
"""

import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..backbones.contract import AbstractBackbone
from ..backbones.load import save_backbone
from ..data.mix import Mix
from ..data.views import Views
from ..recipe import Recipe
from ..signature import build
from ..store.build import build_store
from ..store.codec import CODECS
from ..store.header import Header
from ..store.layout import laid_out
from ..store.pictures import pictures_of
from ..store.plan import plan_store
from ..store.reader import Reader
from ..store.writer import Writer
from ..teachers.contract import AbstractTeacher
from ..train.prepare import Run, prepare
from ..types import Batch, Features, Spec
from .measure import Effort
from .row import Row, at_least, near

OF_GAIN, READ = 0.95, 150_000.0
READ_BATCH = 128

WAYS = {
    "asked": "teacher live",
    "read": "teacher stored",
    "given": "answers for nothing: T_student",
    "teacher": "the teacher alone: T_teacher",
}


def bench_store(effort: Effort) -> list[Row]:
    """The gain of a small training, and reading alone."""
    faces = effort.of(128, 512)
    with tempfile.TemporaryDirectory() as folder:
        spent = interleaved(effort, *runs(Path(folder), "edgenext_xs", "mobilefacenet_1m2", faces, 32, 2))
        taken = effort.interleaved({"read": reading(Path(folder) / "read", 100_000)}, quick=200, full=2000)
    gain, most = spent["asked"] / spent["read"], 1 + spent["teacher"] / spent["given"]
    return [
        near("store.gain", "a stored epoch's gain, of 1 + T_teacher / T_student", "times", gain, most, OF_GAIN),
        at_least("store.read", "answers of 512, shuffled", "answers/s", READ_BATCH / taken["read"], READ),
    ]


def runs(folder: Path, teacher: str, student: str, faces: int, batch: int, epochs: int) -> tuple[Run, Run]:
    """The same training on drawn faces with a live teacher of random weights, and with a store of it."""
    (folder / "teacher").mkdir()
    network = build("backbones", AbstractBackbone, teacher)
    save_backbone(network, teacher, folder / "teacher" / "model.safetensors")
    recipe = Recipe.model_validate(
        {
            "model": {student: {"size_px": 64}},
            "head": "cosface",
            "teacher": {"live": {"weights": str(folder / "teacher")}},
            "method": {"cosine": {}},
            "data": {"drawn": {"identities": faces // 8, "images_per_identity": 8}},
            "training": {"epochs": epochs, "batch": batch, "device": "cpu"},
            "out": folder / "run",
        }
    )
    return prepare(recipe), prepare(stored(recipe, folder / "store"))


def stored(recipe: Recipe, folder: Path) -> Recipe:
    """The same with the teacher's answers read from a store, which is built in ``folder``."""
    build_store(plan_store(recipe), folder)
    return recipe.model_copy(update={"teacher": {"stored": {"path": str(folder)}}})


class Given(AbstractTeacher):
    """Gives the answers that it was handed."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec, self.next = spec, torch.zeros(0)

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({"embedding"})

    def forward(self, images: Tensor, batch: Batch) -> Features:
        return Features(self.next)


def interleaved(effort: Effort, live: Run, reading: Run) -> dict[str, float]:
    """Seconds of all epochs but the first, which warms up; every batch is taken in every way before the next one."""
    asked, read = live.objective.teacher, reading.objective.teacher
    assert asked is not None
    assert read is not None
    given, spent = Given(asked.spec), dict.fromkeys(WAYS, 0.0)
    live.objective.train(), reading.objective.train()
    for number in range(live.recipe.training.epochs):
        for waited, images, batch in _waited(effort, live, number):
            given.next = read(images, batch).embedding
            took = {
                "asked": waited + effort.seconds(_step(live, asked, images, batch)),
                "read": waited + effort.seconds(_step(reading, read, images, batch)),
                "given": waited + effort.seconds(_step(reading, given, images, batch)),
                "teacher": effort.seconds(lambda images=images, batch=batch: asked(images, batch)),  # type: ignore[misc]
            }
            spent = {name: spent[name] + (took[name] if number else 0.0) for name in spent}
    return spent


def _waited(effort: Effort, run: Run, number: int) -> Iterator[tuple[float, Tensor, Batch]]:
    """The batches of an epoch, with the seconds that each took to load: every way of taking a batch waits for it."""
    batches = run.loader.epoch(number)
    for _ in range(len(run.loader)):
        start = effort.clock()
        images, batch = next(batches)
        yield effort.clock() - start, images, batch


def _step(run: Run, teacher: AbstractTeacher, images: Tensor, batch: Batch) -> Callable[[], object]:
    def step() -> object:
        run.objective.teacher = teacher
        return run.step(0, images, batch)

    return step


def reading(
    folder: Path, faces: int, *, width: int = 512, dtype: str = "fp16", mirror: bool = True
) -> Callable[[], object]:
    """Each call reads another shuffled batch of ``READ_BATCH`` answers, as float32 tensors."""
    views, mix = (Views.mirror_only(), None) if mirror else (Views(), Mix())
    pictures = pictures_of(views, mix, 0, 2)
    reader = Reader(_written(folder, faces, pictures.count, width, dtype))
    order, numbers = np.random.default_rng(0), count()

    def read() -> object:
        index, view = order.integers(faces, size=READ_BATCH), np.full(READ_BATCH, next(numbers) % pictures.count)
        return reader.answers(index, pictures.of(index, view))

    return read


def _written(folder: Path, faces: int, pictures: int, width: int, dtype: str) -> Path:
    layout = laid_out(CODECS[dtype].columns("embedding", (width,)), faces, pictures)
    writer = Writer(folder, Header(layout, dtype, Spec(width), {"embedding": (width,)}, {}, {}))
    for block in writer.left:
        writer.write(block, [{"embedding": torch.randn(block.stop - block.start, width)}])
    writer.finish()
    return folder
