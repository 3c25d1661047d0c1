"""Each verdict from residuals made for it, by the rule as `recommend` states it."""

import numpy as np
import pytest

from synthmix_jax.advice import _intervals, _verdict
from synthmix_jax.advice._verdict import WORTHWHILE

COUNTS = np.array([0, 10, 20, 40])


def residuals_of(means, rng, n=200, noise=0.2, w=1, l=2):
    """Squared errors with these mean errors by count; a shared part makes pairs precise."""
    means = np.broadcast_to(np.asarray(means, float), (w, l, len(COUNTS)))
    shared = rng.chisquare(1, size=n)
    own = rng.normal(size=(w, l, len(COUNTS), n))
    own -= own.mean(axis=-1, keepdims=True)  # the means are exactly these
    own[:, :, 0] = own[0, :, 0]
    return means[..., None] * (shared / shared.mean()) + noise * own


def decide(residuals, pool=40, seed=0):
    bagging = _intervals.bag(residuals, num_bootstrap=200, rng=np.random.default_rng(seed))
    return _verdict.decide(residuals, COUNTS, pool, bagging), bagging


def test_use_all(rng):
    choice, bagging = decide(residuals_of([1.0, 0.7, 0.5, 0.4], rng))
    assert bagging.gain.t > 1.64
    assert choice.verdict == "use all"
    assert choice.cell[2] == 3
    assert choice.interval[1] == 3
    assert choice.interval[0] > 0
    assert choice.real_only[2] == 0


def test_use_all_though_another_count_is_least(rng):
    """The pool is not worse than the best: more data at no demonstrable cost."""
    residuals = residuals_of([1.0, 0.7, 0.400, 0.401], rng)
    choice, _ = decide(residuals)
    assert choice.verdict == "use all"
    assert COUNTS[choice.cell[2]] == 40
    assert choice.interval == (2, 3)


def test_use_part_where_the_whole_pool_is_worse(rng):
    choice, bagging = decide(residuals_of([1.0, 0.4, 0.7, 0.9], rng))
    assert bagging.gain.t > 1.64
    assert choice.verdict == "use part"
    assert choice.cell[2] == 1
    assert choice.interval == (1, 1)


def test_the_whole_pool_at_its_own_weight_and_ridge(rng):
    """Full weight ruins the pool; a light weight makes all of it as good as any part."""
    residuals = residuals_of(
        [
            [[1.0, 0.6, 0.5, 0.4], [1.1, 0.9, 0.8, 0.7]],
            [[1.0, 0.4, 0.7, 2.0], [1.1, 0.6, 1.0, 2.0]],
        ],
        rng,
        w=2,
    )
    choice, _ = decide(residuals)
    assert choice.verdict == "use all"
    assert choice.cell == (0, 0, 3)


def test_use_part_where_the_counts_stop_short_of_the_pool(rng):
    residuals = residuals_of([1.0, 0.7, 0.5, 0.4], rng)
    choice, _ = decide(residuals, pool=100)
    assert choice.verdict == "use part"
    assert choice.cell[2] == 3


def test_use_part_where_the_whole_pool_failed(rng):
    """A pool whose last points repeat others may have no factor at its full size alone."""
    residuals = residuals_of([1.0, 0.7, 0.5, 0.4], rng)
    residuals[:, :, 3] = np.nan
    choice, _ = decide(residuals)
    assert choice.verdict == "use part"
    assert choice.cell[2] == 2
    assert choice.interval == (2, 2)


def test_use_none(rng):
    choice, bagging = decide(residuals_of([1.0, 1.2, 1.4, 1.8], rng, noise=0.05))
    assert bagging.gain.upper < WORTHWHILE
    assert choice.verdict == "use none"
    assert choice.cell == choice.real_only
    assert choice.cell[2] == 0
    assert choice.interval[0] == 0


def test_no_clear_optimum(rng):
    choice, bagging = decide(residuals_of([1.0, 0.97, 0.95, 0.96], rng, noise=2.0))
    assert bagging.gain.t <= 1.64
    assert bagging.gain.upper >= WORTHWHILE
    assert choice.verdict == "no clear optimum"
    assert choice.interval[0] == 0  # holds zero
    assert choice.interval[0] <= choice.cell[2] <= choice.interval[1]


def as_bagging(value, error):
    return _intervals.Bagging(np.zeros((1, 2, 4)), _intervals.Gain(value, error, value / error))


@pytest.mark.parametrize(
    ("value", "error", "verdict"),
    [
        (0.165, 0.1, "use all"),  # t = 1.65
        (0.163, 0.1, "no clear optimum"),  # t = 1.63, upper limit 0.327
        (-0.10, 0.1, "use none"),  # upper limit 0.064
        (-0.09, 0.1, "no clear optimum"),  # upper limit 0.074
        (0.02, 0.01, "use all"),  # small but certain: t = 2, whatever the 7 %
        (0.01, 0.01, "use none"),  # upper limit 0.0264
    ],
)
def test_the_rule_at_its_thresholds(value, error, verdict, rng):
    residuals = residuals_of([1.0, 0.7, 0.5, 0.4], rng)
    choice = _verdict.decide(residuals, COUNTS, 40, as_bagging(value, error))
    assert choice.verdict == verdict


def test_a_gain_whose_best_cell_is_real_only_is_no_gain(rng):
    residuals = residuals_of([1.0, 1.5, 1.5, 1.5], rng)
    choice = _verdict.decide(residuals, COUNTS, 40, as_bagging(0.5, 0.1))
    assert choice.verdict == "no clear optimum"
    assert choice.cell[2] == 0


def test_real_only_has_its_own_ridge(rng):
    residuals = residuals_of([[[1.5, 0.7, 0.5, 0.4], [1.0, 0.8, 0.7, 0.7]]], rng)
    choice, _ = decide(residuals)
    assert choice.real_only == (0, 1, 0)
    assert choice.cell == (0, 0, 3)
