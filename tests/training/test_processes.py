"""Sweeps in processes of their own: killed at random times, spread over several, on many virtual devices."""

import pytest
import training_cases as cases

from tests import processes


def start(cache_dir, *options, devices=2):
    """One process that runs the sweep of `training_cases`."""
    variables = {
        "JAX_COMPILATION_CACHE_DIR": str(cache_dir),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    return processes.start(cases.__file__, *options, devices=devices, **variables)


def said(process):
    """The numbers a process prints at its end; None if it was killed."""
    return processes.said(process)[0]


def alike(found, result):
    for name, values in cases.numbers(result).items():
        assert cases.np.allclose(found[name], values, rtol=1e-5), name


def pair(cache_dir, *options, each=((), ())):
    """What two processes with two devices each say."""
    shared = ("--processes", 2, "--port", processes.port(), *options)
    both = [start(cache_dir, *shared, "--process", i, *each[i]) for i in (0, 1)]
    try:
        return [said(process) for process in both]
    finally:
        for process in both:
            process.kill()


@pytest.mark.slow
def test_killed_at_random_times_until_finished(cache_dir, tmp_path):
    often = ("--evaluations", 24)
    whole = said(start(cache_dir, "--workdir", tmp_path / "whole", *often))
    kills, found = 0, None
    while found is None:  # at most 0.1 seconds of training, then 0.3, 0.9, ...
        cut = ("--workdir", tmp_path / "cut", "--kill", 0.1 * 3**kills)
        found = said(start(cache_dir, *cut, *often))
        kills += found is None
    assert 1 <= kills < 10
    whole.pop("log"), found.pop("log")
    assert found == whole
    files = [tmp_path / name / "cells.jsonl" for name in ("whole", "cut")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert [path.name for path in (tmp_path / "cut" / "models").iterdir()] == ["0"]


@pytest.mark.slow
def test_eight_devices_find_the_same(cache_dir):
    found = said(start(cache_dir, devices=8))
    assert found["devices"] == 8
    alike(found, cases.sweep())


@pytest.mark.slow
def test_two_processes_find_the_same_and_fail_together(cache_dir, tmp_path):
    one, other = pair(cache_dir, "--workdir", tmp_path / "run")
    assert one == other
    assert one["devices"] == 4
    alike(one, cases.sweep())
    # One process asks for other settings: both say so, and none waits for the other.
    answers = pair(cache_dir, "--workdir", tmp_path / "run", each=((), ("--learning-rate", 0.1)))
    for answer in answers:
        assert "config.learning_rate: 0.05 there, 0.1 here" in answer["error"]
    # What two processes left, one goes on with.
    again = said(start(cache_dir, "--workdir", tmp_path / "run"))
    assert again["log"] == ["resumed: 6 models were finished"]
    assert again["head"] == one["head"]


@pytest.mark.slow
def test_a_killed_process_ends_the_others_and_one_device_goes_on(cache_dir, tmp_path):
    shared = ("--processes", 2, "--port", processes.port(), "--workdir", tmp_path / "run")
    both = [start(cache_dir, *shared, "--process", 0)]
    both.append(start(cache_dir, *shared, "--process", 1, "--die", 3))
    try:
        assert said(both[1]) is None
        _, err = both[0].communicate(
            timeout=60
        )  # the other end of a gather is gone, or a heartbeat
    finally:
        for process in both:
            process.kill()
    assert both[0].returncode not in (0, -9)
    assert "Traceback" in err or "heartbeat" in err or "unhealthy" in err
    found = said(start(cache_dir, "--workdir", tmp_path / "run", devices=1))
    assert found["devices"] == 1
    assert found["log"][0] == "resumed: 0 models were finished, 6 go on from evaluation 2"
    alike(found, cases.sweep())
