"""What a teacher store saves: epochs that ask and epochs that read, step by step in one run, in processor time.

    python benchmarks/store.py epoch --teacher vit_s
    python benchmarks/store.py read
    python benchmarks/store.py trunk

``facedistill bench store`` measures one of each; this asks for other networks, widths and types.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from facedistill.backbones.contract import AbstractBackbone, AbstractPromptable
from facedistill.bench.measure import Effort
from facedistill.bench.store import READ_BATCH, WAYS, interleaved, reading, runs
from facedistill.signature import build

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
        spent = interleaved(Effort(), *runs(Path(folder), teacher, student, faces, batch, epochs))
    per_epoch = {name: seconds / (epochs - 1) for name, seconds in spent.items()}
    gain, most = spent["asked"] / spent["read"], 1 + spent["teacher"] / spent["given"]
    print(f"| {teacher} to {student}, {faces} faces, batch {batch} | s an epoch |\n|---|---|")
    for name, seconds in per_epoch.items():
        print(f"| {WAYS[name]} | {seconds:.2f} |")
    print(f"\ngain {gain:.2f} of {most:.2f} = 1 + T_teacher / T_student: {gain / most:.1%}")


@app.command()
def read(
    faces: int = 100_000,
    batches: int = 2000,
    width: int = 512,
    dtype: str = "fp16",
    mirror: Annotated[bool, typer.Option(help="Two pictures a face; the view says which.")] = True,
) -> None:
    """Print answers a second that one core reads, in shuffled batches, as float32 tensors."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        batch = reading(Path(folder) / "store", faces, width=width, dtype=dtype, mirror=mirror)
        rate = READ_BATCH / Effort().interleaved({"read": batch}, full=batches)["read"]
    print(f"{rate:,.0f} answers/s a core ({dtype}, width {width}, {faces:,} faces, {2 if mirror else 1} pictures each)")


@app.command()
def trunk(
    teacher: Annotated[str, typer.Option(help="An EdgeNeXt.")] = "edgenext_xs",
    student: Annotated[str, typer.Option(help="Network that learns, at 64 px.")] = "mobilefacenet_1m2",
    batch: int = 32,
) -> None:
    """Print what of a prompted teacher stays the same: all before its first attention."""
    torch.set_num_threads(1)
    prompted: AbstractPromptable = build("backbones", AbstractPromptable, teacher).eval().requires_grad_(False)
    learner: AbstractBackbone = build("backbones", AbstractBackbone, {student: {"size_px": 64}})
    faces = torch.rand(batch, 3, 112, 112)
    small = torch.rand(batch, 3, 64, 64)
    prompts = {i: torch.zeros(8, slot.channels, requires_grad=True) for i, slot in enumerate(prompted.prompt_slots)}
    ways = {
        "before the first prompt": lambda: before_prompts(prompted, faces),
        "the prompted teacher, with its gradients": lambda: (
            prompted.features(faces, prompts).embedding.sum().backward()
        ),
        "the student, with its gradients": lambda: learner.features(small).embedding.sum().backward(),
    }
    taken = Effort().interleaved(ways)
    print(f"| {teacher} and {student}, batch {batch} | ms a face |\n|---|---|")
    for name, seconds in taken.items():
        print(f"| {name} | {1000 * seconds / batch:.2f} |")
    first, asked, learnt = taken.values()
    size_kb = before_prompts(prompted, faces[:1]).numel() * 2 / 1000
    print(f"\nat most {first / (asked + learnt):.0%} of a step, for {size_kb:.0f} kB a picture in fp16")


@torch.no_grad()
def before_prompts(network: AbstractPromptable, pixels: Tensor) -> Tensor:
    """The map that an EdgeNeXt's first attention takes."""
    map = network.model.stages[0](network.model.stem(pixels), None)[0]
    second = network.model.stages[1]
    map = second.downsample(map)
    for block in second.blocks[:-1]:
        map, _ = block(map, None)
    return map


if __name__ == "__main__":
    app()
