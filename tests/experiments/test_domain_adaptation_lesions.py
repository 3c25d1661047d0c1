"""Lesions painted on the target's tissue, on made-up brains: what must not leak, and what is made of numbers."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import synthmix_jax as smx
from experiments.domain_adaptation.lesions import data, report, run, scores
from experiments.domain_adaptation.lesions.config import PRESETS

PLAN = PRESETS["quick"]


@pytest.fixture(scope="module")
def cohort():
    return data.made_up(PLAN)


def test_quick_preset_runs_and_is_not_run_twice(tmp_path, monkeypatch):
    run.run("quick", tmp_path, False, None)
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [r["kind"] for r in rows].count("pools") == PLAN.seeds * len(data.SIDES)
    for row in (r for r in rows if r["kind"] == "pools"):
        # Without synthetic patches it makes no difference where lesions are painted; with all of them it does.
        curves = {name: found["squared"] for name, found in row["sizes"]["12"].items()}
        assert len({c[0] for c in curves.values()}) == 1
        assert len({c[-1] for c in curves.values()}) > 1
    for name in ("summary.json", "curves.csv"):
        assert data.PHANTOM in (tmp_path / name).read_text()
    assert (tmp_path / "shares.png").exists()

    monkeypatch.setattr(run.cells, "pools", lambda *_: pytest.fail("computed again"))
    run.run("quick", tmp_path, False, None)
    changed = dataclasses.replace(PLAN, ridge=1.0)
    monkeypatch.setitem(run.PRESETS, "quick", changed)
    with pytest.raises(SystemExit, match="other settings"):
        run.run("quick", tmp_path, False, None)


def test_the_screen_sees_no_label_of_the_target(cohort):
    target = cohort.patients["26"]
    garbage = dataclasses.replace(target, lesions=target.lesions[:, ::-1])
    other = dataclasses.replace(cohort, patients={**cohort.patients, "26": garbage})
    before, after = (data.Material(c, PLAN) for c in (cohort, other))
    for side in data.SIDES:
        pools = [m.pool("19", "26", "screened", side, 1.0, 0) for m in (before, after)]
        np.testing.assert_array_equal(pools[0].x, pools[1].x)
        np.testing.assert_array_equal(pools[0].y, pools[1].y)
    one, two = (m.painter("19", "26", "anywhere", "front").tissue for m in (before, after))
    for name in vars(one):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    # The test can fail: what is known of the target's mask changes the pool that is an upper bound.
    known = [m.generator("19", "26", "known").tissue.voxels for m in (before, after)]
    assert not np.array_equal(np.asarray(known[0]), np.asarray(known[1]))


def test_no_voxel_is_both_painted_on_and_tested_on(cohort):
    material = data.Material(cohort, PLAN)
    for side in data.SIDES:
        tests = np.asarray(material.candidates("26").centres)[material.on("26", side)]
        assert len(tests)
        for tissue in ("anywhere", "screened", "known"):
            places = material.painter("19", "26", tissue, side).tissue
            possible = np.diff(np.asarray(places.cumulative), axis=1, prepend=0.0).any(axis=0)
            painted = np.asarray(places.voxels)[possible, 1:]
            apart = np.abs(painted[:, None, 1] - tests[None, :, 1])
            assert apart.min() >= PLAN.size
        few = np.asarray(material.candidates("26").centres)[material.on("26", data.other(side))]
        assert np.abs(few[:, None, 1] - tests[None, :, 1]).min() >= PLAN.size


def test_the_screen_finds_bright_groups_and_counts_what_slips_by(cohort):
    found = data.screened(cohort.patients["26"], PLAN)
    lesions = cohort.patients["26"].lesions
    assert found[lesions].mean() > 3 * found[cohort.patients["26"].brain & ~lesions].mean()
    material = data.Material(cohort, PLAN)
    slipped = {t: material.slipped("19", "26", t, "front") for t in ("screened", "known")}
    assert all(share == 0.0 for share in slipped["known"].values())
    assert all(0.0 <= share <= 1.0 for share in slipped["screened"].values())


def test_scores_are_those_of_the_package(rng):
    n, m, t = 12, 30, 25
    y = np.arange(n + m + t) % 2
    x = rng.normal(size=(n + m + t, 4)) + 0.8 * y[:, None]
    cut = lambda rows: smx.Dataset(x[rows], y[rows], num_classes=2)
    real, pool, test = cut(slice(n)), cut(slice(n, n + m)), cut(slice(n + m, None))
    counts, importance = np.array([0, 4, 30]), rng.uniform(0.2, 3.0, n)
    sweep = smx.krr.sweep_groups(
        {"source": real, "synthetic": pool},
        kernel=smx.kernels.RBF(1.7),
        ridges=[0.1],
        counts={"synthetic": counts},
        weights={"synthetic": [0.5]},
        importance={"source": importance},
        score="source",
        test=test,
    )
    problem = scores.Problem.of([real, pool], test, 1.7, 0.1)
    weights = np.r_[importance, np.full(m, 0.5)]
    scored, left_out = problem.solved(counts, weights, first=n)
    squared = 2 * np.mean((left_out - (y[:n] - 0.5)) ** 2, axis=1)
    np.testing.assert_allclose(squared, sweep.loo_error["source"].ravel(), rtol=1e-8)
    found = problem.found(counts, weights, calibrate=slice(0, n))
    assert sweep.test_error is not None
    assert sweep.test_misclassified is not None
    np.testing.assert_allclose(found["squared"], sweep.test_error.ravel(), rtol=1e-3)  # 4 digits
    np.testing.assert_allclose(found["wrong"], sweep.test_misclassified.ravel())
    np.testing.assert_allclose(
        scores.lengthscale(real.x), smx.kernels.median_lengthscale(real.x) / 2**0.5, rtol=1e-5
    )
    areas = [roc_auc_score(test.y, row) for row in scored]
    np.testing.assert_allclose(found["auc"], areas, rtol=1e-3)
    thresholds = scores.matched(left_out, y[:n])
    assert ((left_out > thresholds[:, None]).sum(axis=1) == n // 2).all()


def test_minima_are_not_scored_by_those_who_chose_them():
    curves = np.array([[5, 1, 4], [5, 4, 2], [5, 1, 4], [5, 4, 2.0]])
    np.testing.assert_array_equal(report.chosen(curves), [4, 4, 4, 4])


def test_order_of_distances_is_compared_with_the_order_of_errors():
    plan = dataclasses.replace(PLAN, metrics=("energy",), dials=(0.0, 1.0))

    def rows(dial, far, wrong):
        cell = {"fold": "19 to 26", "side": "front", "dial": dial, "seed": 0}
        found = {
            p: {"value": v, "floor": 0.1} for p, v in zip(("source", "screened"), far, strict=True)
        }
        errors = {
            p: {"wrong": [0.5, w], "auc": [0.5, 1 - w], "squared": [0.5, w]}
            for p, w in zip(("source", "screened"), wrong, strict=True)
        }
        return [
            {"kind": "pools", **cell, "sizes": {"12": errors}},
            {"kind": "distances", **cell, "distances": {"energy": found}},
        ]

    # At dial 0 the nearer pool is better, at dial 1 it is worse; along the dial one pool of two is as its distance.
    both = rows(0.0, (0.4, 0.2), (0.3, 0.2)) + rows(1.0, (0.6, 0.5), (0.4, 0.45))
    both[2]["sizes"]["12"]["source"]["wrong"][1] = 0.1
    found = report.distances(both, plan)["energy"]
    assert found["order"]["wrong"]["screened against source"] == {"right": 1, "of": 2}
    assert found["order"]["wrong"]["dials of one pool"] == {"right": 1, "of": 2}
    assert found["order"]["auc"]["dials of one pool"] == {"right": 2, "of": 2}
    assert found["mean"]["19 to 26"]["0"]["screened"] == {"value": 0.2, "floor": 0.1}


def test_draws_are_balanced_and_nested():
    y, key = np.arange(30) % 2, data.key_of("draw")
    more = data.balanced(y, 20, key)
    np.testing.assert_array_equal(data.balanced(y, 8, key), more[:8])
    assert y[more].sum() == 10
    with pytest.raises(ValueError, match="too few"):
        data.balanced(y, 40, key)
