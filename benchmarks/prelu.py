"""A whole training step of MobileFaceNet-1.2M on one core, with our PReLU and with the framework's, in turn.

    python benchmarks/prelu.py [--size-px 64] [--batch 32] [--steps 20]

Processor time of this thread, after three steps to warm up, with the allocator set as a training sets it.
"""

import statistics
import time
from collections.abc import Callable
from typing import Annotated

import torch
import typer
from torch import Tensor, nn

from facedistill.backbones.mobilefacenet import mobilefacenet_1m2
from facedistill.backbones.prelu import PReLU
from facedistill.train.allocator import keep_freed_memory

WARM_UP = 3


def main(
    size_px: Annotated[int, typer.Option(help="Side of a face.")] = 64,
    batch: Annotated[int, typer.Option(help="Faces a step.")] = 32,
    steps: Annotated[int, typer.Option(help="Steps of each.")] = 20,
) -> None:
    """Print the median step of both."""
    torch.set_num_threads(1)
    keep_freed_memory()
    images = torch.randint(0, 256, (batch, 3, size_px, size_px), dtype=torch.uint8)
    candidates = {"ours": _step(size_px, images, swap=False), "nn.PReLU": _step(size_px, images, swap=True)}
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(WARM_UP + steps):
        for name, step in candidates.items():
            start = time.thread_time()
            step()
            seconds[name].append(time.thread_time() - start)
    for name, taken in seconds.items():
        print(f"{name:9s} {1000 * statistics.median(taken[WARM_UP:]):7.1f} ms a step of {batch} at {size_px} px")


def _step(size_px: int, images: Tensor, *, swap: bool) -> Callable[[], None]:
    network = mobilefacenet_1m2(size_px=size_px).train()
    for parent in list(network.modules()) if swap else []:
        for name, part in parent.named_children():
            if isinstance(part, PReLU):
                parent.add_module(name, nn.PReLU(part.num_parameters))
    network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        network(images).embedding.square().mean().backward()
        optimiser.step()

    return step


if __name__ == "__main__":
    typer.run(main)
