"""`judge`: the rule against brute force, every verdict, invariances, and refusals."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from synthmix_jax import mixing
from synthmix_jax.advice import _seeds, judge
from tests.advice.network_results import MEANS, RATIOS, errors_of, result_for, result_of

VERDICTS = ("use part", "use all", "use none", "no clear optimum")


def brute_force(errors, points):
    """Gain, half-width, best ratio and the ratios not worse, written down as the rule is told."""
    r, s = errors.shape
    t = stats.t.ppf(0.95, s - 1)
    scores = []
    for left in range(s):
        others = [i for i in range(s) if i != left]
        chosen = min(range(r), key=lambda i: round(errors[i, others].mean(), 9))
        scores.append(errors[0, left] - errors[chosen, left])

    def half(differences):
        size = abs(np.mean(differences))
        variance = np.var(differences, ddof=1)
        if points:
            variance = max(variance, size * (1 - size) / points)
        return t * np.sqrt(variance / s)

    alone = errors[0].mean()
    best = int(np.argmin(errors.mean(axis=1).round(9)))
    inside = [
        i
        for i in range(r)
        if (errors[i] - errors[best]).mean() <= half(errors[i] - errors[best]) + 1e-12
    ]
    return np.mean(scores) / alone, 1.25 * half(scores) / alone, best, inside


@pytest.mark.parametrize("seeds", [3, 4, 7])
@pytest.mark.parametrize("classes", [10, None])
def test_the_rule_is_what_it_says(rng, seeds, classes):
    for _ in range(30):
        means = 0.2 + 0.05 * rng.standard_normal(len(RATIOS))
        errors = np.round(errors_of(means, seeds, 0.03, int(rng.integers(1 << 30))), 2)
        advice = judge(result_of(errors, num_validation=100, num_classes=classes))
        gain, half, best, inside = brute_force(errors, 100 if classes else None)
        assert advice.gain == pytest.approx(gain)
        assert advice.gain_interval[0] == pytest.approx(gain - half)
        assert advice.gain_interval[1] == pytest.approx(min(max(gain + half, 0), 1))
        shown = gain > half
        last = len(RATIOS) - 1
        if shown and best:
            whole = last in inside and errors[last].mean() < errors[0].mean()
            wanted, index = ("use all", last) if whole else ("use part", best)
            hull = [*inside, index]
        elif not shown and gain + half < 0.07:
            wanted, index, hull = "use none", 0, [*inside, 0]
        else:
            wanted, index, hull = "no clear optimum", best, [*inside, 0]
        assert advice.verdict == wanted
        assert advice.networks.index == index
        assert advice.networks.interval == (min(hull), max(hull))


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_is_reached(verdict):
    result = result_for(verdict)
    advice = judge(result)
    at = advice.networks.index
    assert advice.verdict == verdict
    assert advice.sweep is result
    assert advice.count == result.realised_counts[at]
    assert advice.ratio == advice.count / 100
    assert advice.error == pytest.approx(result.validation_error[at].mean())
    assert advice.real_only_error == pytest.approx(result.validation_error[0].mean())
    assert advice.interval[0] <= advice.count <= advice.interval[1]
    assert advice.kernel is None
    assert advice.ridge is None
    assert advice.curve.frequencies.sum() == pytest.approx(1.0)
    if verdict in ("use none", "no clear optimum"):
        assert advice.interval[0] == 0


def test_orders_of_seeds_and_ratios_do_not_matter(rng):
    errors = errors_of(MEANS["use part"], spread=0.02)
    one = judge(result_of(errors))
    seeds, ratios = rng.permutation(5), rng.permutation(5)
    other = judge(result_of(errors[ratios][:, seeds], ratios=np.array(RATIOS)[ratios]))
    assert (other.verdict, other.count, other.interval) == (one.verdict, one.count, one.interval)
    assert other.gain == pytest.approx(one.gain)
    assert other.gain_interval == pytest.approx(one.gain_interval)
    np.testing.assert_allclose(other.curve.error, one.curve.error)


def test_a_level_of_each_seed_cancels_and_the_gain_scales(rng):
    errors = errors_of(MEANS["use part"], spread=0.02)
    one = judge(result_of(errors, num_classes=None))
    level = rng.normal(0, 5, 5)
    other = judge(result_of(errors + level - level.mean() + 1.0, num_classes=None))
    assert (other.verdict, other.count, other.interval) == (one.verdict, one.count, one.interval)
    absolute = one.gain * one.real_only_error
    assert other.gain * other.real_only_error == pytest.approx(absolute)
    assert other.real_only_error == pytest.approx(one.real_only_error + 1.0)
    np.testing.assert_allclose(
        other.curve.high - other.curve.error, one.curve.high - one.curve.error
    )


def test_seeds_that_agree_by_chance_prove_nothing():
    errors = np.full((2, 3), 0.30)
    errors[1] = 0.28
    coarse = judge(result_of(errors, ratios=(0, 1), num_validation=50))
    assert coarse.verdict == "no clear optimum"
    assert judge(result_of(errors, ratios=(0, 1), num_validation=5000)).verdict == "use all"
    equal = judge(result_of(np.full((2, 3), 0.30), ratios=(0, 1)))
    assert equal.verdict == "use none"
    perfect = judge(result_of(np.zeros((2, 3)), ratios=(0, 1)))
    assert perfect.verdict == "use none"
    assert perfect.gain == 0.0


def test_ratios_that_stop_short_of_the_pool_give_part():
    advice = judge(result_for("use all", pool=4000))
    assert (advice.verdict, advice.count) == ("use part", 400)
    assert any(
        "larger ratios were not tried, though the pool allows 40" in w for w in advice.warnings
    )
    whole = judge(result_for("use all"))
    assert any("where it would rise again was not seen" in w for w in whole.warnings)


def test_all_is_not_said_of_a_pool_that_looks_worse_than_none():
    errors = errors_of((0.30, 0.20, 0.20, 0.20, 0.32), spread=0.002)
    errors[-1] += np.array([0.3, -0.1, 0.1, -0.2, 0.0])
    advice = judge(result_of(errors))
    assert advice.networks.interval[1] == len(RATIOS) - 1
    assert advice.verdict == "use part"


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_are_never_clear(seeds):
    with pytest.warns(UserWarning, match="Train with at least 3 seeds"):
        advice = judge(result_of(errors_of(MEANS["use all"], seeds)))
    assert advice.verdict == "no clear optimum"
    assert advice.count == 400
    assert advice.interval[0] == 0
    assert any("Train with at least 3 seeds" in w for w in advice.warnings)
    assert advice.summary().startswith("No clear optimum")


def test_failed_networks_are_left_out_in_pairs_and_named():
    errors = errors_of(MEANS["use part"])
    whole = judge(result_of(errors))
    status = np.full(errors.shape, "", dtype="<U60")
    status[3, 1] = "the loss became NaN"
    errors[3, 1] = np.inf
    advice = judge(result_of(errors, status=status))
    assert advice.verdict == "use part"
    kept = [0, 2, 3, 4]
    saved = (errors[0] - errors[3])[kept].mean()
    assert advice.curve.error[3] == pytest.approx(errors[0].mean() - saved)
    others = [0, 1, 2, 4]
    np.testing.assert_allclose(advice.curve.error[others], whole.curve.error[others])
    [said] = advice.warnings
    assert "1 of 25 networks failed" in said
    assert "ratio 2 with seed 1 (the loss became NaN)" in said


def test_a_seed_is_left_out_of_the_means_that_choose_where_networks_failed(rng):
    """Ratios with different numbers of networks: the mean of the others divides by how many they are."""
    differing = 0
    for _ in range(200):
        saved = rng.normal(size=(5, 4))
        saved[0] = 0.0
        saved[1:][rng.random((4, 4)) < 0.3] = np.nan
        counts, scores = np.zeros(5), np.full(4, np.nan)
        for left in range(4):
            others = np.delete(saved, left, axis=1)
            usable = np.isfinite(saved[:, left]) & np.isfinite(others).any(axis=1)
            if not usable[1:].any():
                continue
            means = {r: np.nanmean(others[r]) for r in np.flatnonzero(usable)}
            pick = max(means, key=means.__getitem__)
            whole = {r: np.nanmean(saved[r]) for r in means}
            differing += pick != max(whole, key=whole.__getitem__)
            counts[pick] += 1
            scores[left] = saved[pick, left]
        frequencies, found = _seeds._left_out(saved, 1.0)
        np.testing.assert_array_equal(found, scores)
        np.testing.assert_allclose(frequencies, counts / max(counts.sum(), 1.0))
    assert differing > 50  # choosing with the seed itself would be another choice


def test_a_ratio_that_failed_too_often_is_not_recommended():
    errors = errors_of(MEANS["use part"])
    errors[2, :3] = np.nan
    advice = judge(result_of(errors))
    assert advice.count != 100
    assert any("consider ratio 1." in w for w in advice.warnings)
    errors[1:] = np.nan
    with pytest.warns(UserWarning, match="Only 0 seeds"):
        nothing = judge(result_of(errors))
    assert (nothing.verdict, nothing.count) == ("no clear optimum", 0)
    assert "could not be measured" not in nothing.summary()


def test_a_seed_without_a_real_only_network_does_not_count():
    errors = errors_of(MEANS["use part"], 3)
    errors[0, 0] = np.nan
    with pytest.warns(UserWarning, match="Only 2 seeds"):
        assert judge(result_of(errors)).verdict == "no clear optimum"


@pytest.mark.parametrize(
    ("ratios", "change", "words"),
    [
        ((0.5, 1, 2), lambda e: e, "no ratio 0.*but 0.5, 1, 2"),
        ((0, 0.001, 0.002), lambda e: e, "no synthetic data to judge"),
        ((0, 1, 2), lambda e: e * np.nan, "every network failed"),
        (
            (0, 1, 2),
            lambda e: np.where(np.arange(3)[:, None] == 0, np.nan, e),
            "every network at ratio 0",
        ),
    ],
)
def test_refusals_name_the_remedy(ratios, change, words):
    with pytest.raises(ValueError, match=words):
        judge(result_of(change(errors_of((0.3, 0.2, 0.2))), ratios=ratios, pool=200))


def test_equal_counts_are_taken_once():
    errors = errors_of((0.3, 0.1, 0.2, 0.2))
    advice = judge(result_of(errors, ratios=(0, 0.001, 1, 1.001), pool=100))
    assert advice.curve.counts.tolist() == [0, 100]
    assert any("Ratios 0.001, 1.001 came to the same number" in w for w in advice.warnings)


def test_weights_of_the_whole_pool():
    advice = judge(result_for("use part", mixing="weight", pool=4000))
    assert advice.verdict == "use all"
    assert (advice.count, advice.ratio) == (4000, 40.0)
    assert advice.weight == pytest.approx(1.0 * 100 / 4000)
    assert mixing.share(100, advice.count, advice.weight) == pytest.approx(0.5)
    assert advice.networks.weights[0] == 0.0
    assert "each weighted 0.025" in advice.summary()
    none = judge(result_for("use none", mixing="weight", pool=4000))
    assert (none.verdict, none.count, none.weight) == ("use none", 0, 0.0)
    edge = judge(result_for("use all", mixing="weight", pool=4000))
    assert any("larger weights were not tried" in w for w in edge.warnings)


def test_the_weight_of_counted_points_is_handed_on():
    advice = judge(result_for("use part", synthetic_weight=0.3))
    assert advice.weight == 0.3
    assert "each weighted 0.3" in advice.summary()


def test_cautions_on_few_points_and_longer_training():
    advice = judge(result_for("use part", num_validation=20, epochs=10.0, num_classes=None))
    assert any("Only 20 held-out real points" in w for w in advice.warnings)
    assert any("longer training alone" in w for w in advice.warnings)
    assert judge(result_for("use part")).warnings == ()


def test_test_errors_are_shown_and_change_nothing():
    result = result_for("use part")
    test = errors_of(MEANS["use none"], key=7)
    test[0, 4] = np.nan
    plain, advice = judge(result), judge(result_for("use part", test=test))
    assert plain.tested is None
    assert (advice.verdict, advice.gain, advice.count) == (plain.verdict, plain.gain, plain.count)
    tested, at = advice.tested, advice.networks.index
    assert tested.num_seeds == 4
    assert tested.real_only == pytest.approx(test[0, :4].mean())
    assert tested.error == pytest.approx(test[at, :4].mean())
    low, high = stats.t.interval(0.9, 3, tested.saved, stats.sem(test[0, :4] - test[at, :4]))
    assert tested.saved_interval == pytest.approx((low, high))


def test_networks_predict_by_themselves():
    with pytest.raises(ValueError, match=r"advice\.sweep\.model"):
        judge(result_for("use part")).predict(np.zeros((1, 2)))


def test_quantiles_are_students():
    assert _seeds.quantile(1) == np.inf
    for seeds in (2, 3, 10):
        assert _seeds.quantile(seeds) == pytest.approx(stats.t.ppf(0.95, seeds - 1))


def test_advice_loads_no_network_library():
    code = "import sys, json, synthmix_jax.advice; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"flax", "optax", "synthmix_jax.training"}
