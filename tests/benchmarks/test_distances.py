"""The benchmark of distances runs, its peers solve the same problem as well as ours, and its table has all rows."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import _distances_cases as cases
from benchmarks import _distances_others as others
from benchmarks import distances

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_quick_run_is_whole_and_its_peers_agree(tmp_path):
    path = tmp_path / "distances.json"
    command = [sys.executable, "-m", "benchmarks.distances", "--quick", "--out", str(path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    result = json.loads(path.read_text())
    check_record(result)
    for case in result["transport"]:
        check_transport(case)
    assert all(case["relative_difference_to_share_alone"] < 1e-3 for case in result["grid"])
    assert result["exact"]["relative_difference_to_pot"] < 1e-10
    assert result["sliced"]["beside_pot"]["relative_difference"] < 0.2  # other random directions
    assert result["sliced"]["whole"]["peak_above_data_bytes"] >= 0
    assert result["large"] == "not measured on a GPU"
    text = distances.table(result)
    assert text in run.stdout
    assert text.count("`transport(debiased=False)`") == len(result["transport"])
    assert text.count("shares |") == 2 * len(result["grid"])
    assert text.count("| energy |") == 1


def check_record(result):
    numbers = [leaf for leaf in leaves(result) if isinstance(leaf, float | int)]
    assert len(numbers) > 200
    assert np.isfinite(numbers).all()
    assert result["command"] == "python -m benchmarks.distances --quick"
    assert {"POT", "ott-jax", "jax"} <= set(result["versions"])
    assert result["threads"]["cores"] >= 1
    assert result["threads"]["peer"]
    assert [len(result[name]) for name in ("transport", "grid")] == [2, 2]
    assert set(result["compare"]["with_classes"]) == {*distances.QUICK.metrics, "all"}


def leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    return (
        [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, list) else [tree]
    )


def test_the_peers_solve_the_same_problem_as_well_in_float64():
    check_transport(cases.transport_case(distances.QUICK, "float64", 0.02))


def check_transport(case):
    threshold = distances.QUICK.threshold
    for who in ("ours", "ours_debiased"):
        assert case[who]["converged"]
        assert case[who]["marginal_error"] < threshold
    assert case["pot"]["reached"]
    target = cases.same_error(case["ours"]["marginal_error"], case["dtype"])
    assert case["pot"]["marginal_error"] <= target
    assert case["ott"]["converged"]
    assert case["relative_difference_to_pot"] < threshold
    assert case["relative_difference_to_ott"] < threshold
    assert all(entry["ratio"] > 0 for name, entry in case["ratios"].items() if "less" not in name)


def test_a_solver_that_underflows_is_passed_over():
    x, y = (cases.points(30, 64, shift, seed=int(shift)) for shift in (0.0, 9.0))
    eps = 0.004 * float(cases.pot_cost(x, y, "auto").mean())
    pot, cost, plan = cases.pot_solver(x, y, eps, 1e-3)
    assert [(row["dtype"], row["reached"]) for row in pot["tried"]] == [
        ("float32", False),
        ("float64", True),
    ]
    assert cases.l1_error(plan(cost())) <= 1e-3


def test_the_fewest_iterations_are_the_fewest():
    x, y = cases.points(40, 4, seed=0), cases.points(40, 4, seed=1)
    cost = cases.pot_cost(x, y, "auto")
    found = cases.fewest_iterations(cost, 0.5, "sinkhorn", 1e-3)
    errors = [cases.l1_error(cases.pot_plan(cost, 0.5, "sinkhorn", k)) for k in range(1, 60)]
    assert found["iterations"] == 1 + next(i for i, error in enumerate(errors) if error <= 1e-3)
    assert found["marginal_error"] == errors[found["iterations"] - 1]


def test_the_memory_of_a_process_is_measured():
    # In a process of its own: one that has freed memory may hand that out again.
    code = (
        "import numpy as np; from benchmarks import _distances_others as others; "
        "before = others.resident_bytes(); block = np.ones(2**23); "
        "assert others.peak_bytes() >= before + 0.9 * block.nbytes"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_the_case_for_a_gpu_runs_at_a_small_size():
    config = dataclasses.replace(distances.QUICK, epsilons=(0.05,))
    found = others.large_case(config, 0.05)
    assert (found["held"]["matrix_held"], found["blocked"]["matrix_held"]) == (True, False)
    assert found["held"]["converged"]
    assert found["blocked"]["converged"]
    assert 0 < found["held"]["share_of_bandwidth"] < np.inf
    assert "share_of_bandwidth" not in found["blocked"]
