"""Bounds and their minimisers: against fine grids on random instances, shapes, limits, derivatives, bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax import theory

CASES = 1000
GRID = np.linspace(0.0, 1.0, 2001)


@pytest.fixture
def draw(rng):
    """Constants of 1,000 random instances (cases, 1), with best shares inside and at both ends."""

    def make():
        log = lambda low, high: 10 ** rng.uniform(low, high, (CASES, 1))
        m = log(0, 4)
        m[::7] = np.inf
        return dict(n=log(0, 4), m=m, lipschitz=log(-1, 1)), log

    return make


def stability_case(draw):
    constants, log = draw()
    S = log(-1, 1)
    # n xi W / S from 0.001 to 10: both sides of the threshold.
    W = log(-3, 1) * S / (constants["n"] * constants["lipschitz"])
    W[::11] = 0
    return {**constants, "wasserstein": W, "stability": S}


def tuned_case(draw):
    constants, log = draw()
    C = log(-1, 1)
    W = log(-2, 1) * C / (2 * np.sqrt(constants["n"]) * constants["lipschitz"])
    return {**constants, "wasserstein": W, "complexity": C}


def adaptation_case(draw):
    constants, log = draw()
    S = log(-1, 1)
    unit = S / (constants["n"] * constants["lipschitz"])
    distances = {"source_distance": log(-2, 1) * unit, "synthetic_distance": log(-2, 1) * unit}
    return {**constants, **distances, "stability": S}


PAIRS = {
    "stability": (stability_case, theory.stability_bound, theory.optimal_share),
    "tuned": (tuned_case, theory.tuned_bound, theory.optimal_tuned_share),
    "adaptation": (adaptation_case, theory.adaptation_bound, theory.optimal_adaptation_share),
}


@pytest.fixture(params=PAIRS)
def pair(request, draw):
    case, bound, optimum = PAIRS[request.param]
    return case(draw), bound, optimum


def test_the_minimiser_is_the_grids_best(pair):
    constants, bound, optimum = pair
    best = optimum(**constants)
    assert best.shape == (CASES, 1)
    assert ((best >= 0) & (best <= 1)).all()
    curve = bound(GRID, **constants)
    least = bound(best, **constants)
    assert (least <= curve.min(axis=1, keepdims=True) * (1 + 1e-12)).all()
    # Where the curve is flat the grid's best may lie one step further.
    away = np.abs(GRID[curve.argmin(axis=1)] - best[:, 0])
    assert np.quantile(away, 0.95) <= GRID[1]
    # Instances of every kind were drawn.
    assert (best == 0).any()
    assert ((best > 0.01) & (best < 0.99)).any()


def test_bounds_are_convex(pair):
    constants, bound, _ = pair
    curve = bound(GRID, **constants)
    assert (np.diff(curve, 2, axis=1) >= -1e-12 * curve.max(axis=1, keepdims=True)).all()


def test_a_minimum_inside_is_one(pair):
    """Second derivative positive, first zero: no end that looks like a valley."""
    constants, bound, optimum = pair
    best = optimum(**constants)
    inside = ((best > 0.01) & (best < 0.99))[:, 0]
    constants = {name: value[inside][:200] for name, value in constants.items()}
    x = best[inside][:200]
    below, at, above = (bound(x + step, **constants) for step in (-1e-3, 0.0, 1e-3))
    assert (below > at).all()
    assert (above > at).all()


@pytest.mark.parametrize("name", ["stability", "tuned"])
def test_the_best_share_falls_with_distance_and_with_n(draw, name):
    case, _, optimum = PAIRS[name]
    constants = case(draw)
    base = optimum(**constants)
    for changed in ("wasserstein", "n"):
        more = optimum(**{**constants, changed: constants[changed] * 1.5})
        assert (more <= base + 1e-12).all()
        assert (more < base).any()


def test_orderings_of_adaptation(draw):
    constants = adaptation_case(draw)
    base = theory.optimal_adaptation_share(**constants)
    for changed, sign in (("source_distance", 1), ("synthetic_distance", -1)):
        more = theory.optimal_adaptation_share(**{**constants, changed: constants[changed] * 1.5})
        assert (sign * (more - base) >= -1e-12).all()
    pooled = 1 / (1 + constants["n"] / constants["m"])
    nearer = constants["synthetic_distance"] < constants["source_distance"]
    assert (base[nearer] >= pooled[nearer] - 1e-12).all()


def test_interior_exactly_when_the_threshold_says(draw):
    c = stability_case(draw)
    q = c["n"] * c["lipschitz"] * c["wasserstein"] / c["stability"]
    assert np.array_equal(theory.optimal_share(**c) > 0, q < 1)
    t = tuned_case(draw)
    q = 2 * np.sqrt(t["n"]) * t["lipschitz"] * t["wasserstein"] / t["complexity"]
    assert np.array_equal(theory.optimal_tuned_share(**t) > 0, q < 1)


def test_the_weight_behind_the_share(draw):
    c = stability_case(draw)
    c["m"] = np.where(np.isinf(c["m"]), 50.0, c["m"])
    q = np.minimum(c["n"] * c["lipschitz"] * c["wasserstein"] / c["stability"], 1)
    weight = (1 - q) / (1 + q * c["m"] / c["n"])
    share = weight * c["m"] / (c["n"] + weight * c["m"])
    assert theory.optimal_share(**c) == pytest.approx(share, rel=1e-9)


def test_pooled_counts_show_no_u():
    """At weight one the bound is linear in m/(n + m): all or nothing, whatever the constants."""
    m = np.geomspace(0.1, 1e6, 400)
    for W in np.linspace(0, 0.2, 21):
        curve = theory.stability_bound(
            m / (50 + m), n=50, m=m, wasserstein=W, lipschitz=1.0, stability=5.0
        )
        steps = np.diff(curve)
        assert (steps <= 1e-13).all() or (steps >= -1e-13).all()


def test_unlimited_points_are_the_limit_of_many():
    common = dict(n=20, wasserstein=0.1, lipschitz=1.0)
    for optimum, constant in (
        (theory.optimal_share, {"stability": 5.0}),
        (theory.optimal_tuned_share, {"complexity": 3.0}),
    ):
        unlimited = optimum(**common, **constant)
        assert unlimited == optimum(**common, **constant, m=np.inf)
        assert optimum(**common, **constant, m=1e14) == pytest.approx(unlimited, abs=1e-5)
    assert theory.optimal_share(**common, stability=5.0) == pytest.approx(1 - 20 * 0.1 / 5)
    # With the penalty tuned, unlimited points are taken altogether or not at all.
    W = np.linspace(0, 1, 101)
    shares = theory.optimal_tuned_share(n=20, wasserstein=W, lipschitz=1.0, complexity=3.0)
    assert set(shares.tolist()) == {0.0, 1.0}


def test_tuned_is_the_least_over_penalties(draw):
    L, kappa, norm = 1.3, 0.7, 2.1
    gamma = np.geomspace(1e-4, 1e4, 20001)
    common = dict(n=30.0, m=80.0, wasserstein=0.05, lipschitz=0.8)
    for share in (0.0, 0.3, 0.9):
        least = theory.stability_bound(
            share, **common, stability=2 * L**2 * kappa**2 / gamma, penalty=gamma * norm**2 / 2
        ).min()
        tuned = theory.tuned_bound(share, **common, complexity=2 * L * kappa * norm)
        assert tuned == pytest.approx(least, rel=1e-6)


def test_adaptation_from_the_target_itself_is_the_stability_bound(draw):
    c = stability_case(draw)
    W = c.pop("wasserstein")
    distances = {"source_distance": 0.0, "synthetic_distance": W}
    assert theory.adaptation_bound(0.3, **c, **distances) == pytest.approx(
        theory.stability_bound(0.3, **c, wasserstein=W)
    )
    assert theory.optimal_adaptation_share(**c, **distances) == pytest.approx(
        theory.optimal_share(**c, wasserstein=W)
    )


def paper_case(rng):
    log = lambda low, high: 10 ** rng.uniform(low, high, (CASES, 1))
    r = rng.uniform(0.13, 4, (CASES, 1))
    return dict(discrepancy=log(-2, 2), noise_variance=log(-2, 1), n=log(1, 4), r=r)


def test_paper_minimiser_against_a_grid(rng):
    c = paper_case(rng)
    best = theory.paper_optimal_lambda(**c)
    factors = np.geomspace(0.2, 5, 1501)
    curve = theory.paper_bound(best * factors, **c)
    assert (theory.paper_bound(best, **c) <= curve.min(axis=1, keepdims=True) * (1 + 1e-12)).all()
    # Convex in log(lam): one valley.
    assert (np.diff(curve, 2, axis=1)[:, ::50] > -1e-9 * curve[:, 1:-1:50]).all()


def test_paper_minimiser_by_hand():
    # r = 1/4: lam D + (D + s2)/(n lam^2) is least at (2 (D + s2)/(n D))^(1/3).
    best = theory.paper_optimal_lambda(discrepancy=1.0, noise_variance=1.0, n=32, r=0.25)
    assert best == pytest.approx((4 / 32) ** (1 / 3), rel=1e-14)


def test_paper_rate():
    """The least value falls as n^(-(8r - 1)/(16r - 1))."""
    n, r = np.array([1e3, 1e6]), 2.0
    c = dict(discrepancy=0.7, noise_variance=0.2, n=n, r=r)
    least = theory.paper_bound(theory.paper_optimal_lambda(**c), **c)
    assert np.log(least[0] / least[1]) / np.log(1e3) == pytest.approx(15 / 31, rel=1e-12)


def test_a_perfect_generator_is_followed_without_end():
    best = theory.paper_optimal_lambda(discrepancy=[0.0, 1.0], noise_variance=1.0, n=10, r=1.0)
    assert np.isinf(best[0])
    assert np.isfinite(best[1])


def test_derivatives_are_finite_and_right(pair):
    constants, bound, optimum = pair
    constants = {name: jnp.asarray(value[:50, 0]) for name, value in constants.items()}
    for end in (0.0, 0.4, 1.0):
        grad = jax.grad(lambda share: bound(share, **constants).sum())(jnp.full(50, end))
        assert jnp.isfinite(grad).all()
    grads = jax.grad(lambda c: optimum(**{**constants, **c}).sum())(
        {name: value for name, value in constants.items() if name != "m"}
    )
    assert all(jnp.isfinite(g).all() for g in grads.values())
    finite_m = jnp.where(jnp.isfinite(constants["m"]), constants["m"], 30.0)
    by_m = jax.grad(lambda m: optimum(**{**constants, "m": m}).sum())(finite_m)
    assert jnp.isfinite(by_m).all()


def test_the_derivative_vanishes_at_the_minimum(pair):
    constants, bound, optimum = pair
    best = optimum(**constants)
    inside = ((best > 0.01) & (best < 0.99))[:, 0]
    constants = {name: jnp.asarray(v[inside][:100, 0]) for name, v in constants.items()}
    slope = jax.grad(lambda share: bound(share, **constants).sum())
    at = jnp.asarray(best[inside][:100, 0])
    assert (jnp.abs(slope(at)) < 1e-3 * jnp.abs(slope(at * 0)) + 1e-3 * slope(at * 0 + 1)).all()


def test_jit_and_vmap_agree_with_plain_calls():
    call = lambda W: theory.optimal_share(
        n=10.0, m=30.0, wasserstein=W, lipschitz=1.0, stability=4.0
    )
    W = jnp.linspace(0, 1, 11)
    assert jax.jit(call)(W) == pytest.approx(call(np.asarray(W)), abs=1e-6)
    assert jax.vmap(call)(W) == pytest.approx(call(np.asarray(W)), abs=1e-6)


def test_plain_calls_are_float64_whatever_the_flag():
    call = theory.optimal_share(n=10, m=30, wasserstein=0.1, lipschitz=1.0, stability=4.0)
    assert call.dtype == np.float64
    assert float(call) == pytest.approx(0.75 * (1 - 1 / 4), rel=1e-15)


GOOD = dict(n=10, m=30, wasserstein=0.1, lipschitz=1.0, stability=4.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 1.2}, r"share must be in \[0, 1\], got 1.2"),
        ({"share": -0.1}, "got -0.1"),
        ({"share": [0.5, np.nan]}, "got nan"),
        ({"n": 0}, "n must be positive and finite, got 0. It is a number of points"),
        ({"n": np.inf}, "got inf"),
        ({"m": 0}, "Without synthetic points the share is 0"),
        ({"m": np.nan}, "m must be a positive number, got nan"),
        ({"wasserstein": -1.0}, "wasserstein must be zero or more and finite, got -1"),
        ({"lipschitz": 0}, "lipschitz must be positive"),
        ({"stability": -3}, "stability must be positive and finite, got -3"),
        ({"penalty": -1}, "penalty must be zero or more"),
    ],
)
def test_misuse_names_argument_value_and_remedy(changes, message):
    with pytest.raises(ValueError, match=message):
        theory.stability_bound(**{"share": 0.5, **GOOD, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"r": 1 / 8}, "r must be finite and above 0.125, got 0.125"),
        ({"r": 1 / 16}, "up to 1/8 the bound has no minimum"),
        ({"lam": 0}, "lam must be positive"),
        ({"discrepancy": -1}, "discrepancy must be zero or more"),
    ],
)
def test_misuse_of_the_papers_bound(changes, message):
    with pytest.raises(ValueError, match=message):
        theory.paper_bound(
            **{"lam": 0.1, "discrepancy": 1.0, "noise_variance": 1.0, "n": 9, "r": 1.0, **changes}
        )


def test_misuse_of_adaptation():
    with pytest.raises(ValueError, match="source_distance must be zero or more"):
        theory.optimal_adaptation_share(
            n=1, source_distance=-1, synthetic_distance=0, lipschitz=1, stability=1
        )
