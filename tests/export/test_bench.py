"""Latency beside each other: every row says of which machine, file, threads and student it is."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from said import Call

from facedistill.export.bench import Timed, machine_name, peak_mib, time_side_by_side
from facedistill.export.limit import macs_per_s


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


def test_tables_of_several_machines_become_one(call: Call, tmp_path: Path) -> None:
    row = {"name": "s", "file": "a.onnx", "threads": 1, "p95_ms": 1, "least_ms": 0.5, "cpu_ms": 1, "bytes": 10}
    for machine, p50_ms in (("slow", 3.0), ("quick", 2.0)):
        rows = [row | {"machine": machine, "p50_ms": p50_ms, "limit_ms": 0.25, "peak_mib": None}]
        (tmp_path / f"{machine}.json").write_text(json.dumps({"machine": machine, "rows": rows}))
    files = [tmp_path / "slow.json", tmp_path / "quick.json"]
    answer = json.loads(call("bench", "merge", *files, "--json").out)
    assert [each["machine"] for each in answer["rows"]] == ["quick", "slow"]
    assert "2.0" in call("bench", "merge", *files).out, "times the limit"
    (tmp_path / "slow.json").write_text('{"rows": [{}]}')
    assert "is not what `facedistill bench device --json` prints" in call("bench", "merge", *files).err


def test_the_limit_is_multiply_adds_in_a_second() -> None:
    assert 1e8 < macs_per_s(1) < 1e13
