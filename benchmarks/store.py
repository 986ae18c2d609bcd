"""What a teacher store saves: epochs that ask and epochs that read, step by step in one run, in processor time.

    python benchmarks/store.py epoch --teacher vit_s
    python benchmarks/store.py read

The most that can be saved is 1 + T_teacher / T_student: T_student is a step whose answers cost nothing at all.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from facedistill.backbones.contract import AbstractBackbone
from facedistill.backbones.load import save_backbone
from facedistill.config import Recipe, build
from facedistill.data.mix import Mix
from facedistill.data.views import Views
from facedistill.store.build import build_store
from facedistill.store.codec import CODECS
from facedistill.store.header import Header
from facedistill.store.layout import laid_out
from facedistill.store.pictures import pictures_of
from facedistill.store.plan import plan_store
from facedistill.store.reader import Reader
from facedistill.store.writer import Writer
from facedistill.teachers.contract import AbstractTeacher
from facedistill.train.prepare import Run, prepare
from facedistill.types import Batch, Features, Spec

app = typer.Typer(add_completion=False)


@app.command()
def epoch(
    teacher: Annotated[str, typer.Option(help="Network that teaches, with random weights.")] = "vit_s",
    student: Annotated[str, typer.Option(help="Network that learns, at 64 px.")] = "mobilefacenet_1m2",
    faces: Annotated[int, typer.Option(help="Drawn faces of 112 px.")] = 512,
    batch: int = 32,
    epochs: int = 2,
) -> None:
    """Print the time of an epoch with each teacher, and the gain beside the most there is."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        live, stored = runs(Path(folder), teacher, student, faces, batch, epochs)
        spent = interleaved(live, stored)
    per_epoch = {name: seconds / (epochs - 1) for name, seconds in spent.items()}
    gain, most = spent["asked"] / spent["read"], 1 + spent["teacher"] / spent["given"]
    print(f"| {teacher} to {student}, {faces} faces, batch {batch} | s an epoch |\n|---|---|")
    for name, seconds in per_epoch.items():
        print(f"| {WORDS[name]} | {seconds:.2f} |")
    print(f"\ngain {gain:.2f} of {most:.2f} = 1 + T_teacher / T_student: {gain / most:.1%}")


WORDS = {
    "asked": "teacher live",
    "read": "teacher stored",
    "given": "answers for nothing: T_student",
    "teacher": "the teacher alone: T_teacher",
}


def runs(folder: Path, teacher: str, student: str, faces: int, batch: int, epochs: int) -> tuple[Run, Run]:
    """The same training with a live teacher and with a store of it."""
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
    build_store(plan_store(recipe), folder / "store")
    reading = recipe.model_copy(update={"teacher": {"stored": {"path": str(folder / "store")}}})
    return prepare(recipe), prepare(reading)


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


def interleaved(live: Run, stored: Run) -> dict[str, float]:
    """Seconds of all epochs but the first, which warms up; every batch is taken in every way before the next one."""
    asking, reading = live.objective.teacher, stored.objective.teacher
    assert asking is not None
    assert reading is not None
    given, spent = Given(asking.spec), dict.fromkeys(WORDS, 0.0)
    live.objective.train(), stored.objective.train()
    for number in range(live.recipe.training.epochs):
        at, loaded = time.process_time(), live.loader.epoch(number)
        for images, batch in loaded:
            waited = time.process_time() - at  # every way of taking a batch waits for it
            took = {"asked": waited + step(live, asking, images, batch)}
            took["read"] = waited + step(stored, reading, images, batch)
            given.next = reading(images, batch).embedding
            took["given"] = waited + step(stored, given, images, batch)
            took["teacher"] = seconds_of(lambda images=images, batch=batch: asking(images, batch))
            spent = {name: spent[name] + (took[name] if number else 0.0) for name in spent}
            at = time.process_time()
    return spent


def step(run: Run, teacher: AbstractTeacher, images: Tensor, batch: Batch) -> float:
    run.objective.teacher = teacher
    return seconds_of(lambda: run.step(0, images, batch))


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


@app.command()
def read(
    faces: int = 100_000,
    batch: int = 128,
    batches: int = 2000,
    width: int = 512,
    dtype: str = "fp16",
    mirror: Annotated[bool, typer.Option(help="Two pictures a face; the view says which.")] = True,
) -> None:
    """Print answers a second that one core reads, in shuffled batches, as float32 tensors."""
    torch.set_num_threads(1)
    views, mix = (Views.mirror_only(), None) if mirror else (Views(), Mix())
    pictures = pictures_of(views, mix, 0, 2)
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(written(Path(folder) / "store", faces, pictures.count, width, dtype))
        order, took = np.random.default_rng(0), []
        for number in range(batches):
            index, view = order.integers(faces, size=batch), np.full(batch, number % pictures.count)
            took.append(seconds_of(lambda index=index, view=view: reader.answers(index, pictures.of(index, view))))
        rate = batch / np.median(took)
        print(f"{rate:,.0f} answers/s a core ({dtype}, width {width}, {faces:,} faces, {pictures.count} pictures each)")


def written(folder: Path, faces: int, pictures: int, width: int, dtype: str) -> Path:
    layout = laid_out(CODECS[dtype].columns("embedding", (width,)), faces, pictures)
    writer = Writer(folder, Header(layout, dtype, Spec(width), {"embedding": (width,)}, {}, {}))
    for block in writer.left:
        writer.write(block, [{"embedding": torch.randn(block.stop - block.start, width)}])
    writer.finish()
    return folder


if __name__ == "__main__":
    app()
