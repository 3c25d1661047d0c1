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


@pytest.fixture
def swept(monkeypatch):
    """(network, n, source) of each sweep asked for; without data, training and other processes."""
    asked = []

    def fake(network, n, source, *_):
        asked.append((network.name, n, source))
        row = dict(zip(("network", "n", "source"), asked[-1], strict=True))
        return {**row, "verdict": "", "recommended_ratio": 0}

    monkeypatch.setattr(run, "run", fake)
    monkeypatch.setattr(run, "summary", lambda rows: [])
    monkeypatch.setattr(run, "picture", lambda *_: None)
    monkeypatch.setattr(data, "parts", lambda *_: (None, None, None))
    monkeypatch.setattr(run, "Pools", lambda *_: lambda *_: None)
    monkeypatch.setattr(smx.distributed, "start", lambda *_: None)
    return asked


def test_of_several_processes_only_the_first_reads_and_writes(swept, tmp_path, monkeypatch):
    arguments = ["--preset", "gpu", "--distributed", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(run.jax, "process_index", lambda: 1)
    run.main(arguments)
    assert list(tmp_path.iterdir()) == []
    all_of_them = swept.copy()
    monkeypatch.setattr(run.jax, "process_index", lambda: 0)
    run.main(arguments)
    path = tmp_path / "out/results.json"
    content = json.loads(path.read_text())
    assert len(content["rows"]) == len(all_of_them) > 1
    # What process 0 finds done is done for all: rows that one of them alone holds would make it skip a sweep that
    # the others wait in.
    first = {**content, "rows": content["rows"][:1]}
    path.write_text(json.dumps(first))
    told = []
    monkeypatch.setattr(
        run.multihost_utils, "broadcast_one_to_all", lambda a: told.append(a) or told[0]
    )
    for process in (0, 1):
        swept.clear()
        monkeypatch.setattr(run.jax, "process_index", lambda process=process: process)
        run.main(arguments)
        assert swept == all_of_them[1:]
    assert told[0].tolist() == [False, True] + [False] * (len(all_of_them) - 1)
    assert not told[1].any()


def test_results_of_other_settings_are_refused_to_all_processes(swept, tmp_path, monkeypatch):
    before = json.dumps({"experiment": {"of": "another preset"}, "rows": []})
    (tmp_path / "results.json").write_text(before)
    told, stopped = [], []
    monkeypatch.setattr(
        run.multihost_utils, "broadcast_one_to_all", lambda a: told.append(a) or told[0]
    )
    monkeypatch.setattr(smx.distributed, "stop", lambda: stopped.append(1))
    for process in (0, 1):
        monkeypatch.setattr(run.jax, "process_index", lambda process=process: process)
        with pytest.raises(SystemExit, match="holds results of other settings"):
            run.main(["--preset", "gpu", "--distributed", "--out", str(tmp_path)])
    assert (swept, stopped) == ([], [1, 1])  # they part first: none waits for one that has gone
    assert (tmp_path / "results.json").read_text() == before


@pytest.mark.parametrize(
    ("option", "place"),
    [
        (("--coordinator", "here:1"), ("here:1", None, None)),
        (("--num-processes", "2"), (None, 2, None)),
        (("--process-id", "0"), (None, None, 0)),
    ],
)
def test_a_place_among_processes_implies_that_there_are_several(
    swept, tmp_path, monkeypatch, option, place
):
    places = []
    monkeypatch.setattr(smx.distributed, "start", lambda *given: places.append(given))
    run.main(["--preset", "gpu", "--out", str(tmp_path), *option])
    assert places == [place]


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
