"""The benchmark of the theory runs, and the loop it is compared with computes the same numbers."""

import json

from benchmarks import theory


def test_the_quick_run_agrees_with_its_peer(tmp_path):
    path = tmp_path / "theory.json"
    theory.main(["--quick", "--out", str(path)])
    result = json.loads(path.read_text())
    assert result["mixed_risk"]["largest_relative_difference"] < 1e-10
    assert result["curve"]["orders_it_costs"] > 0
    assert result["command"] == "python -m benchmarks.theory --quick"
