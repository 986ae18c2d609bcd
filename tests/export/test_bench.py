"""Latency beside each other: every row says of which machine, file, threads and student it is."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from said import Call

from facedistill.export.bench import Timed, machine_name, peak_mib, time_side_by_side


def test_times_are_those_of_the_calls() -> None:
    def slow(crops: np.ndarray) -> np.ndarray:
        time.sleep(0.004)
        return crops

    def quick(crops: np.ndarray) -> np.ndarray:
        return crops

    found = time_side_by_side({"slow": Timed(slow, 16), "quick": Timed(quick, 16)}, rounds=2)
    assert found["slow"].least_ms >= 4
    assert found["slow"].least_ms <= found["slow"].p50_ms <= found["slow"].p95_ms
    assert found["slow"].cpu_ms < 2, "sleeping costs no processor time"
    assert found["quick"].least_ms < 1


def test_every_file_gets_a_row_for_every_number_of_threads(
    call: Call, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facedistill.export.bench.peak_mib", lambda file, threads: 1.5)
    said = call("bench", "device", package, "--threads", "1,2", "--rounds", 1, "--json")
    answer = json.loads(said.out)
    rows = answer["rows"]
    assert [(row["file"], row["threads"]) for row in rows] == [
        (f"student.{precision}.onnx", threads) for threads in (1, 2) for precision in ("fp32", "fp16", "int8")
    ]
    assert {row["machine"] for row in rows} == {answer["machine"]} == {machine_name()}
    assert all(row["bytes"] == (package / row["file"]).stat().st_size for row in rows)
    # One 4 x 4 convolution of 8 maps over 16 cells, and a matrix of 128 x 8.
    assert {(row["macs"], row["weights"]) for row in rows} == {
        (16 * 8 * 48 + 128 * 8, 8 * 48 + 2 * 8 + 8 + 128 * 8 + 8)
    }


def test_memory_is_measured_in_a_process_of_its_own(package: Path) -> None:
    peak = peak_mib(package / "student.fp32.onnx", 1)
    assert peak is None or 0 < peak < 500


def test_bad_threads_are_said(call: Call, package: Path) -> None:
    assert "--threads takes numbers such as 1,2; it got '0'" in call("bench", "device", package, "--threads", "0").err
