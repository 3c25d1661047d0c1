"""The quick preset on real CIFAR-10, and what it makes of numbers."""

import json
import signal

import numpy as np
import pytest

import synthmix_jax as smx
from experiments.cifar10 import data, run


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quick_preset_runs_and_is_not_run_twice(data_dir, small_cifar10, tmp_path, monkeypatch):
    arguments = ["--preset", "quick", "--data-dir", str(data_dir), "--out", str(tmp_path)]
    run.main(arguments)
    content = json.loads((tmp_path / "results.json").read_text())
    assert [row["source"] for row in content["rows"]] == ["class Gaussians", "flow, 4 steps"]
    for row in content["rows"]:
        assert row["realised_counts"] == [0, 200]
        assert np.shape(row["test_error"]) == (2, 2)
        assert row["failed"] == 0
        for value in row["distances"].values():
            assert value["low"] <= value["value"] <= value["high"]
    # Without synthetic images both generators' networks are the same.
    first, second = (row["test_error"][0] for row in content["rows"])
    assert first == second
    for name in ("curves.png", "ladder.png"):
        assert (tmp_path / name).stat().st_size > 10_000

    monkeypatch.setattr(run, "run", lambda *_: pytest.fail("trained again"))
    run.main(arguments)
    assert json.loads((tmp_path / "results.json").read_text())["rows"] == content["rows"]


def test_intervals_are_students_of_paired_differences():
    rows = [
        {
            "network": "net",
            "n": 10,
            "source": "a",
            "ratios": [0.0, 1.0],
            "realised_counts": [0, 10],
            "test_error": [[0.5, 0.6, 0.7], [0.4, 0.5, 0.63]],
        }
    ]
    real, mixed = run.summary(rows)
    assert (real["error"], real["against real only"], real["against real only +-"]) == (60, 0, 0)
    # Differences -10, -10, -7 points: mean -9, deviation 1.732, t = 4.3027 with two degrees of freedom.
    assert (mixed["against real only"], mixed["against real only +-"]) == (-9.0, 4.3)


def test_shrunk_images_are_means_of_blocks(rng):
    x = rng.integers(0, 256, size=(3, 8, 8, 3), dtype=np.uint8)
    small = data.shrunk(smx.Dataset(x, np.zeros(3, int)), 4)
    assert small.x.dtype == np.uint8
    wanted = [[x[1, 2 * i : 2 * i + 2, 2:4, 2].mean() for i in range(4)]]
    np.testing.assert_allclose(small.x[1, :, 1, 2], wanted[0], atol=0.5)


def test_of_several_processes_only_the_first_writes(tmp_path, monkeypatch):
    def fake(network, n, source, *_):
        return {
            "network": network.name,
            "n": n,
            "source": source,
            "verdict": "",
            "recommended_ratio": 0,
        }

    monkeypatch.setattr(run, "run", fake)
    monkeypatch.setattr(run, "summary", lambda rows: [])
    monkeypatch.setattr(run, "picture", lambda *_: None)
    monkeypatch.setattr(data, "parts", lambda *_: (None, None, None))
    monkeypatch.setattr(run, "Pools", lambda *_: lambda *_: None)
    monkeypatch.setattr(smx.distributed, "start", lambda *_: None)
    arguments = ["--preset", "gpu", "--distributed", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(run.jax, "process_index", lambda: 1)
    run.main(arguments)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(run.jax, "process_index", lambda: 0)
    run.main(arguments)
    before = json.loads((tmp_path / "out/results.json").read_text())["rows"]
    # Rows that one process holds would make it skip a sweep that the others wait in.
    monkeypatch.setattr(run, "run", lambda *a: {**fake(*a), "verdict": "asked again"})
    run.main(arguments)
    after = json.loads((tmp_path / "out/results.json").read_text())["rows"]
    assert len(after) == len(before) > 0
    assert {row["verdict"] for row in after} == {"asked again"}


def test_a_ladder_is_refused_to_several_processes(capsys):
    with pytest.raises(SystemExit):
        run.main(["--preset", "ladder-gpu", "--distributed"])
    assert "--distributed" in capsys.readouterr().err


def test_sigterm_ends_with_its_exit_code_once_the_sweep_has_stored_its_state(
    tmp_path, monkeypatch, capsys
):
    def told(*arguments):
        signal.raise_signal(signal.SIGTERM)
        stop = arguments[-1]
        assert stop()
        raise smx.training.Stopped("folder", 3, 9)

    monkeypatch.setattr(run, "run", told)
    monkeypatch.setattr(data, "parts", lambda *_: (None, None, None))
    monkeypatch.setattr(run, "Pools", lambda *_: lambda *_: None)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        run.main(["--preset", "gpu", "--out", str(tmp_path)])
    assert ended.value.code == 143
    assert "kept in folder" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before
