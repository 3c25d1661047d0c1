"""The benchmark of distances: its peers solve the same problem as well as ours, and its table has all rows."""

import dataclasses
import json

import numpy as np

from benchmarks import _distances_cases as cases
from benchmarks import _distances_others as others
from benchmarks import distances


def test_the_recorded_tables_are_whole():
    result = json.loads((distances.RESULTS / "distances.json").read_text())
    assert result["command"] == "python -m benchmarks.distances"
    assert {"POT", "ott-jax", "jax"} <= set(result["versions"])
    for case in result["transport"]:
        check_transport(case)
    text = distances.table(result)
    assert text.count("`transport(debiased=False)`") == len(result["transport"])
    assert text.count("shares |") == 2 * len(result["grid"])
    assert text.count("| energy |") == 1


def test_the_peers_solve_the_same_problem_as_well_in_float64():
    check_transport(cases.transport_case(distances.QUICK, "float64", 0.02))


def check_transport(case):
    threshold = distances.Config().threshold
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


def test_metrics_are_timed_alone_and_together():
    few = {"metrics": ("energy", "mmd"), "compared": 30, "halves": 20}
    found = others.compare_case(dataclasses.replace(distances.QUICK, **few))
    assert set(found["with_classes"]) == set(found["without_classes"]) == {*few["metrics"], "all"}
    assert all(row["median_s"] > 0 for row in found["with_classes"].values())


def test_the_sliced_distance_of_many_points_says_its_memory():
    found = others.sliced_alone(60, 8, 16, 1)
    assert found["data_bytes"] == 2 * 60 * 8 * 4
    assert found["peak_above_data_bytes"] >= 0
    assert found["value"] > 0


def test_the_case_for_a_gpu_runs_at_a_small_size():
    config = dataclasses.replace(distances.QUICK, epsilons=(0.05,))
    found = others.large_case(config, 0.05)
    assert (found["held"]["matrix_held"], found["blocked"]["matrix_held"]) == (True, False)
    assert found["held"]["converged"]
    assert found["blocked"]["converged"]
    assert 0 < found["held"]["share_of_bandwidth"] < np.inf
    assert "share_of_bandwidth" not in found["blocked"]
