"""Fixtures shared by all tests."""

import os
import sys
from pathlib import Path

import pytest
import torch
from said import Call, Said

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with real faces and public weights; it lies beside the project and never in it."""
    folder = Path(os.environ.get("FACEDISTILL_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"real faces and weights are not here: no folder {folder}")
    return folder


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Call:
    """The command line, in this process."""
    from facedistill import cli  # not above: shapes are checked in what is imported after this file

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["facedistill", *map(str, arguments)])
        code: object = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code or 0
        captured = capsys.readouterr()
        assert isinstance(code, int)
        return Said(code, captured.out, captured.err)

    monkeypatch.setenv("COLUMNS", "200")
    return call
