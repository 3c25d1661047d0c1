"""The scaling law: limits, its own parameters from noisy runs, what it recommends, what it says it cannot know."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.theory import SurrogateLaw

TRUE = SurrogateLaw(0.3, 6.0, 4.0, 0.6, 0.08)
NAMES = ("irreducible_error", "real_scale", "synthetic_scale", "exponent", "synthetic_floor")
LAWS = [
    TRUE,
    SurrogateLaw(0.0, 2.0, 30.0, 1.0, 0.0),
    SurrogateLaw(1.0, 500.0, 0.7, 0.06, 2.0),
    SurrogateLaw(0.1, 9.0, 9.0, 1.9, 0.4),
    SurrogateLaw(0.1, 3.0, 3.0, 0.3, 0.2),
]


def settings():
    """n, m, share of 43 runs: ends with one kind of data, and between."""
    mixed = [
        (n, m, share)
        for n in (50, 100, 200, 400)
        for m in (200, 1000, 4000)
        for share in (0.25, 0.5, 0.75)
    ]
    ends = [(n, 0, 0.0) for n in (50, 100, 200, 400)] + [(0, m, 1.0) for m in (200, 1000, 4000)]
    return np.array(mixed + ends, float).T


def noisy(rng, law=TRUE, scatter=0.03):
    n, m, share = settings()
    error = law.predict(n, m, share) * np.exp(scatter * rng.normal(size=n.size))
    return n, m, share, error


@pytest.mark.parametrize("law", LAWS)
def test_limits(law):
    n, m = np.geomspace(1, 1e6, 13), np.geomspace(1, 1e7, 13)
    real = law.irreducible_error + law.real_scale * n**-law.exponent
    floor = law.irreducible_error + law.synthetic_floor
    synthetic = floor + law.synthetic_scale * m**-law.exponent
    assert law.predict(n, 7, 0.0) == pytest.approx(real, rel=1e-12)
    assert law.predict(n, 0, 0.0) == pytest.approx(real, rel=1e-12)
    assert law.predict(7, m, 1.0) == pytest.approx(synthetic, rel=1e-12)
    assert law.predict(0, m, 1.0) == pytest.approx(synthetic, rel=1e-12)
    assert float(law.predict(7, None, 1.0)) == pytest.approx(floor, rel=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_the_formula_as_it_is_written(law):
    n, m, a = 30.0, 200.0, np.linspace(0.01, 0.99, 50)
    b = law.exponent
    real, synthetic = law.real_scale * n**-b, law.synthetic_scale * m**-b
    mix = (a**2 * synthetic ** (1 / b) + (1 - a) ** 2 * real ** (1 / b)) ** b
    expected = law.irreducible_error + a**2 * law.synthetic_floor + mix
    assert law.predict(n, m, a) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("law", LAWS)
def test_the_best_share_is_the_grids_best(law):
    shares = np.linspace(0, 1, 20001)
    n, m = np.array([3, 30, 3000])[:, None], np.array([3.0, 30, 3e4, np.inf])
    best = law.optimal_share(n, m)
    assert best.shape == (3, 4)
    curve = law.predict(n[..., None], m[:, None], shares)
    assert (law.predict(n, m, best) <= curve.min(axis=-1) * (1 + 1e-12)).all()
    assert (best > 0).all()


def test_at_exponent_one_the_share_is_that_of_two_errors():
    law = SurrogateLaw(0.2, 8.0, 5.0, 1.0, 0.05)
    n, m = np.array([5.0, 50, 500]), np.array([10.0, 100, 1000])
    real, synthetic = 8 / n, 0.05 + 5 / m
    assert law.optimal_share(n, m) == pytest.approx(real / (real + synthetic), abs=1e-7)


def test_the_best_share_falls_with_n_and_rises_with_m():
    n, m = np.geomspace(10, 1e5, 30), np.geomspace(10, 1e6, 30)
    assert (np.diff(TRUE.optimal_share(n, 1000)) < 0).all()
    assert (np.diff(TRUE.optimal_share(100, m)) > 0).all()


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("n", "largest"), [(10, 300), (200, 3000), (50, 0)])
def test_the_best_count_is_the_best_of_all(law, n, largest):
    counts = np.arange(largest + 1)
    curve = law.predict(n, counts, counts / (n + counts))
    count = law.optimal_count(n, largest=largest)
    assert curve[count] <= curve.min() * (1 + 1e-12)


def test_pooled_counts_can_show_the_u():
    law = SurrogateLaw(0.1, 5.0, 5.0, 0.8, 0.5)
    assert 10 < law.optimal_count(100, largest=10_000) < 1000


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("cost", [0.01, 0.3, 2.0])
def test_the_split_of_a_budget_is_the_best_of_all(law, cost):
    budget = 60
    plan = law.split(budget, synthetic_cost=cost)
    assert plan.n + cost * plan.m <= budget * (1 + 1e-9)
    assert plan.error == pytest.approx(float(law.predict(plan.n, plan.m, plan.share)), rel=1e-12)
    n = np.arange(1, budget)
    m = np.maximum(np.floor((budget - n) / cost), 1)
    inside = n + cost * m <= budget
    least = law.predict(n, m, law.optimal_share(n, m))[inside].min()
    assert plan.error <= least * (1 + 1e-6)


def test_a_budget_that_buys_nothing():
    with pytest.raises(ValueError, match="buys neither a real point at 1 nor a synthetic one at 2"):
        TRUE.split(0.5, synthetic_cost=2.0)


def test_exact_runs_give_back_their_law():
    n, m, share = settings()
    for law in (
        TRUE,
        SurrogateLaw(0.1, 3.0, 8.0, 0.3, 0.2),
        SurrogateLaw(0.02, 9.0, 9.0, 1.2, 0.3),
    ):
        found = SurrogateLaw.fit(n, m, share, law.predict(n, m, share))
        for name in NAMES:
            assert getattr(found, name) == pytest.approx(getattr(law, name), rel=1e-3), name
        assert found.scatter < 1e-6
        assert found.conditional == found.warnings == ()


def test_noisy_runs_give_back_their_law_within_the_intervals(rng):
    """Nominal 90 %: of 12 fits, few miss each parameter and the prediction between the runs."""
    hits = np.zeros(6)
    for i in range(12):
        law = SurrogateLaw.fit(*noisy(rng), key=jax.random.key(i), num_bootstrap=50)
        ends = law.parameter_intervals()
        hits[:5] += [ends[name][0] <= getattr(TRUE, name) <= ends[name][1] for name in NAMES]
        low, high = law.interval(150, 2000, 0.6)
        hits[5] += low <= TRUE.predict(150, 2000, 0.6) <= high
        low, high = law.optimal_share_interval(150, 2000)
        assert low <= law.optimal_share(150, 2000) <= high
    # Fewer than 7 of 12 would come once in 20,000 times at 90 %.
    assert (hits >= 7).all()
    assert hits.mean() >= 9


def test_same_key_same_intervals(rng):
    runs = noisy(rng)
    one, two = (SurrogateLaw.fit(*runs, key=jax.random.key(4), num_bootstrap=50) for _ in range(2))
    assert np.array_equal(one.resamples, two.resamples)
    other = SurrogateLaw.fit(*runs, key=jax.random.key(5), num_bootstrap=50)
    assert not np.array_equal(one.resamples, other.resamples)
    assert one.exponent == other.exponent


def test_intervals_grow_with_the_level_and_shrink_with_the_noise(rng):
    law = SurrogateLaw.fit(*noisy(rng), key=jax.random.key(0), num_bootstrap=50)
    exact = SurrogateLaw.fit(*noisy(rng, scatter=0.003), key=jax.random.key(0), num_bootstrap=50)
    width = lambda law, level: np.diff(law.interval(100, 1000, 0.5, level=level), axis=0)[0]
    assert width(law, 0.5) < width(law, 0.9)
    assert width(exact, 0.9) < 0.3 * width(law, 0.9)


def test_a_few_wild_runs_do_little(rng):
    n, m, share, error = noisy(rng, scatter=0.02)
    wild = error.copy()
    wild[[3, 17, 40]] *= (3.0, 0.4, 5.0)
    plain, robust = (SurrogateLaw.fit(n, m, share, e) for e in (error, wild))
    at = settings()
    assert np.abs(np.log(robust.predict(*at) / plain.predict(*at))).max() < 0.05


def test_standard_errors_are_weights(rng):
    n, m, share, error = noisy(rng, scatter=0.0)
    bad = np.arange(error.size) % 3 == 0
    error = np.where(bad, error * np.exp(0.3 * rng.normal(size=error.size)), error)
    told = SurrogateLaw.fit(
        n, m, share, error, standard_error=np.where(bad, 0.3, 0.001) * error, exponent=0.6
    )
    assert told.real_scale == pytest.approx(TRUE.real_scale, rel=0.01)
    assert told.synthetic_floor == pytest.approx(TRUE.synthetic_floor, rel=0.01)


def test_known_parameters_stay(rng):
    law = SurrogateLaw.fit(
        *noisy(rng), irreducible_error=0.3, exponent=0.6, key=jax.random.key(0), num_bootstrap=50
    )
    assert (law.irreducible_error, law.exponent) == (0.3, 0.6)
    ends = law.parameter_intervals()
    assert ends["exponent"] == (0.6, 0.6)
    assert ends["irreducible_error"] == (0.3, 0.3)


def keep(runs, mask):
    return tuple(column[mask] for column in runs)


@pytest.mark.parametrize(
    ("keeps", "message", "names"),
    [
        (
            lambda n, m, a: (n == 100) | (n == 0),
            "one number of real points",
            ("irreducible_error", "real_scale"),
        ),
        (
            lambda n, m, a: (m == 1000) | (m == 0),
            "one number of synthetic points",
            ("synthetic_floor", "synthetic_scale"),
        ),
        (lambda n, m, a: a < 1, "No run is of synthetic data", ("synthetic_floor",)),
        (lambda n, m, a: a > 0, "No run is of real data", ("real_scale",)),
        (
            lambda n, m, a: np.isin(n, (0, 50, 400)) & np.isin(m, (0, 200, 4000)),
            "No count takes three values",
            ("exponent", "irreducible_error"),
        ),
    ],
)
def test_what_the_runs_leave_open_is_said(rng, keeps, message, names):
    runs = noisy(rng)
    with pytest.warns(UserWarning, match=message):  # others may come too
        law = SurrogateLaw.fit(*keep(runs, keeps(*runs[:3])))
    assert set(names) <= set(law.conditional)
    assert any(message in sentence for sentence in law.warnings)


def test_few_runs_are_said(rng):
    runs = tuple(column[[0, 2, 10, 20, 36, 38, 39, 40, 42]] for column in noisy(rng))
    with pytest.warns(UserWarning, match="Only 4 more runs than fitted parameters"):
        SurrogateLaw.fit(*runs)


def test_an_exponent_at_its_bound_is_said(rng):
    n, m, share = settings()
    steep = SurrogateLaw(0.1, 6e4, 4e4, 2.6, 0.08)
    with pytest.warns(UserWarning, match="exponent ended at its bound 2"):
        law = SurrogateLaw.fit(n, m, share, steep.predict(n, m, share))
    assert "exponent" in law.conditional


def test_errors_that_follow_no_law_are_said(rng):
    n, m, share, error = noisy(rng, scatter=1.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SurrogateLaw.fit(n, m, share, error)
    assert any("may not describe these runs" in str(w.message) for w in caught)


def ridge_curve(rng, n, m, shift, shares, ridge=0.1, dimension=20, repetitions=60):
    """Mean squared error of linear ridge regression whose synthetic coefficients are off by `shift`."""
    truth = np.full(dimension, 2 / np.sqrt(dimension))
    total = np.zeros(len(shares))
    for _ in range(repetitions):
        off = rng.normal(size=dimension)
        moments = []
        for size, theta in ((n, truth), (m, truth + shift * off / np.linalg.norm(off))):
            x = rng.normal(size=(size, dimension))
            y = x @ theta + rng.normal(size=size)
            moments.append((x.T @ x / size, x.T @ y / size))
        (A, a), (B, b) = moments
        for i, share in enumerate(shares):
            matrix = (1 - share) * A + share * B + ridge * np.eye(dimension)
            fit = np.linalg.solve(matrix, (1 - share) * a + share * b)
            total[i] += ((fit - truth) ** 2).sum() / repetitions
    return 1.0 + total  # the noise of the test point has variance one


@pytest.mark.filterwarnings("ignore:Only 1 more runs")
@pytest.mark.parametrize("shift", [0.1, 0.3, 0.6])
def test_the_share_it_picks_for_ridge_regression_costs_little(rng, shift):
    """From runs with one kind of data only, the share between costs at most 7 % of the excess error."""
    shares = np.linspace(0, 1, 21)
    curves = {
        (n, m): ridge_curve(rng, n, m, shift, shares) for n in (40, 80, 160) for m in (80, 640)
    }
    ends = [(n, 0, 0.0, curves[n, 80][0]) for n in (40, 80, 160)]
    ends += [(0, m, 1.0, curves[80, m][-1]) for m in (80, 640)]
    law = SurrogateLaw.fit(*np.array(ends).T, irreducible_error=1.0)
    for (n, m), curve in curves.items():
        excess = np.interp(law.optimal_share(n, m), shares, curve) - 1
        assert excess <= 1.07 * (curve.min() - 1)


def test_derivatives_are_finite_up_to_the_ends():
    slope = jax.vmap(jax.grad(lambda a: TRUE.predict(100.0, 1000.0, a)))
    shares = jnp.linspace(0, 1, 11)
    assert jnp.isfinite(slope(shares)).all()
    h = 1e-5
    by_steps = (TRUE.predict(100, 1000, 0.5 + h) - TRUE.predict(100, 1000, 0.5 - h)) / (2 * h)
    assert float(slope(shares)[5]) == pytest.approx(by_steps, rel=1e-4)
    for at in (0, 1):
        counts = jax.grad(lambda *c: TRUE.predict(*c, 0.4), argnums=at)(100.0, 1000.0)
        assert jnp.isfinite(counts)
        assert counts < 0
    assert jnp.isfinite(jax.grad(lambda a: TRUE.predict(100.0, np.inf, a))(0.5))


def test_jit_agrees_with_plain_calls():
    shares = jnp.linspace(0, 1, 11)
    compiled = jax.jit(lambda a: TRUE.predict(100, 1000, a))(shares)
    assert compiled == pytest.approx(TRUE.predict(100, 1000, np.asarray(shares)), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": [2.0] * 43}, r"share must be in \[0, 1\], got 2"),
        ({"error": [0.0] * 43}, "error must be positive and finite, got 0"),
        ({"error": [np.nan] * 43}, "error must be positive and finite, got nan"),
        ({"n": [5.0] * 7}, "n has 7 entries and error has 43"),
        (
            {"n": 0},
            "n must be a positive number of real points, or zero where the share is 1; got 0",
        ),
        ({"m": np.inf}, "m holds 43 non-finite values"),
        ({"standard_error": [0.0] * 43}, "standard_error must be positive"),
        ({"share": 0.0, "n": np.arange(1, 44)}, "none has synthetic data in its loss"),
        ({"share": 1.0, "m": np.arange(1, 44)}, "none has real data in its loss"),
        ({"exponent": -1.0}, "exponent must be positive"),
        ({"irreducible_error": 1e9}, "is not below the largest error"),
        (
            {"num_bootstrap": 1, "key": jax.random.key(0)},
            "num_bootstrap must be finite and above 1",
        ),
    ],
)
def test_misuse(rng, changes, message):
    runs = dict(zip(("n", "m", "share", "error"), noisy(rng), strict=True))
    with pytest.raises(ValueError, match=message):
        SurrogateLaw.fit(**{**runs, **changes})


def test_too_few_settings(rng):
    few = [np.concatenate([column[:5], column[:5]]) for column in noisy(rng)]
    with pytest.raises(
        ValueError, match=r"hold 5 different settings .* 5 parameters .* at least 6"
    ):
        SurrogateLaw.fit(*few)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TRUE.predict(100, 0, 0.5), "m must be a positive number of synthetic points"),
        (lambda: TRUE.predict(np.inf, 1, 0.5), "n must be finite"),
        (lambda: TRUE.predict(1, 1, 1.5), "share must be in"),
        (lambda: TRUE.optimal_share(0, 5), "n must be positive"),
        (lambda: TRUE.optimal_count(5, largest=-1), "largest must be zero or more"),
        (lambda: TRUE.split(-1, synthetic_cost=1), "budget must be positive"),
        (lambda: TRUE.interval(1, 1, 0.5), "fitted without a key"),
        (lambda: TRUE.parameter_intervals(), "fitted without a key"),
        (lambda: SurrogateLaw(0.1, -1.0, 1.0, 1.0, 0.0), "real_scale must be positive"),
        (lambda: SurrogateLaw(-0.1, 1.0, 1.0, 1.0, 0.0), "irreducible_error must be zero or more"),
    ],
)
def test_misuse_of_a_law(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_wrong_level(rng):
    law = SurrogateLaw.fit(*noisy(rng), key=jax.random.key(0), num_bootstrap=50)
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1, got 90"):
        law.interval(1, 1, 0.5, level=90.0)


@pytest.mark.parametrize("unit", [1e-8, 1e-3, 1e12])
def test_the_unit_of_the_error_is_a_unit(unit):
    """The law is homogeneous: errors in another unit change nothing but R*, A, B and Rs by it."""
    n, m, share = (
        v.ravel()
        for v in np.meshgrid([50.0, 200.0, 800.0], [100.0, 1000.0, 9000.0], [0.0, 0.4, 1.0])
    )
    inner = share**2 * (2.0 * m**-0.5) ** 2 + (1 - share) ** 2 * (1.5 * n**-0.5) ** 2
    error = 0.1 + 0.2 * share**2 + inner**0.5
    law = SurrogateLaw.fit(n, m, share, unit * error)
    np.testing.assert_allclose(law.irreducible_error / unit, 0.1, rtol=1e-6)
    np.testing.assert_allclose(law.real_scale / unit, 1.5, rtol=1e-6)
    np.testing.assert_allclose(law.synthetic_scale / unit, 2.0, rtol=1e-6)
    np.testing.assert_allclose(law.synthetic_floor / unit, 0.2, rtol=1e-6)
    np.testing.assert_allclose(law.exponent, 0.5, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_errors_that_rise_are_said():
    n, m, share = (
        v.ravel() for v in np.meshgrid([50.0, 200.0, 800.0], [100.0, 1000.0], [0.0, 0.4, 1.0])
    )
    accuracy = 1.0 - (0.1 + 0.1 * share**2 + (1.5 * (1 - share) / n**0.5) + share / m**0.5) / 2.0
    law = SurrogateLaw.fit(n, m, share, accuracy)
    assert any("is the column an accuracy" in said for said in law.warnings)
    assert "real_scale" in law.conditional
