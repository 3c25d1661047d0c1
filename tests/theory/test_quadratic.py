"""Quadratic surrogates: minimisers against grids and simulation, weighting against pooling, clips, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax import theory

CASES = 1000
GRID = np.linspace(0.0, 1.0, 2001)


@pytest.fixture
def constants(rng):
    log = lambda low, high: 10 ** rng.uniform(low, high, (CASES, 1))
    n, Vr = log(0, 3), log(-1, 1)
    return dict(
        n=n,
        m=log(0, 4),
        discrepancy=log(-2, 1) * Vr / n,
        real_variance=Vr,
        synthetic_variance=Vr * log(-1, 1),
    )


def without(constants, *names):
    return {name: value for name, value in constants.items() if name not in names}


def test_weighted_minimiser_is_the_grids_best(constants):
    best = theory.optimal_quadratic_share(**constants)
    curve = theory.quadratic_risk(GRID, **constants)
    least = theory.quadratic_risk(best, **constants)
    assert (least <= curve.min(axis=1, keepdims=True) * (1 + 1e-12)).all()
    assert (np.diff(curve, 2, axis=1) > 0).all()
    assert np.abs(GRID[curve.argmin(axis=1)] - best[:, 0]).max() <= GRID[1]


def test_the_least_weighted_risk_is_the_harmonic_combination(constants):
    c = constants
    synthetic = c["synthetic_variance"] / c["m"] + c["discrepancy"]
    expected = 1 / (c["n"] / c["real_variance"] + 1 / synthetic)
    best = theory.optimal_quadratic_share(**c)
    assert theory.quadratic_risk(best, **c) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("unlimited", [True, False])
def test_pooled_minimiser_is_the_best_of_all_counts(constants, unlimited):
    c = without(constants, "m")
    m = None if unlimited else constants["m"]
    most = 1.0 if unlimited else constants["m"] / (constants["n"] + constants["m"])
    best = theory.optimal_pooled_share(**c, m=m)
    assert ((best >= 0) & (best <= most * (1 + 1e-12))).all()
    curve = theory.pooled_risk(GRID * most, **c)
    least = theory.pooled_risk(best, **c)
    assert (least <= curve.min(axis=1, keepdims=True) * (1 + 1e-12)).all()
    assert (best == 0).any()
    assert (best >= most * (1 - 1e-12)).any()
    assert ((best > 0.01) & (best < 0.99 * most)).any()


def test_where_the_pooled_risk_is_concave_the_formula_gives_its_maximum():
    c = dict(n=2.0, discrepancy=0.25, real_variance=1.0, synthetic_variance=3.0)
    stationary = (2 * 1 - 3) / (2 * (0.5 + 1 - 3))
    curve = theory.pooled_risk(GRID, **c)
    assert theory.pooled_risk(stationary, **c) == pytest.approx(curve.max())
    assert theory.optimal_pooled_share(**c) == 1.0
    # Few synthetic points are worse than none, however many are better.
    assert theory.optimal_pooled_share(**c, m=0.5) == 0.0


def test_equal_variances():
    c = dict(n=10.0, real_variance=2.0)
    assert theory.optimal_pooled_share(**c, discrepancy=0.4) == pytest.approx(2 / (2 * 10 * 0.4))
    assert theory.optimal_pooled_share(**c, discrepancy=0.1) == 1.0  # V >= 2 n B: use all
    assert theory.optimal_pooled_share(**c, discrepancy=0.1001) < 1.0
    same = dict(**c, discrepancy=0.4, synthetic_variance=2.0)
    assert theory.optimal_pooled_share(**same) == pytest.approx(0.25)


def test_pooling_is_weighting_at_weight_one(constants):
    n, m = constants["n"], constants["m"]
    x = m / (n + m)
    pooled = theory.pooled_risk(x, **without(constants, "m"))
    assert theory.quadratic_risk(x, **constants) == pytest.approx(pooled, rel=1e-12)


def test_weighting_beats_pooling_always(constants):
    """With m points at hand: any count at weight one is worse than all at their best weight."""
    c = without(constants, "m")
    pooled = theory.pooled_risk(theory.optimal_pooled_share(**c, m=constants["m"]), **c)
    weighted = theory.quadratic_risk(theory.optimal_quadratic_share(**constants), **constants)
    assert (weighted <= pooled * (1 + 1e-12)).all()
    more = {**constants, "m": 3 * constants["m"]}
    assert (theory.quadratic_risk(theory.optimal_quadratic_share(**more), **more) <= weighted).all()


def test_the_best_share_falls_with_discrepancy_and_n(constants):
    for name in ("discrepancy", "n"):
        more = {**constants, name: 1.5 * constants[name]}
        low, high = (theory.optimal_quadratic_share(**c) for c in (more, constants))
        assert (low < high).all()
        c, d = (without(each, "m", "synthetic_variance") for each in (more, constants))
        assert (theory.optimal_pooled_share(**c) <= theory.optimal_pooled_share(**d)).all()


def test_it_is_the_risk_of_a_mean_from_two_samples(rng):
    n, m, B, Vr, Vs, share = 5, 12, 0.3, 1.0, 2.0, 0.4
    real = np.sqrt(Vr) * rng.normal(size=(100_000, n)).mean(axis=1)
    synthetic = np.sqrt(B) + np.sqrt(Vs) * rng.normal(size=(100_000, m)).mean(axis=1)
    squared = ((1 - share) * real + share * synthetic) ** 2
    expected = theory.quadratic_risk(
        share, n=n, m=m, discrepancy=B, real_variance=Vr, synthetic_variance=Vs
    )
    assert squared.mean() == pytest.approx(float(expected), abs=4 * squared.std() / 1e5**0.5)


def test_derivatives_are_finite(constants):
    c = {name: jnp.asarray(value[:100, 0]) for name, value in constants.items()}
    for optimum in (theory.optimal_quadratic_share, theory.optimal_pooled_share):
        grads = jax.grad(lambda given, f=optimum: f(**given).sum())(c)
        assert all(jnp.isfinite(g).all() for g in grads.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": -1}, "n must be positive and finite, got -1"),
        ({"discrepancy": -0.1}, "discrepancy must be zero or more and finite, got -0.1"),
        ({"real_variance": 0}, "real_variance must be positive and finite, got 0"),
        ({"synthetic_variance": np.inf}, "synthetic_variance must be zero or more and finite"),
    ],
)
def test_misuse(changes, message):
    good = dict(n=10, discrepancy=0.1, real_variance=1.0, synthetic_variance=1.0)
    for optimum in (theory.optimal_quadratic_share, theory.optimal_pooled_share):
        with pytest.raises(ValueError, match=message):
            optimum(**{**good, **changes})
