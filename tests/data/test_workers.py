"""Processes that die or hang while they load."""

import multiprocessing
import os
import signal
import time

import pytest
import torch
from torch.utils.data import Dataset

from facedistill.data import workers
from facedistill.data.workers import LoaderStopped, Reader

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


class Squares(Dataset):
    """The squares of its keys; some raise, some take their process away, some never come."""

    def __init__(self, deadly: int = -1, endless: int = -1, broken: int = -1) -> None:
        self.deadly, self.endless, self.broken = deadly, endless, broken

    def __getitem__(self, key: int) -> torch.Tensor:
        if key == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if key == self.endless:
            time.sleep(60)
        if key == self.broken:
            raise OSError("the disk said no")
        return torch.tensor(key * key)


def children() -> list[int]:
    return [child.pid for child in multiprocessing.active_children() if child.pid is not None]


def test_a_killed_worker_is_replaced_and_nothing_is_lost_or_twice() -> None:
    before, reader = children(), Reader(Squares(), 2)
    values = reader.read(range(40))
    seen = [int(next(values)) for _ in range(5)]
    os.kill(next(pid for pid in children() if pid not in before), signal.SIGKILL)
    time.sleep(0.2)  # the signal of its death comes outside of the reader, and does not raise here
    seen += [int(value) for value in values]
    assert seen == [number**2 for number in range(40)]


def test_a_worker_that_dies_again_is_an_error_with_a_name() -> None:
    reader = Reader(Squares(deadly=7), 1)
    with pytest.raises(LoaderStopped, match=r"stopped twice \(DataLoader worker") as error:
        list(reader.read(range(40)))
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 1
    assert [int(value) for value in reader.read(range(3))] == [0, 1, 4], "the next pass has workers again"


def test_a_worker_that_hangs_is_an_error_and_no_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE_S", 0.5)
    reader, began = Reader(Squares(endless=3), 1), time.monotonic()
    with pytest.raises(LoaderStopped, match="timed out"):
        list(reader.read(range(8)))
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("count", [0, 1])
def test_what_a_data_set_raises_is_not_tried_again(count: int) -> None:
    with pytest.raises(OSError, match="the disk said no"):
        list(Reader(Squares(broken=2), count).read(range(8)))


def test_workers_leave_the_first_request_to_end_to_the_loop() -> None:
    before, reader = children(), Reader(Squares(), 1)
    values = reader.read(range(100))
    assert int(next(values)) == 0
    (worker,) = [pid for pid in children() if pid not in before]
    for asked in (signal.SIGINT, signal.SIGUSR1, signal.SIGTERM):
        os.kill(worker, asked)
    assert [int(value) for value in values] == [number**2 for number in range(1, 100)]
    assert worker in children()
