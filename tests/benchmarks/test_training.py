"""The benchmark of training runs, on a small problem, and times what it says."""

import dataclasses

import pytest

from benchmarks import training


@pytest.mark.slow
def test_every_way_is_timed_in_every_round():
    config = dataclasses.replace(training.QUICK, models=1)
    calls = []
    found = training.compare(config, {"peer": lambda: calls.append(1)})
    # Once before anything is timed, then in the round of compilation and in each that counts.
    assert len(calls) == 1 + 1 + config.rounds
    assert set(found["step_s"]) == {"ours", "peer"}
    assert all(seconds > 0 for seconds in found["step_s"].values())
    assert found["compile_s"] > 0
