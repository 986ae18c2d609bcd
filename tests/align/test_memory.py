"""What is kept from earlier batches."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facedistill.align.memory import ClassBank, Queue, put

ROWS = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=9)


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_the_last_valid_row_of_a_key_wins(drawn):
    memory, expected = torch.zeros(5, 2), torch.zeros(5, 2)
    rows = torch.arange(1.0, 2 * len(drawn) + 1).reshape(-1, 2)
    for (key, valid), row in zip(drawn, rows, strict=True):
        if valid:
            expected[key] = row
    keys, valid = (torch.tensor(values) for values in zip(*drawn, strict=True))
    put(memory, torch.where(valid, keys, -1), rows, valid)
    assert torch.equal(memory, expected)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=6))
def test_a_queue_keeps_the_newest(sizes):
    queue, everything = Queue(5, 1), []
    for size in sizes:
        rows = torch.arange(len(everything), len(everything) + size).float() + 1
        everything += rows.tolist()
        queue.push(rows[:, None])
    assert sorted(queue.rows[queue.filled, 0].tolist()) == everything[-5:]
    assert queue.filled.sum() == min(5, len(everything))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 2), min_size=1, max_size=6), min_size=1, max_size=5))
def test_a_bank_keeps_the_newest_of_each_identity(steps):
    bank, kept, count = ClassBank(3, 2, 1, valid_steps=3), {label: [] for label in range(3)}, 0
    for step, labels in enumerate(steps):
        rows = torch.arange(count, count + len(labels)).float()[:, None]
        for label, row in zip(labels, rows.tolist(), strict=True):
            if label >= 0:
                kept[label] = [*kept[label], (row[0], step)][-2:]
        for place, row, label in zip(
            bank.push(rows, torch.tensor(labels)).tolist(), rows.tolist(), labels, strict=True
        ):
            assert (place >= 0) == (label >= 0 and (row[0], step) in kept[label])
            assert place < 0 or bank.rows[place].tolist() == row
        count += len(labels)
    _, rows, counts = bank.of(torch.tensor([0, 1, 2, -1]))
    for label in range(3):
        valid = [row for row, step in kept[label] if len(steps) - 1 - step < 3]
        assert sorted(rows[label][counts[label], 0].tolist()) == valid
    assert not counts[3].any()


def test_a_place_says_which_row_is_ones_own():
    bank = ClassBank(2, 3, 1, valid_steps=1)
    places = bank.push(torch.tensor([[5.0], [6.0], [7.0]]), torch.tensor([1, 0, 1]))
    assert bank.rows[places, 0].tolist() == [5, 6, 7]
