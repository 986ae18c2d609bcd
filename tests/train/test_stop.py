"""A run that is asked to end saves in the midst of an epoch, and goes on as if it had not been."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import halted
import pytest
import tiny
import torch
from safetensors.torch import load_file

from facedistill.config import dump_recipe
from facedistill.data.loader import Loader
from facedistill.data.workers import LoaderStopped
from facedistill.errors import Stopped
from facedistill.recipe import Recipe
from facedistill.train import keeper, run
from facedistill.train.checkpoint import checkpoints

HERE = Path(__file__).parents[1]


def recipe(folder: Path, out: str, **changes: Any) -> Recipe:
    """Three epochs of two steps, with all that a checkpoint must hold, and random numbers drawn in every step."""
    vit = {"vit": {**tiny.VIT["vit"], "drop_path": 0.3}}
    whole = {
        "model": vit,
        "teacher": {"prompted": {"weights": folder / "teacher", "count": 2}},
        "method": {"cosine": {}, "urfm": {"centres": 4, "width": 8, "heads": 2}},
        "optimiser": {"adamw": {"lr": 1e-3}},
        "training": {"epochs": 3, "ema_decay": 0.9},
        "data": {"root": folder / "faces", "validation_identities": 2},
    }
    return tiny.recipe(folder / "faces", folder / out, **{**whole, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stop")
    tiny.write_faces(folder / "faces")
    tiny.write_teacher(folder / "teacher")
    return folder


@pytest.fixture(scope="module")
def straight(folder: Path) -> Path:
    run.fit(recipe(folder, "straight"))
    return folder / "straight"


def tensors(out: Path) -> dict[str, torch.Tensor]:
    """Everything the last checkpoint and the trained network hold."""
    files = [*sorted(checkpoints(out / "checkpoints")[0].glob("*.safetensors")), out / "model.safetensors"]
    return {f"{file.stem}/{name}": value for file in files for name, value in load_file(file).items()}


def lines(out: Path) -> list[dict[str, float]]:
    """What was noted, without how fast."""
    noted = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name not in ("images_per_s", "data_wait")} for line in noted
    ]


def assert_the_same(out: Path, expected: Path) -> None:
    found, wanted = tensors(out), tensors(expected)
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if not torch.equal(wanted[name], found[name])] == []
    assert lines(out) == lines(expected)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_in_mid_epoch_saves_and_the_run_goes_on_bit_for_bit(
    folder: Path, straight: Path, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals
) -> None:
    wanted = recipe(folder, sent.name)
    before = signal.getsignal(sent)
    with monkeypatch.context() as patched:
        patched.setattr(Loader, "epoch", halted.watch([], halted.signal_at(1, 0, sent)))
        with pytest.raises(Stopped, match=rf"Stopped by {sent.name} and saved after step 1 of epoch 2") as error:
            run.fit(wanted)
    assert error.value.exit_code == 75
    assert signal.getsignal(sent) is before, "whoever called has their handler back"
    assert checkpoints(wanted.out / "checkpoints")[0].name == "epoch-0001-step-000001"
    assert not (wanted.out / "model.safetensors").exists()
    run.fit(wanted, resume=True)
    assert_the_same(wanted.out, straight)


def test_a_signal_at_the_end_of_an_epoch_waits_for_its_judgement(
    folder: Path, straight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = recipe(folder, "end")
    with monkeypatch.context() as patched:
        patched.setattr(Loader, "epoch", halted.watch([], halted.signal_at(0, 1)))
        with pytest.raises(Stopped, match="saved after epoch 1"):
            run.fit(wanted)
    run.fit(wanted, resume=True)
    assert_the_same(wanted.out, straight)


def test_a_signal_in_the_last_step_lets_the_run_finish(
    folder: Path, straight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Loader, "epoch", halted.watch([], halted.signal_at(2, 1)))
    wanted = recipe(folder, "last")
    assert run.fit(wanted)["epochs"] == 3
    assert_the_same(wanted.out, straight)


def test_long_epochs_are_saved_in_between_and_nothing_changes(
    folder: Path, straight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []
    save = keeper.save
    monkeypatch.setattr(keeper, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(keeper, "save", lambda *given: (saved.append(given[2].name), save(*given)))
    run.fit(recipe(folder, "between"))
    assert saved == [
        "epoch-0000-step-000001", "epoch-0001", "epoch-0001-step-000001", "epoch-0002", "epoch-0002-step-000001",
        "epoch-0003",
    ]  # fmt: skip
    assert_the_same(folder / "between", straight)


def test_what_was_noted_after_the_checkpoint_is_noted_once(folder: Path, straight: Path) -> None:
    """A kill between a line and its checkpoint, and a line that was cut."""
    wanted = recipe(folder, "noted", training={"epochs": 3, "ema_decay": 0.9})
    run.fit(wanted)
    (wanted.out / "result.json").unlink()
    last = wanted.out / "checkpoints" / "epoch-0003"
    (last / "manifest.json").unlink()
    with (wanted.out / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 7, "epo')
    run.fit(wanted, resume=True)
    assert lines(wanted.out) == lines(straight)


def test_loaders_that_die_twice_lose_nothing(folder: Path, straight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(epoch: int, step: int) -> None:
        if (epoch, step) == (1, 1):
            raise LoaderStopped("stopped twice")

    wanted = recipe(folder, "dying")
    with monkeypatch.context() as patched:
        patched.setattr(Loader, "epoch", halted.watch([], dies))
        with pytest.raises(LoaderStopped):
            run.fit(wanted)
    assert checkpoints(wanted.out / "checkpoints")[0].name == "epoch-0001-step-000001"
    run.fit(wanted, resume=True)
    assert_the_same(wanted.out, straight)


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(folder: Path, straight: Path) -> None:
    wanted = recipe(folder, "early")
    run.fit(wanted)
    (wanted.out / "result.json").unlink()
    for saved in checkpoints(wanted.out / "checkpoints"):
        for file in saved.iterdir():
            file.unlink()
        saved.rmdir()
    run.fit(wanted, resume=True)
    assert_the_same(wanted.out, straight)


def test_processes_that_torchrun_starts_again_go_on_unasked(
    folder: Path, straight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = recipe(folder, "again")
    with monkeypatch.context() as patched:
        patched.setattr(Loader, "epoch", halted.watch([], halted.signal_at(1, 0)))
        with pytest.raises(Stopped):
            run.fit(wanted)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    run.fit(wanted)
    assert_the_same(wanted.out, straight)


SLEEPING = """
import time
from facedistill.train import stop
stop.ECHO_S = 0.2
with stop.Signals() as signals:
    print("ready", flush=True)
    while not signals.asked:
        time.sleep(0.01)
    print(signals.asked, flush=True)
    time.sleep(60)
"""


def test_a_second_request_ends_at_once_and_an_echo_does_not() -> None:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPING], env=environment, stdout=pipe, stderr=pipe, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGTERM)
        assert child.stdout.readline().strip() in ("SIGINT", "SIGTERM")
        assert child.poll() is None
        time.sleep(0.4)
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=10) == -signal.SIGTERM
        assert child.stderr is not None
        assert "Ask again to end at once" in child.stderr.read()


RANK = """
import atexit, glob, json, os, sys
import halted, torch
from facedistill.cli import main
from facedistill.data.loader import Loader

torch.set_num_threads(1)
names = lambda: [open(file).read().strip() for file in glob.glob("/proc/self/task/*/comm")]
atexit.register(lambda: print(json.dumps([name for name in names() if "gloo" in name])))
shown = []
happens = halted.signal_at(1, 1) if os.environ["RANK"] == "1" else lambda epoch, step: None
Loader.epoch = halted.watch(shown, happens)
sys.argv = ["facedistill", "train", sys.argv[1], "--resume"]
try:
    main()
finally:
    print(json.dumps(shown))
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def ranks(file: Path) -> list[subprocess.Popen]:
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    return [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **place, "PYTHONPATH": path, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]  # fmt: skip


def test_one_process_then_two_then_one_are_shown_the_same_samples(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without BatchNorm, whose statistics are those of a process's own samples."""
    changes = {"model": {"tiny.net": {"batch_norm": False}}, "method": {}, "teacher": None}
    alone, wanted = recipe(folder, "alone", **changes), recipe(folder, "elastic", **changes)
    expected: halted.Shown = []
    seen: halted.Shown = []
    with monkeypatch.context() as patched:
        patched.setattr(Loader, "epoch", halted.watch(expected))
        run.fit(alone)
    with monkeypatch.context() as patched:
        patched.setattr(Loader, "epoch", halted.watch(seen, halted.signal_at(0, 0)))
        with pytest.raises(Stopped):
            run.fit(wanted)
    (folder / "elastic.yaml").write_text(dump_recipe(wanted))
    both = ranks(folder / "elastic.yaml")
    said = [rank.communicate(timeout=200) for rank in both]
    assert [rank.returncode for rank in both] == [75, 75], said
    halves, threads = zip(*([json.loads(line) for line in out.splitlines()[-2:]] for out, _ in said), strict=True)
    assert threads == ([], []), "threads that outlive Python abort the process, now and then"
    for (epoch, step, first), (*_, second) in zip(*halves, strict=True):
        seen.append((epoch, step, [index for pair in zip(first, second, strict=True) for index in pair]))
    with monkeypatch.context() as patched:
        patched.setattr(Loader, "epoch", halted.watch(seen))
        run.fit(wanted, resume=True)
    assert seen == expected
    for name, value in tensors(alone.out).items():
        if value.is_floating_point():
            torch.testing.assert_close(tensors(wanted.out)[name], value, atol=2e-5, rtol=1e-4)


MORTAL = """
import os, sys
import halted, torch
from facedistill.cli import main
from facedistill.data.loader import Loader

torch.set_num_threads(1)
if (os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"]) == ("1", "0"):
    Loader.epoch = halted.watch([], halted.signal_at(1, 1, 9))
main()
"""


@pytest.mark.slow
def test_a_killed_rank_goes_on_from_the_last_checkpoint(folder: Path) -> None:
    changes = {"model": {"tiny.net": {"batch_norm": False}}, "method": {}, "teacher": None}
    wanted = recipe(folder, "mortal", **changes)
    (folder / "mortal.yaml").write_text(dump_recipe(wanted))
    (folder / "mortal.py").write_text(MORTAL)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "--max-restarts", "2", str(folder / "mortal.py"), "train", str(folder / "mortal.yaml")]
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run([*command, "training.batch=4"], env=environment, capture_output=True, text=True, timeout=280)
    assert ended.returncode == 0, ended.stderr
    assert "failed (exitcode: -9)" in ended.stderr
    assert [line["epoch"] for line in lines(wanted.out) if "loss" in line] == [1, 2, 3]
