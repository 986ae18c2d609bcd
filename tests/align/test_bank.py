"""The bank of earlier samples: oldest first out, and never one's own negative."""

import torch

from facedistill.align.bank import SampleBank
from facedistill.types import UNLABELLED


def remember(bank, *samples):
    index = torch.tensor(samples)
    rows = index[:, None].float().expand(-1, 2)
    bank.remember(rows, -rows, index, index % 3)


def test_the_oldest_leave_first():
    bank = SampleBank(5, 2)
    remember(bank, 10, 11, 12)
    assert sorted(bank.index.tolist()) == [-1, -1, 10, 11, 12]
    remember(bank, 13, 14, 15)
    assert sorted(bank.index.tolist()) == [11, 12, 13, 14, 15]
    remember(bank, *range(20, 27))
    assert sorted(bank.index.tolist()) == [22, 23, 24, 25, 26]
    assert bank.own[:, 0].tolist() == bank.index.tolist()
    assert bank.wanted[:, 1].tolist() == [-index for index in bank.index.tolist()]
    assert bank.labels.tolist() == [index % 3 for index in bank.index.tolist()]


def test_order_survives_saving():
    bank, twin = SampleBank(4, 2), SampleBank(4, 2)
    remember(bank, 1, 2, 3)
    twin.load_state_dict(bank.state_dict())
    for each in (bank, twin):
        remember(each, 4, 5)
        remember(each, 6)
    assert sorted(bank.index.tolist()) == [3, 4, 5, 6]
    assert torch.equal(bank.index, twin.index)


def test_nobody_is_their_own_negative():
    bank = SampleBank(4, 2)
    bank.remember(torch.ones(3, 2), torch.ones(3, 2), torch.tensor([7, 8, 9]), torch.tensor([0, UNLABELLED, 1]))
    others = bank.others(torch.tensor([7, 5, 6]), torch.tensor([0, 1, UNLABELLED]))
    expected = [
        [False, True, True, False, True, True, False],  # sample 7 is in the bank, and one place of it is empty
        [True, False, True, True, True, False, False],  # sample 9 shows the same person
        [True, True, False, True, True, True, False],  # unlabelled ones are nobody's person
    ]
    assert others.tolist() == expected


def test_a_bank_of_nothing():
    bank = SampleBank(0, 2)
    remember(bank, 1, 2)
    assert bank.others(torch.tensor([1, 2]), torch.tensor([0, 1])).tolist() == [[False, True], [True, False]]
