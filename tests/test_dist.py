"""One process alone, and two that train as one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file

from facedistill import dist
from facedistill.config import dump_recipe
from facedistill.recipe import Recipe
from facedistill.train import run

HERE = Path(__file__).parent
RANK = """
import os, sys
import torch
from safetensors.torch import save_file
from facedistill.config import load_recipe
from facedistill.train import run

torch.set_num_threads(1)
kept, prepare = [], run.prepare
run.prepare = lambda *given: kept.append(prepare(*given)) or kept[-1]
run.fit(load_recipe(sys.argv[1]))
weights = {name: value.detach().contiguous() for name, value in kept[0].objective.named_parameters()}
save_file(weights, f"{sys.argv[2]}/rank{os.environ['RANK']}.safetensors")
"""


def test_alone_nothing_is_shared() -> None:
    with dist.processes(torch.device("cpu")):
        assert (dist.rank(), dist.world()) == (0, 1)
        layer, value = torch.nn.Linear(2, 2), torch.ones(3)
        assert dist.shared(layer) is layer
        assert dist.mean(value) is value


def test_each_process_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert dist.local_device(torch.device("cuda")) == torch.device("cuda", 3)
    assert dist.local_device(torch.device("cuda", 1)) == torch.device("cuda", 1)
    assert dist.local_device(torch.device("cpu")) == torch.device("cpu")


def recipe(folder: Path, out: str, batch: int) -> Recipe:
    """A network without BatchNorm, so that two processes of half a batch compute what one of a whole one does."""
    return tiny.recipe(
        folder / "faces",
        folder / out,
        model={"tiny.net": {"batch_norm": False}},
        teacher={"prompted": {"weights": folder / "teacher", "count": 2}},
        method={"cosine": {}},
        training={"epochs": 2, "batch": batch},
        data={"root": folder / "faces", "validation_identities": 2},
    )


def started(command: list[str], **environment: str) -> subprocess.Popen:
    path = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    settings = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def test_two_processes_of_half_a_batch_train_as_one(tmp_path: Path) -> None:
    tiny.write_faces(tmp_path / "faces")
    tiny.write_teacher(tmp_path / "teacher")
    (tmp_path / "two.yaml").write_text(dump_recipe(recipe(tmp_path, "two", batch=4)))
    command = [sys.executable, "-c", RANK, str(tmp_path / "two.yaml"), str(tmp_path)]
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    ranks = [started(command, RANK=str(rank), LOCAL_RANK=str(rank), **place) for rank in range(2)]
    said = [rank.communicate()[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], said

    first, second = (load_file(tmp_path / f"rank{rank}.safetensors") for rank in range(2))
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == ["head.centres"]
    first["head.centres"] = torch.cat([each["head.centres"] for each in (first, second)])
    run.fit(recipe(tmp_path, "one", batch=8))
    alone = load_file(tmp_path / "one" / "checkpoints" / "epoch-0002" / "objective.safetensors")
    for name, value in first.items():
        torch.testing.assert_close(value, alone[name], atol=2e-5, rtol=1e-4)


@pytest.mark.slow
def test_torchrun_runs_the_command(tmp_path: Path) -> None:
    tiny.write_faces(tmp_path / "faces")
    tiny.write_teacher(tmp_path / "teacher")
    (tmp_path / "two.yaml").write_text(dump_recipe(recipe(tmp_path, "two", batch=4)))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ranks = started([*torchrun, "-m", "facedistill", "distill", str(tmp_path / "two.yaml")])
    said = ranks.communicate()[0]
    assert ranks.returncode == 0, said
    assert (tmp_path / "two" / "model.safetensors").is_file()
    assert said.count("validation") == 1, "one process speaks"
