"""A device is found, or named where it is not."""

import pytest
import torch

from facedistill.device import choose_device
from facedistill.errors import UserError


def test_auto_is_a_device_that_is_there() -> None:
    assert choose_device("auto").type in {"cpu", "cuda", "mps"}
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UserError, match=f"Device '{name}' is not available: .*; try device auto or cpu") as error:
        choose_device(name)
    assert "\n" not in str(error.value)
