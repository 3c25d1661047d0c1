"""The largest case at a small size, devices, and the memory that is counted."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from benchmarks import _memory, _scale_curves, _scale_devices, _scale_large, scale


def test_the_largest_case_runs_at_a_small_size():
    config = _scale_large.Config(
        synthetic=300, real=40, features=3, num_features=16, counts=3, ridges=2, weights=2
    )
    found = _scale_large.measure(config)
    assert (found["one_cell"]["cells"], found["grid"]["cells"]) == (1, 12)
    assert found["one_cell"]["cells_failed"] == found["grid"]["cells_failed"] == 0
    assert found["file_bytes"] >= 300 * 3 * 4
    assert found["one_cell"]["times"]["compile_s"] > 0
    assert found["one_cell"]["times"]["median_s"] > 0
    assert len(_scale_large.work(found)) == 2
    # The whole grid holds the one cell.
    assert found["grid"]["least_loo_error"] <= found["one_cell"]["least_loo_error"] * (1 + 1e-9)


def test_the_exact_case_becomes_a_row_and_a_sentence():
    found = {
        "rows": 20_000, "seconds": 50.0, "first_seconds": 52.0, "gflops": 60.0, "share_of_product_rate": 0.75,
        "used_bytes": 10 * 2**30, "estimate_over_used": 1.1,
    }  # fmt: skip
    row = scale.exact_work(found)
    assert (row["flops"], row["compile_s"]) == (60e9 * 50, 2.0)
    assert "50 s, 75% of" in scale.exact_note(found)
    assert "10.0 GiB, estimated 1.10 times" in scale.exact_note(found)


def test_every_number_of_devices_is_timed():
    size = dataclasses.replace(_scale_curves.SMALL, rows=100, real=20, num_features=8)
    found = _scale_devices.on_devices(size)
    assert list(found) == [2**i for i in range(jax.device_count().bit_length())]
    assert all(times["median_s"] > 0 for times in found.values())


def test_anonymous_memory_is_seen_and_given_back_memory_too():
    if not _memory.STATUS.exists():
        pytest.skip("no /proc/self/status")
    with _memory.Watch() as memory:
        block = np.ones(2**23)
        memory.restart()
    assert memory.peak >= 0.9 * block.nbytes
    assert memory.since >= 0.9 * block.nbytes  # it is still held
    with _memory.Watch() as again:
        pass
    assert again.peak < 0.5 * block.nbytes


def test_the_memory_of_a_process_is_measured():
    # In a process of its own: one that has freed memory may hand that out again.
    code = (
        "import numpy as np; from benchmarks import _memory; "
        "before = _memory.resident_bytes(); block = np.ones(2**23); "
        "assert _memory.peak_bytes() >= before + 0.9 * block.nbytes"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
