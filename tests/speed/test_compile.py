"""Compiled training; in a process of its own, since checked shapes do not compile."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import yaml

from facedistill.config import dump_recipe


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_compiled_run_learns_the_same_up_to_rounding(tmp_path: Path) -> None:
    tiny.write_faces(tmp_path / "faces")
    tiny.write_teacher(tmp_path / "teacher")
    eager = losses(tmp_path, "eager", {})
    compiled = losses(tmp_path, "compiled", {"compile": "whole", "teacher": {"compile": "regional"}})
    assert compiled == pytest.approx(eager, rel=1e-4)


def losses(folder: Path, name: str, speed: dict) -> list[float]:
    recipe = tiny.recipe(
        folder / "faces",
        folder / name,
        data={"root": folder / "faces", "validation_identities": 2},
        teacher={"live": {"weights": folder / "teacher"}},
        method="cosine",
        training={"epochs": 2, "speed": speed},
    )
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(dump_recipe(recipe))))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "facedistill", "distill", str(file)], env=environment, check=True)
    lines = (folder / name / "metrics.jsonl").read_text().splitlines()
    return [line["loss"] for line in map(json.loads, lines) if "loss" in line]
