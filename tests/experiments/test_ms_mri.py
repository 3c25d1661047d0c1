"""Task 1 on made-up brains: the quick preset, what must not leak, and what is made of numbers."""

import gzip
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from sklearn.metrics import roc_auc_score

import synthmix_jax as smx
from experiments.ms_mri import choices, choosing, intervals, nested, networks, patches, phantom, run
from experiments.ms_mri.config import PRESETS, Fold
from experiments.ms_mri.data import PHANTOM, Cohort, Material
from experiments.ms_mri.report import Table

FOLD = Fold(("19",), "26")
QUICK = PRESETS["quick"].patches


@pytest.fixture(scope="module")
def brains(tmp_path_factory):
    pytest.importorskip("nibabel")
    return phantom.write(tmp_path_factory.mktemp("brains"))


def test_quick_preset_runs_and_is_not_run_twice(brains, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "cohort", lambda *_, **__: Cohort(brains, PHANTOM))
    arguments = ["--preset", "quick", "--task", "patches", "--out", str(tmp_path)]
    run.main(arguments)
    out = tmp_path / "patches"
    packed = (out / "rows.json.gz").read_bytes()
    rows = json.loads(gzip.decompress(packed))["rows"]
    assert [row["kind"] for row in rows] == ["curves"] * 4 + ["distances", "advice", "advice"]
    # Without synthetic patches the dial has no part in the error; with all of them it has.
    same = [row["sizes"]["20"]["error"] for row in rows[:2]]
    assert same[0][0] == same[1][0]
    assert same[0][-1] != same[1][-1]
    for name in ("summary.json", "curves.csv", "choices.csv"):
        assert PHANTOM in (out / name).read_text()
    for name in ("curves.png", "scores.png", "choosing.png"):
        with Image.open(out / name) as image:
            assert image.info["Copyright"] == PHANTOM

    monkeypatch.setattr(patches, "curves", lambda *_: pytest.fail("computed again"))
    run.main(arguments)
    assert (out / "rows.json.gz").read_bytes() == packed
    changed = replace(PRESETS["quick"], patches=replace(QUICK, ridge=1.0))
    monkeypatch.setitem(PRESETS, "quick", changed)
    with pytest.raises(SystemExit, match="other settings"):
        run.main(arguments)


def test_no_voxel_of_the_test_patient_reaches_training(brains, tmp_path):
    import nibabel

    shutil.copytree(brains, tmp_path, dirs_exist_ok=True)
    rng = np.random.default_rng(0)
    for name in ("FLAIR", "T1"):
        garbage = np.where(rng.random(phantom.SHAPE) < 0.8, rng.exponential(5.0, phantom.SHAPE), 0)
        phantom.save(tmp_path / "phantom26" / f"{name}.nii", garbage.astype(np.float32))
    mask = nibabel.load(tmp_path / "phantom26" / "lesions.nii").get_fdata()
    phantom.save(tmp_path / "phantom26" / "lesions.nii", mask[::-1].astype(np.uint8))

    before, after = (Material(Cohort(folder, PHANTOM), QUICK) for folder in (brains, tmp_path))
    assert not np.array_equal(before.test(FOLD).x, after.test(FOLD).x)
    same(before.patient("19").images, after.patient("19").images)
    away = np.asarray(before.candidates("19").centres)[:5]
    for dial in (0.0, 1.0):
        for options in ({}, {"away": away}):
            pools = [m.pool(FOLD.train, dial, 3, **options) for m in (before, after)]
            same(*(pool.x for pool in pools))
    reals = [m.real(FOLD, 20, 3) for m in (before, after)]
    same(*(real.x for real in reals))
    same(*(patches.lengthscale(real.x) for real in reals))
    same(*(m.all_real(FOLD).x for m in (before, after)))
    # Statistics of lesions and outlines, without which there is no generator.
    for part in ("facts", "shapes", "tissue"):
        one, other = (vars(getattr(m.generator(FOLD.train), part)) for m in (before, after))
        for name in one:
            same(one[name], other[name])


def same(one, other):
    np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_patient_is_not_trained_on_and_tested_on():
    with pytest.raises(ValueError, match="both"):
        Fold(("19", "26"), "26")


def test_draws_are_balanced_and_nested(brains):
    material = Material(Cohort(brains, PHANTOM), QUICK)
    few, more = (material.rows("19", count, 0) for count in (7, 20))
    assert few.tolist() == more[:7].tolist()
    y = np.asarray(material.candidates("19").data.y)
    assert (y[few].sum(), y[more].sum()) == (4, 10)
    with pytest.raises(ValueError, match="too few"):
        material.rows("19", 500, 0)


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(1)
    n, m, t = 12, 30, 25
    y = np.arange(n + m + t) % 2
    x = rng.normal(size=(n + m + t, 4)) + 0.8 * y[:, None]
    return x, y, n, m


def test_scores_are_those_of_the_package(problem):
    x, y, n, m = problem
    train, counts, scale = slice(n + m), np.array([0, 3, 30]), 1.7
    test = smx.Dataset(x[n + m :], y[n + m :])
    sweep = smx.krr.sweep(
        smx.Dataset(x[:n], y[:n]),
        smx.Dataset(x[n : n + m], y[n : n + m]),
        kernel=smx.kernels.RBF(scale),
        ridges=[0.1],
        counts=counts,
        test=test,
    )
    kernel, cross = nested.gram(x[train], x[train], scale), nested.gram(x[train], test.x, scale)
    found = nested.scores(kernel, cross, y[train], n=n, counts=counts, ridge=0.1)
    # Both outputs of centred one-hot targets err alike.
    error = 2 * np.mean((found.test - (test.y - 0.5)) ** 2, axis=1)
    left_out = 2 * np.mean((found.left_out - (y[:n] - 0.5)) ** 2, axis=1)
    np.testing.assert_allclose(error, sweep.test_error[0, 0], rtol=1e-9)
    np.testing.assert_allclose(left_out, sweep.loo_error[0, 0], rtol=1e-9)
    np.testing.assert_allclose(nested.wrong(found.test, test.y), sweep.test_misclassified[0, 0])


def test_weighted_scores_solve_the_weighted_problem(problem):
    x, y, n, m = problem
    weights = np.random.default_rng(2).uniform(0.2, 3.0, n + m)
    kernel = nested.gram(x, x, 1.5)
    train, cross = kernel[: n + m, : n + m], kernel[: n + m, n + m :]
    counts = np.array([20, 0])  # in any order
    found = nested.scores(train, cross, y, n=n, counts=counts, ridge=0.3, weights=weights)
    for place, count in enumerate(counts):
        rows = np.arange(n + count)

        def solved(rows, at):
            a = kernel[np.ix_(rows, rows)] + 0.3 * np.diag(1 / weights[rows])
            return kernel[np.ix_(at, rows)] @ np.linalg.solve(a, y[rows] - 0.5)

        np.testing.assert_allclose(found.test[place], solved(rows, np.arange(n + m, len(x))))
        one_by_one = [solved(np.delete(rows, i), [i])[0] for i in range(n)]
        np.testing.assert_allclose(found.left_out[place], one_by_one, rtol=1e-9)


def test_area_under_the_curve_is_that_of_scikit_learn(rng):
    y = rng.integers(0, 2, size=40)
    scores = np.round(rng.normal(size=(3, 40)) + y, 1)  # rounded: with ties
    wanted = [roc_auc_score(y, row) for row in scores]
    np.testing.assert_allclose(nested.area(scores, y), wanted)


def test_calibration_calls_as_many_lesions_as_there_are(rng):
    y = np.arange(20) % 2
    scores = rng.normal(size=(4, 20)) + 3.0
    threshold = nested.matched(scores, y)
    assert ((scores > threshold[:, None]).sum(axis=1) == 10).all()
    assert nested.wrong(np.array([[1.0, 2.0, 4.0]]), np.array([0, 1, 1]), np.array([3.0])) == 1 / 3


def test_minima_are_not_scored_by_those_who_chose_them():
    # Even seeds have their least value at place 1, odd ones at place 2: each is scored at the other's.
    curves = np.array([[5, 1, 4, 6], [5, 4, 2, 6], [5, 1, 4, 7], [5, 4, 2, 7.0]])
    found = intervals.shape_of(curves, np.array([0, 10, 20, 30]))
    assert found["counts"] == [10, 20]
    assert found["gain"]["mean"] == 5 - 4
    assert found["rise"]["mean"] == 6.5 - 4
    assert found["u"] is True
    flat = intervals.shape_of(np.tile([3.0, 1.0, 1.0], (4, 1)), np.arange(3))
    assert flat["u"] is False


def test_intervals_are_students():
    values = np.array([1.0, 2.0, 4.0])
    found = intervals.interval(values)
    low, high = stats.t.interval(0.95, 2, loc=values.mean(), scale=stats.sem(values))
    np.testing.assert_allclose(
        [found["mean"] - found["half"], found["mean"] + found["half"]], [low, high]
    )
    assert intervals.interval(np.array([1.0, np.nan]))["half"] is None


def test_counts_are_chosen_on_the_patient_not_trained_on():
    plan = replace(QUICK, pool=100, counts=4)
    c = len(patches.counts_of(plan))

    def record(best):
        curve = np.abs(np.arange(c) - best).tolist()
        names = ("error", "wrong", "left out error", "left out wrong")
        return {**dict.fromkeys(names, curve), "validation": {"error": curve, "wrong": curve}}

    def row(fold, n, best):
        return {
            "kind": "curves",
            "fold": fold,
            "dial": 0.5,
            "seed": 0,
            "sizes": {str(n): record(best)},
        }

    rows = [row("7 + 26 to 19", 100, 0), row("7 to 26", 50, 2), row("26 to 7", 50, 2)]
    table = Table(rows, plan)
    found = {r["rule"]: r for r in choices.choices(rows, table) if r["fold"] == "7 + 26 to 19"}
    chosen = found["across patients, misclassified"]
    assert chosen["median count"] == patches.counts_of(plan)[2]
    assert chosen["regret, misclassified"]["mean"] == 2
    assert found["none"]["regret, misclassified"]["mean"] == 0
    assert found["all"]["regret, misclassified"]["mean"] == c - 1


def test_networks_are_ranked_and_ratios_beyond_the_pool_left_out(brains, monkeypatch, tmp_path):
    plan = replace(QUICK, networks=PRESETS["cpu"].patches.networks)
    material = Material(Cohort(brains, PHANTOM), plan)
    pool = smx.Dataset(np.zeros((100, 25, 25, 1), np.float32), np.arange(100) % 2)
    monkeypatch.setattr(material, "pool", lambda *_: pool)
    seen = {}

    def sweep(_model, _real, _pool, *, test, ratios, seeds, **_):
        seen["ratios"] = ratios
        shape = (len(ratios), seeds)
        perfect = lambda x: np.stack([np.zeros(len(x)), np.asarray(test.y)], axis=1)
        return SimpleNamespace(
            settings={"model": {"parameters": 1}},
            realised_counts=np.round(20 * np.array(ratios)),
            test_error=np.zeros(shape),
            validation_error=np.zeros(shape),
            status=np.full(shape, ""),
            model=lambda *_: perfect,
        )

    advice = SimpleNamespace(verdict="use none", count=0, gain=0.0, gain_interval=(0.0, 0.0))
    monkeypatch.setattr(smx.training, "sweep", sweep)
    monkeypatch.setattr(smx.advice, "judge", lambda _: advice)
    found = networks.network(material, FOLD, 1.0, 20, tmp_path)
    assert max(seen["ratios"]) == 5.0
    assert np.array(found["auc"]).min() == 1.0


def test_regret_is_against_the_one_place_that_is_best_on_average():
    curves = np.array([[4.0, 1.0, 2.0], [1.0, 3.0, 2.5]])  # means 2.5, 2, 2.25
    found = intervals.regret_of(curves, np.array([0, 2]))
    assert found["mean"] == ((4.0 - 1.0) + (2.5 - 3.0)) / 2


def test_pools_keep_away_from_the_patches_that_are_left_out(brains, monkeypatch):
    material = Material(Cohort(brains, PHANTOM), PRESETS["quick"].patches)
    asked = []

    def pool(train, dial, seed, *, away):
        asked.append(away)
        return material.real(FOLD, 4, 0)

    def recommend(real, synthetic, **options):
        synthetic(real[[0, 2, 3, 7]])
        return SimpleNamespace(
            verdict="use none", count=0, interval=(0, 0), gain=0.0, gain_interval=(0.0, 0.0)
        )

    monkeypatch.setattr(material, "pool", pool)
    monkeypatch.setattr(smx, "recommend", recommend)
    choosing.recommended(material, FOLD, 1.0, 10, 0)
    centres = np.asarray(material.candidates("19").centres)[material.rows("19", 10, 0)]
    np.testing.assert_array_equal(asked[0], centres[[1, 4, 5, 6, 8, 9]])
