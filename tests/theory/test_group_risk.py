import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.theory import group_risk, mixed_risk, random_design_risk

pytestmark = pytest.mark.usefixtures("double")


def rotated(rng, size, decay):
    q, _ = np.linalg.qr(rng.normal(size=(size, size)))
    return (q * np.arange(1, size + 1) ** -decay) @ q.T


@pytest.fixture
def shifted(rng):
    """Two groups of 12 features that differ in their inputs and in their functions."""
    j = np.arange(1, 13)
    covariances = np.stack([rotated(rng, 12, 0.5), 2.0 * rotated(rng, 12, 1.0)])
    coefficients = np.stack([j**-1.0, j**-1.0 * np.cos(j)])
    return covariances, coefficients, j**-1.0


def test_one_law_of_inputs_is_mixed_risk(problem):
    mu, f, g = problem
    # Without a ridge to speak of tau is of the size of 1 / ridge where features outnumber points.
    ridge = np.array([1e-10, 0.1, 10.0])
    groups = group_risk(
        np.stack([np.eye(len(mu))] * 2), np.stack([f, g]), eigenvalues=mu, sizes=[12, 15.5],
        weights=[1.0, 0.7], noise_variances=[0.1, 0.2], ridge=ridge,
    )  # fmt: skip
    given = dict(n=12, m=15.5, ridge=ridge, weight=0.7)
    mixed = mixed_risk(mu, f, g, noise_variance=0.1, synthetic_noise_variance=0.2, **given)
    np.testing.assert_allclose(groups[:, 0], mixed, rtol=1e-9)


def test_one_group_is_random_design_risk(problem):
    mu, f, _ = problem
    # Features that are not of unit length are eigenfunctions times roots of their variance.
    variance = np.linspace(0.5, 2.0, len(mu))
    one = group_risk(
        np.diag(variance)[None], f[None], eigenvalues=mu, sizes=[25], weights=[1],
        noise_variances=[0.3], ridge=0.2,
    )  # fmt: skip
    classical = random_design_risk(
        mu * variance, f * np.sqrt(variance), noise_variance=0.3, n=25, ridge=0.2
    )
    assert one[0] == pytest.approx(float(classical), rel=1e-10)


def test_group_split_in_two_is_one_group(shifted):
    covariances, coefficients, mu = shifted
    given = dict(eigenvalues=mu, ridge=0.1)
    whole = group_risk(
        covariances,
        coefficients,
        sizes=[8, 20],
        weights=[1, 0.5],
        noise_variances=[0.1, 0.3],
        **given,
    )
    split = group_risk(
        covariances[[0, 1, 1]], coefficients[[0, 1, 1]], sizes=[8, 5, 15], weights=[1, 0.5, 0.5],
        noise_variances=[0.1, 0.3, 0.3], **given,
    )  # fmt: skip
    np.testing.assert_allclose(split, whole[[0, 1, 1]], rtol=1e-11)


def test_group_without_points_is_tested_only(shifted):
    covariances, coefficients, mu = shifted
    given = dict(eigenvalues=mu, weights=[1, 0.5], noise_variances=[0.1, 0.3], ridge=0.1)
    none = group_risk(covariances, coefficients, sizes=[8, 0], **given)
    few = group_risk(covariances, coefficients, sizes=[8, 1e-9], **given)
    np.testing.assert_allclose(none, few, rtol=1e-7)
    alone = group_risk(
        covariances[:1], coefficients[:1], eigenvalues=mu, sizes=[8], weights=[1],
        noise_variances=[0.1], ridge=0.1,
    )  # fmt: skip
    assert none[0] == pytest.approx(float(alone[0]), rel=1e-11)


def test_zero_eigenvalues_are_never_fitted(shifted):
    covariances, coefficients, mu = shifted
    given = dict(sizes=[8, 20], weights=[1, 0.5], noise_variances=[0.1, 0.3], ridge=0.1)
    none, tiny = (
        group_risk(covariances, coefficients, eigenvalues=np.where(mu > 0.1, mu, least), **given)
        for least in (0.0, 1e-14)
    )
    np.testing.assert_allclose(none, tiny, rtol=1e-9)


def test_grid_is_as_one_by_one(shifted):
    covariances, coefficients, mu = shifted
    given = dict(eigenvalues=mu, weights=[1, 0.5], noise_variances=[0.1, 0.3])
    sizes, ridge = np.array([[5, 0], [5, 40]]), np.array([1e-6, 1e-2, 10.0])
    grid = group_risk(covariances, coefficients, sizes=sizes[:, None], ridge=ridge, **given)
    assert grid.shape == (2, 3, 2)
    assert grid.dtype == np.float64
    for i, k in np.ndindex(2, 3):
        one = group_risk(covariances, coefficients, sizes=sizes[i], ridge=ridge[k], **given)
        np.testing.assert_allclose(grid[i, k], one, rtol=1e-9)


def test_derivatives_are_finite_differences(shifted):
    covariances, coefficients, mu = shifted

    @jax.jit
    def risk(theta):
        sizes, weights, ridge = jnp.exp(theta[:2]), jnp.exp(theta[2:4]), jnp.exp(theta[4])
        return group_risk(
            covariances, coefficients, eigenvalues=mu, sizes=sizes, weights=weights,
            noise_variances=[0.1, 0.3], ridge=ridge,
        )[0]  # fmt: skip

    theta, step = np.log([8.0, 20.0, 1.0, 0.5, 0.1]), 1e-5
    slow = [(risk(theta + e) - risk(theta - e)) / (2 * step) for e in step * np.eye(5)]
    np.testing.assert_allclose(jax.grad(risk)(theta), slow, rtol=1e-6)


def test_callers_in_single_precision(shifted):
    covariances, coefficients, mu = shifted
    risk = lambda ridge: group_risk(
        covariances, coefficients, eigenvalues=mu, sizes=[8, 20], weights=[1, 0.5],
        noise_variances=[0.1, 0.3], ridge=ridge,
    )[0]  # fmt: skip
    with jax.enable_x64(False):
        assert jax.grad(risk)(0.1).dtype == np.float32


BAD = {
    "a matrix": (dict(covariances=np.eye(2)), r"covariances have shape \(2, 2\)"),
    "not symmetric": (dict(covariances=np.array([[[1.0, 1], [0, 1]]])), "not symmetric"),
    "indefinite": (dict(covariances=np.diag([1.0, -1])[None]), "eigenvalue of -1"),
    "coefficients": (dict(coefficients=np.ones((2, 2))), r"coefficients have shape \(2, 2\), wanted \(1, 2\)"),
    "no axis": (dict(sizes=3.0), r"sizes has shape \(\) for 1 covariances"),
    "too many weights": (dict(weights=[1, 1]), r"weights has shape \(2,\)"),
    "no weight": (dict(weights=[0]), "weights must be positive, got 0.*size of zero"),
    "no ridge": (dict(ridge=0.0), "ridge must be positive"),
    "no points": (dict(sizes=[0]), "nothing to fit"),
    "shapes": (dict(sizes=np.ones((2, 1)), ridge=np.ones(3)), "do not broadcast"),
    "noise": (dict(noise_variances=[np.nan]), "noise_variances holds 1 non-finite"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(name):
    changes, message = BAD[name]
    given = dict(covariances=np.eye(2)[None], coefficients=np.ones((1, 2)), eigenvalues=[1, 0.5])
    given |= dict(sizes=[3], weights=[1], noise_variances=[0.1], ridge=0.1) | changes
    with pytest.raises(ValueError, match=message):
        group_risk(**given)


def test_covariances_of_low_rank_and_a_small_ridge(rng):
    """More points than dimensions that vary: least squares, whose error needs no ridge."""
    root = rng.normal(size=(10, 4))
    covariance = root @ root.T
    theta = rng.normal(size=10)
    risks = [
        group_risk(
            covariance[None], theta[None], eigenvalues=np.ones(10), sizes=[50.0], weights=[1.0],
            noise_variances=[0.1], ridge=ridge,
        )[0]
        for ridge in (1e-8, 1e-11, 1e-14)
    ]  # fmt: skip
    # Of the deterministic equivalent: s d / (n - d).
    np.testing.assert_allclose(risks, 0.1 * 4 / 46, rtol=1e-6)
