"""Long runs resume with the same rows, and refuse other settings."""

import json

import pytest

from benchmarks import verdicts
from benchmarks._record import provenance, resumable, write_json


def test_a_run_resumes_where_it_stopped(tmp_path):
    path, calls = tmp_path / "log.jsonl", []

    def run(a, b):
        calls.append((a, b))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {"value": a + b}

    cells = [(1, 2), (3, 4), (5, 6)]
    with pytest.raises(KeyboardInterrupt):
        resumable(path, {"x": 1}, cells, run)
    with path.open("a") as file:
        file.write('{"cell": [5, 6], "val')  # killed while writing
    rows = resumable(path, {"x": 1}, cells, run)
    assert calls == [(1, 2), (3, 4), (5, 6), (5, 6)]
    assert [row["value"] for row in rows] == [3, 7, 11]
    assert [row["value"] for row in resumable(path, {"x": 1}, cells, run)] == [3, 7, 11]
    assert len(calls) == 4


def test_other_settings_are_refused(tmp_path):
    path = tmp_path / "log.jsonl"
    resumable(path, {"x": 1, "y": 2}, [(1,)], lambda a: {"value": a})
    with pytest.raises(SystemExit, match=r"other settings \(x differ\)"):
        resumable(path, {"x": 3, "y": 2}, [(1,)], lambda a: {"value": a})


def test_results_say_where_they_come_from(tmp_path):
    write_json(tmp_path / "sub" / "r.json", provenance("python -m benchmarks.krr"))
    head = json.loads((tmp_path / "sub" / "r.json").read_text())
    assert head["command"] == "python -m benchmarks.krr"
    assert head["machine"]["processor"]
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["r.json"]


def test_the_verdict_table_counts_what_happened():
    row = {"verdict": "use all", "weight": 1.0, "error": 3.0, "cell_error": 3.0, "real_only": 9.0}
    row |= {"whole_pool": 3.0, "best": 2.0}
    rows = [
        {"cell": [2, 50, 0], **row},
        {"cell": [2, 50, 1], **row, "verdict": "use part", "error": 5.0},
    ]
    (summary,) = verdicts.summarise(rows)
    assert summary["right"] == 1
    assert summary["verdicts"] == {"use all at full weight": 1, "use part": 1}
    assert summary["median_regret"] == 2.0
