"""Multi-step knowledge distillation: a teacher that grows up with its student. PocketNet: Extreme Lightweight Face
Recognition Network Using Neural Architecture Search and Multi-Step Knowledge Distillation. Boutros et al. IEEE Access
2022. arXiv:2108.10710

    ẑ_T^(e)        the teacher as it was when it had trained as long as the student has now

An answer that is little better than the student's own is easier to follow than a finished one. The paper's method is
this teacher with ``feature_consistency`` over entries, weight 100.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ..backbones.load import MODEL_FILE, SNAPSHOTS, start_from, weights_file
from ..errors import UserError
from ..types import Batch, Features
from .contract import AbstractTeacher
from .frozen import head_beside
from .live import Live


class Snapshots(AbstractTeacher):
    """One frozen network whose weights are those of the snapshot for the share of the training that is done.

    Each of n snapshots teaches for one n-th. One is in memory at a time; class centres are those of the last.

    Args:
        weights: a run folder that kept snapshots (``training.snapshot_every``), or files in order of maturity.
        backbone: the network's choice, where the files do not say.
        precision: what it computes in; it answers in float32.

    Raises:
        UserError: fewer than two snapshots, one that is missing or unreadable, or of another network than the last.
    """

    def __init__(
        self,
        *,
        weights: str | Path | list[str | Path],
        backbone: dict[str, Any] | str | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        super().__init__()
        self._files = _files(weights)
        self._head = head_beside(self._files[-1] if isinstance(weights, list) else Path(weights) / MODEL_FILE)
        self.live = Live(weights=self._files[-1], backbone=backbone, precision=precision)
        self.spec = self.live.spec
        self._shown = -1
        for number in range(len(self._files)):  # all are tried now, not in the middle of a training
            self._show(number)

    @property
    def provides(self) -> frozenset[str]:
        return self.live.provides

    def forward(self, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> Features:
        """The answers of the snapshot that is due at ``batch.progress``."""
        count = len(self._files)
        self._show(min(int(float(batch.progress) * count), count - 1))
        seen: Features = self.live(images, batch)
        return seen

    @torch.no_grad()
    def reference(self, images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B D"]:
        """Embeddings of the last snapshot, the finished teacher."""
        self._show(len(self._files) - 1)
        return self.live.reference(images)

    @property
    def constant(self) -> bool:
        return False

    def head_centres(self) -> Tensor | None:
        return self._head

    def _show(self, number: int) -> None:
        """Put the weights of a snapshot into the network, unless they are there."""
        if number != self._shown:
            start_from(self.live.frozen.network, self._files[number])
            self._shown = number


def _files(weights: str | Path | list[str | Path]) -> Sequence[Path]:
    if not isinstance(weights, list) and not Path(weights).is_dir():
        raise UserError(f"Teacher 'snapshots' takes a run folder or a list of files, and {weights} is not a folder.")
    listed = weights if isinstance(weights, list) else sorted((Path(weights) / SNAPSHOTS).glob("*.safetensors"))
    files = [weights_file(each) for each in listed]
    if len(files) < 2:
        raise UserError(
            f"Teacher 'snapshots' needs two files or more, or a run folder that kept some (training.snapshot_every); "
            f"it has {len(files)}."
        )
    if any(file.suffix == ".onnx" for file in files):
        raise UserError("Teacher 'snapshots' exchanges weights, which ONNX files do not let out; give safetensors.")
    return files
