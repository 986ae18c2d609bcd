"""Which layers lose too much as integers: found by quantising each alone, and kept in float, the worst first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from .gate import Agreement, Gate, agreement
from .graph import layer_name
from .integers import Calibrated
from .session import run
from .trace import PIXELS

if TYPE_CHECKING:
    from onnx import ModelProto

Report = Callable[[int, int], None]
"""Told how many layers were asked, and of how many."""


@dataclass(frozen=True)
class Quantised:
    """A graph in eight bits."""

    core: "ModelProto"
    kept_in_float: tuple[str, ...]
    """Layers, as the student calls them."""


def quantise(
    core: "ModelProto", pixels: Float[np.ndarray, "N 3 S S"], gate: Gate, report: Report | None = None
) -> Quantised:
    """The graph in eight bits with as few layers in float as ``gate`` needs on half of the pixels.

    The other half calibrates. Where even a float for every second layer does not suffice, that is what comes back.
    """
    calibrated = Calibrated(core, pixels[::2])
    judged = pixels[1::2]
    wanted = run(core, {PIXELS: judged})

    def judge(model: "ModelProto") -> Agreement:
        return agreement(wanted, run(model, {PIXELS: judged}))

    whole = calibrated.quantised()
    if gate.passes(judge(whole)):
        return Quantised(whole, ())
    return _with_floats(calibrated, _by_harm(calibrated, judge, report), judge, gate)


def _by_harm(
    calibrated: Calibrated, judge: "Callable[[ModelProto], Agreement]", report: Report | None
) -> list[tuple[str, str]]:
    """Node and layer names, those that do most harm alone first."""
    harm = {}
    for number, node in enumerate(calibrated.layers, 1):
        harm[node.name, layer_name(node)] = judge(calibrated.quantised(only=[node.name])).mean_cosine
        if report:
            report(number, len(calibrated.layers))
    return sorted(harm, key=lambda names: harm[names])


def _with_floats(
    calibrated: Calibrated,
    ranked: Sequence[tuple[str, str]],
    judge: "Callable[[ModelProto], Agreement]",
    gate: Gate,
) -> Quantised:
    """The worst 1, 2, 4, ... in float, until the gate lets it pass or half of all layers are."""
    count = 1
    while True:
        kept = ranked[:count]
        model = calibrated.quantised(floats=[node for node, _ in kept])
        if gate.passes(judge(model)) or 2 * count > len(ranked):
            return Quantised(model, tuple(layer for _, layer in kept))
        count *= 2
