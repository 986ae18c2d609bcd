"""A MobileFaceNet's training step and a ViT-S's answers under every choice of ``training.speed``, in turn.

    python benchmarks/speed.py [--size-px 112] [--batch 16] [--rounds 5] [--threads 1] [--compiled] [--profile]

The first row is what published repositories write: float32, NCHW, the framework's PReLU. With one thread processor time
counts, else wall time. ``--profile`` adds where the time of the first and of the last row goes.
"""

from collections.abc import Callable, Mapping
from typing import Annotated

import torch
import typer
from torch.profiler import ProfilerActivity, profile

from facedistill.backbones.mobilefacenet import mobilefacenet_1m2
from facedistill.backbones.vit import vit_s
from facedistill.bench.eager import plain
from facedistill.bench.measure import Effort
from facedistill.speed.choices import Speed, TeacherSpeed
from facedistill.speed.choose import student_work, teacher_work
from facedistill.train.allocator import keep_freed_memory

Ways = dict[str, Callable[[], object]]

STUDENT: Mapping[str, Speed] = {
    "NCHW": Speed(channels_last=False),
    "off": Speed(),
    "bf16, NCHW": Speed(precision="bf16", channels_last=False),
    "bf16": Speed(precision="bf16"),
}
STUDENT_COMPILED: Mapping[str, Speed] = {
    "bf16, regional": Speed(precision="bf16", compile="regional"),
    "bf16, whole": Speed(precision="bf16", compile="whole"),
}
TEACHER: Mapping[str, TeacherSpeed] = {"fp32": TeacherSpeed(precision="fp32"), "bf16": TeacherSpeed(precision="bf16")}
TEACHER_COMPILED: Mapping[str, TeacherSpeed] = {
    "bf16, regional": TeacherSpeed(precision="bf16", compile="regional"),
    "bf16, whole": TeacherSpeed(precision="bf16", compile="whole"),
}


def main(
    size_px: Annotated[int, typer.Option(help="Side of a face.")] = 112,
    batch: Annotated[int, typer.Option(help="Faces a step.")] = 16,
    rounds: Annotated[int, typer.Option(help="Times that each way is taken.")] = 5,
    threads: Annotated[int, typer.Option(help="Of the processor.")] = 1,
    compiled: Annotated[bool, typer.Option("--compiled", help="Compiled ways, too; minutes more.")] = False,
    profiled: Annotated[bool, typer.Option("--profile", help="Where the time goes.")] = False,
) -> None:
    """Print both tables."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    images = torch.randint(0, 256, (batch, 3, size_px, size_px), dtype=torch.uint8)
    effort = Effort(threads=threads)
    student = student_ways(size_px, images, STUDENT | STUDENT_COMPILED if compiled else STUDENT)
    teacher = teacher_ways(size_px, images, TEACHER | TEACHER_COMPILED if compiled else TEACHER)
    for title, ways in (("a training step of MobileFaceNet-1.2M", student), ("answers of a ViT-S/8", teacher)):
        print(f"{title}, {batch} faces of {size_px} px, {threads} threads")
        table(effort.interleaved(ways, full=rounds), batch)
        for way in list(ways.values())[:: len(ways) - 1] if profiled else ():
            print(where(way))


def student_ways(size_px: int, images: torch.Tensor, choices: Mapping[str, Speed]) -> Ways:
    """The published loop, and ours by choice."""
    network = mobilefacenet_1m2(size_px=size_px)
    ways: Ways = {"as published": student_work(plain(mobilefacenet_1m2(size_px=size_px)), images)(STUDENT["NCHW"])}
    return ways | {name: student_work(network, images)(speed) for name, speed in choices.items()}


def teacher_ways(size_px: int, images: torch.Tensor, choices: Mapping[str, TeacherSpeed]) -> Ways:
    network = vit_s(size_px=size_px).eval().requires_grad_(False)
    return {name: teacher_work(network, images)(speed) for name, speed in choices.items()}


def table(seconds: Mapping[str, float], batch: int) -> None:
    first = next(iter(seconds.values()))
    for name, taken in seconds.items():
        print(f"  {name:16s} {1000 * taken:8.0f} ms {batch / taken:8.1f} faces/s {first / taken:6.2f} x")


def where(way: Callable[[], object]) -> str:
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        way()
    found: str = seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=10, max_name_column_width=50)
    return found


if __name__ == "__main__":
    typer.run(main)
