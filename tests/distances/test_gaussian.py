"""Wasserstein distance between Gaussians against closed forms, SciPy's matrix root and POT."""

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest
import scipy.linalg

from synthmix_jax.distances import _gaussian, gaussian_wasserstein

SHAPES = [(20, 30, 4), (30, 20, 4), (9, 9, 5), (50, 6, 5), (6, 6, 5), (40, 40, 1)]
WIDE = [(5, 7, 12), (7, 5, 12), (3, 40, 12), (40, 3, 12), (1, 30, 3), (1, 4, 12), (4, 4, 4)]


def moments(x):
    return x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False, bias=True))


def textbook(x, y):
    """With SciPy's root of a matrix; the ridge keeps it away from singular matrices."""
    (mean1, s1), (mean2, s2) = moments(x), moments(y)
    root = scipy.linalg.sqrtm(s1)
    cross = scipy.linalg.sqrtm(root @ s2 @ root)
    squared = ((mean1 - mean2) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(cross).real
    return np.sqrt(squared)


def singular_values(x, y):
    """The formula in nuclear norms, which needs no root and takes singular covariances."""
    a, b = ((z - z.mean(axis=0)) / np.sqrt(len(z)) for z in (x, y))
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    offset = x.mean(axis=0) - y.mean(axis=0)
    return np.sqrt(offset @ offset + (a**2).sum() + (b**2).sum() - 2 * cross)


@pytest.mark.parametrize("shape", SHAPES)
def test_regular_covariances(rng, shape):
    n, m, d = shape
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    y = rng.normal(size=(m, d)) @ rng.normal(size=(d, d)) + 0.3
    value = gaussian_wasserstein(x, y)
    np.testing.assert_allclose(value, textbook(x, y), rtol=1e-8)
    np.testing.assert_allclose(value, singular_values(x, y), rtol=1e-11)
    (mean1, s1), (mean2, s2) = moments(x), moments(y)
    pot = ot.gaussian.bures_wasserstein_distance(mean1, mean2, s1, s2)
    np.testing.assert_allclose(value, pot, rtol=1e-8)


@pytest.mark.parametrize("shape", WIDE)
def test_singular_covariances(rng, shape):
    n, m, d = shape
    x, y = rng.normal(size=(n, d)), 1.5 * rng.normal(size=(m, d)) + 0.3
    np.testing.assert_allclose(gaussian_wasserstein(x, y), singular_values(x, y), rtol=1e-11)


def test_point_masses_and_one_dimension(rng):
    x, y = rng.normal(size=(1, 5)), rng.normal(size=(1, 5))
    np.testing.assert_allclose(gaussian_wasserstein(x, y), np.linalg.norm(x - y), rtol=1e-14)
    # A point against a cloud: all of the cloud's variance, and the means.
    y = rng.normal(size=(30, 5))
    expected = np.sqrt(((y - x) ** 2).sum(axis=1).mean())
    np.testing.assert_allclose(gaussian_wasserstein(x, y), expected, rtol=1e-13)
    x, y = rng.normal(size=40), 3.0 * rng.normal(size=25) + 1.0
    expected = np.hypot(x.mean() - y.mean(), x.std() - y.std())
    np.testing.assert_allclose(gaussian_wasserstein(x, y), expected, rtol=1e-13)


def test_commuting_covariances(rng):
    """Scaling by features: W2^2 is the sum of squared differences of standard deviations."""
    x = np.linalg.qr(rng.normal(size=(50, 4)))[0]
    x = x - x.mean(axis=0)
    x = np.sqrt(50) * np.linalg.qr(x)[0]  # covariance one, mean zero
    scales1, scales2 = np.array([1.0, 2.0, 0.0, 3.0]), np.array([0.5, 2.0, 1.0, 0.0])
    value = gaussian_wasserstein(x * scales1, x * scales2 + [0.0, 0.0, 0.0, 2.0])
    expected = np.sqrt(((scales1 - scales2) ** 2).sum() + 4.0)
    np.testing.assert_allclose(value, expected, rtol=1e-13)


def test_digits_beside_zero(rng):
    """tr S1 + tr S2 - 2 |.|_* would leave 1e-8 here; the sum of squares keeps its digits."""
    x = rng.normal(size=(60, 5))
    for step in (1e-4, 1e-7, 1e-9):
        y = x.mean(axis=0) + (1.0 + step) * (x - x.mean(axis=0))
        expected = step * np.sqrt(x.var(axis=0).sum())
        np.testing.assert_allclose(gaussian_wasserstein(x, y), expected, rtol=1e-13 / step + 1e-12)


def test_at_most_the_transport_of_the_samples(rng):
    x, y = rng.normal(size=(30, 3)) ** 3, rng.normal(size=(30, 3))
    transport = np.sqrt(ot.emd2([], [], ot.dist(x, y)))
    assert gaussian_wasserstein(x, y) < transport


def test_two_gaussians_in_large_samples(rng):
    x, y = rng.normal(size=(40_000, 2)), rng.normal(size=(30_000, 2)) * [2.0, 0.5] + [1.0, 0.0]
    expected = np.sqrt(1.0 + 1.0 + 0.25)
    assert (
        abs(gaussian_wasserstein(x, y) - expected) < 0.03
    )  # 4 standard errors of means and deviations


def test_close_samples_far_from_the_origin_in_single_precision(rng):
    """Against the same numbers in float64; without a common centre the error is 1e-3."""
    x, y = rng.normal(size=(40_000, 3)) + 1_000.0, rng.normal(size=(30_000, 3)) + 1_000.01
    x, y = x.astype(np.float32), y.astype(np.float32)
    exact = gaussian_wasserstein(x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(gaussian_wasserstein(x, y), exact, rtol=1e-4)


@pytest.mark.parametrize("shape", [*SHAPES, *WIDE, (30, 30, 4)])
def test_gradient_with_singular_covariances(rng, shape):
    """One constant feature and one that repeats another: the QR that reduces the rows is singular too."""
    n, m, d = shape
    x, y = rng.normal(size=(n, d + 2)), 1.5 * rng.normal(size=(m, d + 2)) + 0.3
    for z in (x, y):
        z[:, -1], z[:, -2] = 1.0, z[:, 0]
    # Directions keep the rank: outside of it the distance has a kink, and no derivative.
    dx, dy = rng.normal(size=x.shape), rng.normal(size=y.shape)
    for z in (dx, dy):
        z[:, -1], z[:, -2] = 0.0, z[:, 0]
    with jax.enable_x64(True):
        function = jax.jit(gaussian_wasserstein)
        slopes = jax.grad(function, argnums=(0, 1))(jnp.asarray(x), jnp.asarray(y))
        ends = [float(function(x + step * dx, y + step * dy)) for step in (1e-5, -1e-5)]
    along = np.vdot(slopes[0], dx) + np.vdot(slopes[1], dy)
    np.testing.assert_allclose(along, (ends[0] - ends[1]) / 2e-5, rtol=1e-6, atol=1e-8)


def test_forward_derivative_is_the_backward_one(rng):
    x, y, dx = (jnp.asarray(rng.normal(size=(n, 3)), np.float32) for n in (9, 7, 9))
    _, forward = jax.jvp(lambda x: gaussian_wasserstein(x, y), (x,), (dx,))
    backward = jnp.vdot(jax.grad(gaussian_wasserstein)(x, y), dx)
    np.testing.assert_allclose(forward, backward, rtol=1e-5)


@pytest.mark.parametrize("shape", [(20, 4), (3, 4), (1, 4)])
def test_moments(rng, shape):
    x = rng.normal(size=shape) + 10.0
    with jax.enable_x64(True):
        mean, factor = map(np.asarray, _gaussian._moments(jnp.asarray(x)))
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-14)
    assert factor.shape == (min(shape), 4)
    np.testing.assert_allclose(factor.T @ factor, np.cov(x, rowvar=False, bias=True), atol=1e-13)


def test_pairs_of_moments_under_vmap_with_rows_of_zeros(rng):
    samples = [rng.normal(size=(n, 4)) + i for i, n in enumerate((9, 2, 1))]
    with jax.enable_x64(True):
        each = [_gaussian._moments(jnp.asarray(x)) for x in samples]
        means = jnp.stack([mean for mean, _ in each])
        factors = jnp.stack([jnp.pad(f, ((0, 4 - len(f)), (0, 0))) for _, f in each])
        inner = jax.vmap(_gaussian._squared_between, in_axes=(None, 0))
        table = jax.vmap(inner, in_axes=(0, None))((means, factors), (means, factors))
    expected = [[gaussian_wasserstein(x, y) for y in samples] for x in samples]
    np.testing.assert_allclose(np.sqrt(table), expected, rtol=1e-12, atol=1e-13)
