"""`mixed_risk` against its formula written out, its limits, and what it must refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from synthmix_jax.theory import mixed_risk, mixed_risk_parts, random_design_risk

pytestmark = pytest.mark.usefixtures("double")


def written_out(mu, f, g, *, n, m, ridge, weight, s1, s2):
    """The formula with tau, as it is derived, one number at a time."""

    def a_of(tau):
        return n / (1 + tau), weight * m / (1 + weight * tau)

    def gap(log_tau):
        a1, a2 = a_of(np.exp(log_tau))
        return np.log(np.sum(1 / (a1 + a2 + ridge / mu))) - log_tau

    tau = np.exp(brentq(gap, -50, 50, xtol=1e-14, rtol=1e-14))
    a1, a2 = a_of(tau)
    a = a1 + a2
    learned = mu / (mu + ridge / a)
    R = np.sum(learned**2) / a**2
    rho1, rho2 = n / (1 + tau) ** 2, weight**2 * m / (1 + weight * tau) ** 2
    mean = learned * (a1 * f + a2 * g) / a
    e_r, e_s = np.sum((f - mean) ** 2), np.sum((g - mean) ** 2)
    return e_r + R * (rho1 * (e_r + s1) + rho2 * (e_s + s2)) / (1 - R * (rho1 + rho2))


def classical(mu, f, *, n, ridge, s):
    """One sample, with kappa."""
    kappa = np.exp(
        brentq(
            lambda x: np.sum(mu / (mu + np.exp(x))) + ridge * np.exp(-x) - n, -40, 40, xtol=1e-14
        )
    )
    learned = mu / (mu + kappa)
    return n / (n - np.sum(learned**2)) * (np.sum((1 - learned) ** 2 * f**2) + s) - s


def test_is_the_formula(problem):
    mu, f, g = problem
    n, m, weight, ridge = (
        v.ravel() for v in np.meshgrid([5, 33.5], [1, 60.2], [0.3, 4.0], [1e-3, 0.5])
    )
    noises = dict(noise_variance=0.2, synthetic_noise_variance=0.05)
    ours = mixed_risk(mu, f, g, n=n, m=m, ridge=ridge, weight=weight, **noises)
    for i, value in enumerate(ours):
        cell = dict(n=n[i], m=m[i], ridge=ridge[i], weight=weight[i])
        assert value == pytest.approx(written_out(mu, f, g, **cell, s1=0.2, s2=0.05), rel=1e-10)


def test_one_sample_is_the_classical_formula(problem):
    mu, f, g = problem
    n, ridge = np.array([[3], [20], [200]]), np.array([1e-4, 0.1, 3.0])
    ours = random_design_risk(mu, f, noise_variance=0.3, n=n, ridge=ridge)
    slow = [[classical(mu, f, n=k, ridge=d, s=0.3) for d in ridge] for k in n.ravel()]
    np.testing.assert_allclose(ours, slow, rtol=1e-10)
    mixed = mixed_risk(mu, f, g, n=n, m=0, ridge=ridge, weight=0.7, noise_variance=0.3)
    np.testing.assert_allclose(mixed, slow, rtol=1e-10)


def test_weight_to_zero_leaves_the_real_points(problem):
    mu, f, g = problem
    alone = random_design_risk(mu, f, noise_variance=0.3, n=20, ridge=0.1)
    mixed = mixed_risk(
        mu, f, g, n=20, m=50, ridge=0.1, weight=[0.0, 1e-12, 1e-6], noise_variance=0.3
    )
    assert mixed[0] == pytest.approx(alone, rel=1e-12)
    assert mixed[1] == pytest.approx(alone, rel=1e-9)
    assert mixed[2] == pytest.approx(alone, rel=1e-3)


def test_perfect_generator_gives_more_real_points(problem):
    mu, f, _ = problem
    m = np.array([0.0, 4.0, 100.0])
    mixed = mixed_risk(mu, f, f, n=20, m=m, ridge=0.1, noise_variance=0.3)
    more = random_design_risk(mu, f, noise_variance=0.3, n=20 + m, ridge=0.1)
    np.testing.assert_allclose(mixed, more, rtol=1e-10)


def test_no_real_points_is_a_fit_to_the_generator(problem):
    mu, f, g = problem
    # With weight w and ridge d as with weight 1 and ridge d / w.
    one = mixed_risk(mu, f, g, n=0, m=30, ridge=0.4, weight=2.0, noise_variance=0.3)
    other = mixed_risk(mu, f, g, n=0, m=30, ridge=0.2, weight=1.0, noise_variance=0.3)
    assert one == pytest.approx(float(other), rel=1e-12)
    # All of it learned: the generator's error is left.
    far = mixed_risk(mu, f, g, n=0, m=1e9, ridge=1e-3, noise_variance=0.3)
    assert far == pytest.approx(np.sum((f - g) ** 2), rel=1e-5)


def test_real_and_synthetic_change_places(problem):
    """Weights (1, w) and ridge d are weights (1/w, 1) and ridge d/w; the roles change with the truth."""
    mu, f, g = problem
    parts = mixed_risk_parts(mu, f, g, n=20, m=30, ridge=0.3, weight=2.0, noise_variance=0.1)
    other = mixed_risk_parts(mu, g, f, n=30, m=20, ridge=0.15, weight=0.5, noise_variance=0.1)
    assert parts.kappa == pytest.approx(float(other.kappa), rel=1e-12)
    assert parts.real_share == pytest.approx(1 - float(other.real_share), rel=1e-12)


def test_parts_add_up(problem):
    mu, f, g = problem
    parts = mixed_risk_parts(mu, f, g, n=20, m=[0, 30], ridge=0.3, noise_variance=0.1)
    np.testing.assert_allclose(parts.bias + parts.variance, parts.risk)
    np.testing.assert_allclose(parts.learned, np.sum(mu / (mu + parts.kappa[:, None]), axis=1))
    assert parts.real_share[0] == 1.0


def test_interpolation_is_the_limit_of_small_ridges(problem):
    mu, f, g = problem
    given = dict(n=10, m=[0, 12], noise_variance=0.1)
    none = mixed_risk(mu, f, g, ridge=0.0, **given)
    small = mixed_risk(mu, f, g, ridge=1e-13, **given)
    np.testing.assert_allclose(none, small, rtol=1e-7)


def test_curve_is_u_shaped(problem):
    """A generator half as large again: some of it helps, much of it hurts."""
    mu, f, _ = problem
    m = 5.0 * np.arange(401)
    curve = mixed_risk(mu, f, 1.5 * f, n=20, m=m, ridge=0.05, weight=0.1, noise_variance=0.3)
    best = np.argmin(curve)
    assert 0 < best < 400
    assert (np.diff(curve)[:best] < 0).all()
    assert (np.diff(curve)[best:] > 0).all()


def test_zero_eigenvalues_leave_the_truth_there(problem):
    mu, f, g = problem
    given = dict(n=20, m=30, ridge=0.1, noise_variance=0.3)
    inside = mixed_risk(mu, f, g, **given)
    wider = mixed_risk(np.append(mu, [0, 0]), np.append(f, [2, 1]), np.append(g, [2, 1]), **given)
    # What no fit can follow is left, and counts as noise of both samples.
    noisy = mixed_risk(mu, f, g, **{**given, "noise_variance": 0.3 + 5.0})
    assert wider == pytest.approx(float(noisy) + 5.0, rel=1e-10)
    assert wider > inside


def test_order_of_eigenvalues_does_not_matter(problem, rng):
    order = rng.permutation(len(problem[0]))
    given = dict(n=20, m=30, ridge=0.1, noise_variance=0.3)
    assert mixed_risk(*(v[order] for v in problem), **given) == pytest.approx(
        float(mixed_risk(*problem, **given)), rel=1e-12
    )


def test_outputs_are_summed(problem):
    mu, f, g = problem
    given = dict(n=20, m=30, ridge=0.1)
    both = mixed_risk(mu, np.c_[f, g], np.c_[g, 2 * f], noise_variance=0.7, **given)
    one = mixed_risk(mu, f, g, noise_variance=0.3, **given)
    two = mixed_risk(mu, g, 2 * f, noise_variance=0.4, **given)
    assert both == pytest.approx(one + two, rel=1e-12)


def test_grid_is_as_one_by_one(problem):
    mu, f, g = problem
    m, ridge, weight = np.array([0.0, 3.0, 50.0]), np.array([1e-3, 1.0]), np.array([0.2, 1.0, 5.0])
    grid = mixed_risk(
        mu, f, g, n=20, m=m[:, None, None], ridge=ridge[:, None], weight=weight, noise_variance=0.1
    )
    assert grid.shape == (3, 2, 3)
    assert isinstance(grid, np.ndarray)
    assert grid.dtype == np.float64
    for index in np.ndindex(grid.shape):
        alone = mixed_risk(
            mu, f, g, n=20, m=m[index[0]], ridge=ridge[index[1]], weight=weight[index[2]],
            noise_variance=0.1,
        )  # fmt: skip
        assert grid[index] == pytest.approx(float(alone), rel=1e-12)


def test_derivatives_are_finite_differences(problem):
    @jax.jit
    def risk(theta, mu, f, g):
        n, m, ridge, weight, noise = jnp.exp(theta)
        return mixed_risk(mu, f, g, n=n, m=m, ridge=ridge, weight=weight, noise_variance=noise)

    backward, forward = jax.jit(jax.grad(risk, (0, 1, 2, 3))), jax.jit(jax.jacfwd(risk))
    step = 1e-5
    for values in ([20, 30, 0.1, 1.3, 0.2], [10, 30, 1e-6, 0.2, 0.2], [3, 500, 5.0, 9.0, 0.0001]):
        theta = np.log(values)
        slow = [
            (risk(theta + e, *problem) - risk(theta - e, *problem)) / (2 * step)
            for e in step * np.eye(5)
        ]
        slopes, *others = backward(theta, *problem)
        np.testing.assert_allclose(slopes, slow, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(forward(theta, *problem), slow, rtol=1e-6, atol=1e-9)
        for i, slope in enumerate(others):
            shift = step * problem[i] * (np.arange(len(problem[0])) == 3)
            up, down = ([*problem] for _ in range(2))
            up[i], down[i] = problem[i] + shift, problem[i] - shift
            change = (risk(theta, *up) - risk(theta, *down)) / (2 * step)
            assert float(slope @ shift / step) == pytest.approx(float(change), rel=1e-6, abs=1e-9)


def test_compositions(problem):
    mu, f, g = problem
    risk = jax.jit(lambda m: mixed_risk(mu, f, g, n=20, m=m, ridge=0.1, noise_variance=0.2))
    m = jnp.array([1.0, 30.0])
    np.testing.assert_allclose(jax.vmap(risk)(m), [risk(1.0), risk(30.0)], rtol=1e-12)


def test_large_grids_are_derived_in_chunks(problem):
    mu, f, g = problem
    risk = jax.jit(lambda m: mixed_risk(mu, f, g, n=20, m=m, ridge=0.1, noise_variance=0.2))
    m = jnp.arange(1.0, 20.0)
    slopes = jax.grad(lambda m: risk(m).sum())(m)
    np.testing.assert_allclose(slopes, (risk(m + 1e-3) - risk(m - 1e-3)) / 2e-3, rtol=1e-6)


def test_callers_in_single_precision(problem):
    with jax.enable_x64(False):
        risk = jax.jit(lambda m: mixed_risk(*problem, n=20, m=m, ridge=0.1, noise_variance=0.2))
        known = mixed_risk(*problem, n=20, m=30.0, ridge=0.1, noise_variance=0.2)
        assert known.dtype == np.float64
        assert risk(30.0).dtype == np.float32
        assert float(risk(30.0)) == pytest.approx(float(known), rel=1e-6)
        assert jax.grad(risk)(30.0).dtype == np.float32
        assert jnp.zeros(1).dtype == np.float32


BAD = {
    "negative eigenvalue": (dict(eigenvalues=[1, -0.1]), "eigenvalues must be zero or positive.*-0.1"),
    "no eigenvalues": (dict(eigenvalues=[]), r"shape \(0,\)"),
    "zero eigenvalues": (dict(eigenvalues=[0.0, 0.0]), "all zero"),
    "eigenvalue NaN": (dict(eigenvalues=[1, np.nan]), "eigenvalues holds 1 non-finite"),
    "long truth": (dict(truth=[1, 2, 3]), r"truth has shape \(3,\) for 2 eigenvalues"),
    "short generator": (dict(generator=[1]), r"generator has shape \(1,\) for 2 eigenvalues"),
    "outputs differ": (dict(generator=np.ones((2, 2))), "same number of outputs"),
    "infinite truth": (dict(truth=[1, np.inf]), "truth holds 1 non-finite"),
    "negative n": (dict(n=-1), "n must be zero or positive, got -1"),
    "negative m": (dict(m=[1, -2]), "m must be zero or positive, got -2"),
    "no points": (dict(n=0, m=[3, 0]), "nothing to fit"),
    "no weight": (dict(n=0, m=3, weight=0), "nothing to fit"),
    "negative ridge": (dict(ridge=-0.1), "ridge must be zero or positive"),
    "interpolation": (dict(ridge=0, n=1, m=1), "fewer points than the 2 positive eigenvalues"),
    "NaN ridge": (dict(ridge=np.nan), "ridge holds 1 non-finite"),
    "negative weight": (dict(weight=-1), "weight must be zero or positive"),
    "negative noise": (dict(noise_variance=-1), "noise_variance must be"),
    "synthetic noise": (dict(synthetic_noise_variance=-1), "synthetic_noise_variance must be"),
    "shapes": (dict(m=[1, 2], ridge=[1, 2, 3]), r"do not broadcast: m \(2,\), ridge \(3,\)"),
    "more shapes": (dict(m=[1, 2, 3], weight=[1, 2]), r"do not broadcast: m \(3,\), weight \(2,\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(name):
    changes, message = BAD[name]
    given = dict(
        eigenvalues=[1.0, 0.5], truth=[1.0, 1.0], generator=[1.0, 0.0], n=2, m=3, ridge=0.1
    )
    given |= dict(noise_variance=0.1) | changes
    with pytest.raises(ValueError, match=message):
        mixed_risk_parts(**given)
