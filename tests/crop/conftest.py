"""A detector for every test of this folder."""

from pathlib import Path

import lamps
import pytest


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file for ``YuNet`` that finds lamps."""
    return lamps.write_detector(tmp_path_factory.mktemp("detector") / "lamps.onnx")
