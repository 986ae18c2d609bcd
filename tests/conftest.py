"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with real faces and public weights; it lies beside the project and never in it."""
    folder = Path(os.environ.get("FACEDISTILL_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"real faces and weights are not here: no folder {folder}")
    return folder
