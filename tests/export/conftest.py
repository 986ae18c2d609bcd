"""One small student and its package, made once."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from tiny import net, write_faces

from facedistill.backbones.contract import AbstractBackbone
from facedistill.backbones.load import save_backbone
from facedistill.data.contract import AbstractFaces
from facedistill.data.folder import FolderFaces
from facedistill.export import contract
from facedistill.export.contract import Graphs
from facedistill.export.export import Wanted, export
from facedistill.export.parity import see

CROPS = 120


@pytest.fixture(scope="session", autouse=True)
def traced_once() -> Iterator[None]:
    """PyTorch's exporter takes seconds, and gives the same student the same graph, of which everybody takes copies."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(contract, "trace", cache(contract.trace))
        yield


@pytest.fixture(scope="session")
def student() -> AbstractBackbone:
    """A network whose BatchNorm and slopes are not as they were made."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = net()
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if tensor.is_floating_point() and not name.startswith("preprocess"):
                tensor.data.add_(0.3 * torch.rand_like(tensor))
    return network.eval()


@pytest.fixture(scope="session")
def run(student: AbstractBackbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its run folder."""
    folder = tmp_path_factory.mktemp("run")
    save_backbone(student, "tiny.net", folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FolderFaces:
    return FolderFaces(write_faces(tmp_path_factory.mktemp("crops"), identities=20, images=6))


@pytest.fixture(scope="session")
def graphs(student: AbstractBackbone, faces: AbstractFaces) -> Graphs:
    return Graphs(student, see(student, faces, 64).pixels)


@pytest.fixture(scope="session")
def package(student: AbstractBackbone, faces: FolderFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In every precision."""
    folder = tmp_path_factory.mktemp("packages") / "package"
    # Untrained, it puts nobody far from anybody, and TAR would jump with the last bit.
    nobody = FolderFaces(faces.root, labelled=False)
    wanted = Wanted(precisions=("fp32", "fp16", "int8"), faces=nobody, calibration=nobody, crops=CROPS)
    export(student, {"name": "tiny"}, folder, wanted)
    return folder
